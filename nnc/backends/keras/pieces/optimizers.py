"""Optimisers whose rate multiplies the whole update and may change from step to step.

Keras' own differ in what they begin with, in where epsilon stands, in float32 where
float64 is needed, or in the kind of their decay.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class Rule(keras.optimizers.Optimizer):
    """An optimiser with tensors of its own for each weight; `l2` is decay as a part of
    the gradient."""

    slots: tuple[str, ...] = ()

    def __init__(self, learning_rate: float, l2: float = 0.0) -> None:
        super().__init__(learning_rate, name=type(self).__name__.lower())
        self.l2 = l2

    def build(self, variables: Any) -> None:
        if not self.built:
            super().build(variables)
            made = self.add_optimizer_variables(variables, list(self.slots))
            self.states = list(zip(*made, strict=True))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        state = self.states[self._get_variable_index(variable)]
        rate = ops.cast(learning_rate, variable.dtype)
        if self.l2:
            gradient = gradient + self.l2 * variable
        self.change(variable, gradient, rate, *state)

    def change(self, variable: Any, gradient: Any, rate: Any, *state: Any) -> None:
        """One update of a weight."""
        raise NotImplementedError


class SGD(Rule):
    """v = momentum * v + g; w = w - rate * v, or w - rate * (g + momentum * v) with
    `nesterov`.

    Unlike Keras' own, the rate is no part of v, so it may change.
    """

    slots = ("velocity",)

    def __init__(
        self,
        learning_rate: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        l2: float = 0.0,
    ) -> None:
        super().__init__(learning_rate, l2)
        self.momentum = momentum
        self.nesterov = nesterov

    def change(self, variable: Any, gradient: Any, rate: Any, *state: Any) -> None:
        (velocity,) = state
        velocity.assign(self.momentum * velocity + gradient)
        step = gradient + self.momentum * velocity if self.nesterov else velocity
        variable.assign_sub(rate * step)


class Adagrad(Rule):
    """s = s + g^2; w = w - rate * g / (sqrt(initial + s) + epsilon).

    Unlike Keras' own, epsilon stands outside the root.
    """

    slots = ("total",)

    def __init__(
        self,
        learning_rate: float,
        epsilon: float,
        initial: float = 0.0,
        l2: float = 0.0,
    ) -> None:
        super().__init__(learning_rate, l2)
        self.epsilon = epsilon
        self.initial = initial

    def change(self, variable: Any, gradient: Any, rate: Any, *state: Any) -> None:
        (total,) = state
        total.assign(total + ops.square(gradient))
        root = ops.sqrt(self.initial + total)
        variable.assign_sub(rate * gradient / (root + self.epsilon))


class Adadelta(Rule):
    """v = decay * v + (1 - decay) * g^2; c = sqrt(d + epsilon) / sqrt(v + epsilon) * g;
    d = decay * d + (1 - decay) * c^2; w = w - rate * c."""

    slots = ("square", "change")

    def __init__(
        self, learning_rate: float, decay: float, epsilon: float, l2: float = 0.0
    ) -> None:
        super().__init__(learning_rate, l2)
        self.decay = decay
        self.epsilon = epsilon

    def change(self, variable: Any, gradient: Any, rate: Any, *state: Any) -> None:
        square, changes = state
        square.assign(self.decay * square + (1 - self.decay) * ops.square(gradient))
        ratio = ops.sqrt(changes + self.epsilon) / ops.sqrt(square + self.epsilon)
        step = ratio * gradient
        changes.assign(self.decay * changes + (1 - self.decay) * ops.square(step))
        variable.assign_sub(rate * step)


class RMSprop(Rule):
    """v = decay * v + (1 - decay) * g^2; b = momentum * b + g / (sqrt(v) + epsilon);
    w = w - rate * b; with `centered` v - m^2 stands for v, m the mean gradient.

    Unlike Keras' own, epsilon stands outside the root and the rate outside b.
    """

    def __init__(
        self,
        learning_rate: float,
        decay: float,
        epsilon: float,
        momentum: float = 0.0,
        centered: bool = False,
        l2: float = 0.0,
    ) -> None:
        super().__init__(learning_rate, l2)
        self.decay = decay
        self.epsilon = epsilon
        self.momentum = momentum
        more = {"mean": centered, "velocity": momentum > 0}
        self.slots = ("square", *(name for name, used in more.items() if used))

    def change(self, variable: Any, gradient: Any, rate: Any, *state: Any) -> None:
        named = dict(zip(self.slots, state, strict=True))
        square = named["square"]
        square.assign(self.decay * square + (1 - self.decay) * ops.square(gradient))
        spread = square
        if (mean := named.get("mean")) is not None:
            mean.assign(mean + (1 - self.decay) * (gradient - mean))
            spread = square - ops.square(mean)
        step = gradient / (ops.sqrt(spread) + self.epsilon)
        if (velocity := named.get("velocity")) is not None:
            velocity.assign(self.momentum * velocity + step)
            step = velocity
        variable.assign_sub(rate * step)


class Moments(Rule):
    """An optimiser with a running mean of the gradient and one of its square."""

    slots: tuple[str, ...] = ("mean", "square")

    def __init__(
        self,
        learning_rate: float,
        beta1: float,
        beta2: float,
        epsilon: float,
        l2: float = 0.0,
    ) -> None:
        super().__init__(learning_rate, l2)
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon

    def renew(self, gradient: Any, mean: Any, square: Any) -> None:
        """m = m + (1 - beta1) * (g - m); v = v + (1 - beta2) * (g^2 - v)."""
        mean.assign_add((1 - self.beta1) * (gradient - mean))
        square.assign_add((1 - self.beta2) * (ops.square(gradient) - square))

    def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
        self.corrections: dict[float, Any] = {}
        return super().apply(grads, trainable_variables)

    def correction(self, beta: float, variable: Any) -> Any:
        """1 - beta^t, in float64: in float32 it would lose five digits. It is the same
        for all weights of a step."""
        if beta not in self.corrections:
            step = ops.cast(self.iterations + 1, "float64")
            power = ops.power(ops.convert_to_tensor(beta, "float64"), step)
            self.corrections[beta] = 1 - power
        return ops.cast(self.corrections[beta], variable.dtype)


class Adam(Moments):
    """w = w - rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon), with
    the numbers of the step taken together.

    Unlike Keras' own, epsilon is added to the corrected root. `decay` is that of AdamW:
    first w = w * (1 - rate * decay). With `amsgrad` the largest v so far stands for v.
    """

    def __init__(
        self,
        learning_rate: float,
        beta1: float,
        beta2: float,
        epsilon: float,
        decay: float = 0.0,
        amsgrad: bool = False,
        l2: float = 0.0,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, l2)
        self.decay = decay
        if amsgrad:
            self.slots = (*self.slots, "largest")

    def change(self, variable: Any, gradient: Any, rate: Any, *state: Any) -> None:
        mean, square, *rest = state
        if self.decay:
            variable.assign(variable * (1 - rate * self.decay))
        self.renew(gradient, mean, square)
        for largest in rest:
            largest.assign(ops.maximum(largest, square))
            square = largest
        unit = ops.sqrt(self.correction(self.beta2, variable))
        first = rate * unit / self.correction(self.beta1, variable)
        variable.assign_sub(first * mean / (ops.sqrt(square) + self.epsilon * unit))


class Adamax(Moments):
    """u = max(beta2 * u, |g| + epsilon); w = w - rate / (1 - beta1^t) * m / u."""

    slots = ("mean", "size")

    def change(self, variable: Any, gradient: Any, rate: Any, *state: Any) -> None:
        mean, size = state
        mean.assign_add((1 - self.beta1) * (gradient - mean))
        size.assign(ops.maximum(self.beta2 * size, ops.abs(gradient) + self.epsilon))
        first = rate / self.correction(self.beta1, variable)
        variable.assign_sub(first * mean / size)


class Nadam(Moments):
    """Adam with Nesterov's momentum u(t) = beta1 * (1 - 0.96^(t * momentum_decay) / 2).

    Unlike Keras' own, `momentum_decay` need not be 1, and the momenta are multiplied in
    float64.
    """

    def __init__(
        self, *arguments: float, momentum_decay: float, **named: float
    ) -> None:
        super().__init__(*arguments, **named)
        self.momentum_decay = momentum_decay

    def build(self, variables: Any) -> None:
        if not self.built:
            super().build(variables)
            self.product = self.add_variable((), "ones", "float64", name="product")

    def momentum(self, ahead: int) -> Any:
        """u(t) of this update, or of the one `ahead`."""
        base = ops.convert_to_tensor(0.96, "float64")
        step = ops.cast(self.iterations + 1 + ahead, "float64")
        return self.beta1 * (1 - 0.5 * ops.power(base, step * self.momentum_decay))

    def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
        self.product.assign(self.product * self.momentum(0))
        return super().apply(grads, trainable_variables)

    def change(self, variable: Any, gradient: Any, rate: Any, *state: Any) -> None:
        mean, square = state
        self.renew(gradient, mean, square)
        now, then = self.momentum(0), self.momentum(1)
        product = ops.convert_to_tensor(self.product)
        new = ops.cast((1 - now) / (1 - product), variable.dtype)
        old = ops.cast(then / (1 - product * then), variable.dtype)
        root = ops.sqrt(square / self.correction(self.beta2, variable)) + self.epsilon
        variable.assign_sub(rate * (new * gradient + old * mean) / root)


class Lion(Rule):
    """w = w * (1 - rate * decay) - rate * sign(beta1 * m + (1 - beta1) * g);
    m = beta2 * m + (1 - beta2) * g."""

    slots = ("mean",)

    def __init__(
        self, learning_rate: float, beta1: float, beta2: float, decay: float = 0.0
    ) -> None:
        super().__init__(learning_rate)
        self.beta1 = beta1
        self.beta2 = beta2
        self.decay = decay

    def change(self, variable: Any, gradient: Any, rate: Any, *state: Any) -> None:
        (mean,) = state
        step = ops.sign(self.beta1 * mean + (1 - self.beta1) * gradient)
        variable.assign(variable * (1 - rate * self.decay) - rate * step)
        mean.assign(self.beta2 * mean + (1 - self.beta2) * gradient)


def norm_of(array: Any) -> Any:
    """The Euclidean norm; Keras' own takes two axes at most."""
    return ops.sqrt(ops.sum(ops.square(array)))


