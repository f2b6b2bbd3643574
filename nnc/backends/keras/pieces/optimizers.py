from __future__ import annotations

from typing import Any

import keras
from keras import ops


class SGD(keras.optimizers.Optimizer):
    """v = momentum * v + g; w = w - rate * v, or w - rate * (g + momentum * v) with
    `nesterov`.

    Unlike Keras' own, the rate is no part of v, so it may change, and `l2` is coupled
    decay.
    """

    def __init__(
        self,
        learning_rate: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        l2: float = 0.0,
    ) -> None:
        super().__init__(learning_rate, name="sgd")
        self.momentum = momentum
        self.nesterov = nesterov
        self.l2 = l2

    def build(self, variables: Any) -> None:
        if not self.built:
            super().build(variables)
            self.velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        velocity = self.velocities[self._get_variable_index(variable)]
        rate = ops.cast(learning_rate, variable.dtype)
        gradient = gradient + self.l2 * variable
        velocity.assign(self.momentum * velocity + gradient)
        step = gradient + self.momentum * velocity if self.nesterov else velocity
        variable.assign_sub(rate * step)


class RMSprop(keras.optimizers.Optimizer):
    """v = decay * v + (1 - decay) * g^2; w = w - rate * g / (sqrt(v) + epsilon).

    Unlike Keras' own, epsilon stands outside the root.
    """

    def __init__(self, learning_rate: float, decay: float, epsilon: float) -> None:
        super().__init__(learning_rate, name="rmsprop")
        self.decay = decay
        self.epsilon = epsilon

    def build(self, variables: Any) -> None:
        if not self.built:
            super().build(variables)
            self.squares = self.add_optimizer_variables(variables, "square")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        square = self.squares[self._get_variable_index(variable)]
        rate = ops.cast(learning_rate, variable.dtype)
        square.assign(self.decay * square + (1 - self.decay) * ops.square(gradient))
        variable.assign_sub(rate * gradient / (ops.sqrt(square) + self.epsilon))


class Adam(keras.optimizers.Optimizer):
    """Adam with epsilon added to the corrected root, and decoupled weight decay
    (AdamW).

    m = m + (1 - beta1) * (g - m); v = beta2 * v + (1 - beta2) * g^2; w = w * (1 - rate
    * decay); w = w - rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) +
    epsilon).
    """

    def __init__(
        self,
        learning_rate: float,
        beta1: float,
        beta2: float,
        epsilon: float,
        decay: float = 0.0,
    ) -> None:
        super().__init__(learning_rate, name="adam")
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.decay = decay

    def build(self, variables: Any) -> None:
        if not self.built:
            super().build(variables)
            self.means, self.squares = self.add_optimizer_variables(
                variables, ["mean", "square"]
            )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        mean, square = self.means[index], self.squares[index]
        rate = ops.cast(learning_rate, variable.dtype)
        if self.decay:
            variable.assign(variable * (1 - rate * self.decay))
        mean.assign(mean + (1 - self.beta1) * (gradient - mean))
        square.assign(self.beta2 * square + (1 - self.beta2) * ops.square(gradient))
        first, second = self.correction(self.beta1), self.correction(self.beta2)
        root = (
            ops.sqrt(square) / ops.cast(ops.sqrt(second), variable.dtype) + self.epsilon
        )
        variable.assign_sub(rate / ops.cast(first, variable.dtype) * mean / root)

    def correction(self, beta: float) -> Any:
        """1 - beta^t, in float64: in float32 it would lose five digits."""
        step = ops.cast(self.iterations + 1, "float64")
        return 1 - ops.power(ops.convert_to_tensor(beta, "float64"), step)