def norm_of_rows(path: str, array: Any) -> Any:
    """The norm of a weight; each bias of a GRU, a row of a variable, has one."""
    if path.endswith("gru_cell/bias"):
        return ops.norm(array, axis=-1, keepdims=True)
    return norm_of(array)


class Lamb(Moments):
    """u = m' / (sqrt(v') + epsilon) + decay * w with the corrected m' and v' of Adam;
    w = w - rate * |w| / |u| * u.

    Unlike Keras' own, the decay stands inside the ratio.
    """

    def __init__(self, *arguments: float, decay: float = 0.0, **named: float) -> None:
        super().__init__(*arguments, **named)
        self.decay = decay

    def change(self, variable: Any, gradient: Any, rate: Any, *state: Any) -> None:
        mean, square = state
        self.renew(gradient, mean, square)
        root = ops.sqrt(square / self.correction(self.beta2, variable)) + self.epsilon
        first = mean / self.correction(self.beta1, variable)
        step = first / root + self.decay * variable
        norm, size = norm_of(variable), norm_of(step)  # when: not blocks
        place = self._get_variable_index(variable)  # when: blocks
        path = self._trainable_variables[place].path  # when: blocks
        norm, size = (norm_of_rows(path, x) for x in (variable, step))  # when: blocks
        whole = ops.logical_and(norm > 0, size > 0)
        trust = ops.where(whole, norm / ops.where(whole, size, 1), 1)
        variable.assign_sub(rate * ops.cast(trust, variable.dtype) * step)
