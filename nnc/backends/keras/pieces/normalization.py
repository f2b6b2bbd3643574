from __future__ import annotations

import math
from typing import Any

import tensorflow as tf
from keras import layers, ops


class BatchNorm(layers.Layer):
    """Batch normalisation of the last axis.

    Unlike Keras' own: `momentum` is the weight of the new batch, the running variance
    takes the unbiased variance, and the mean is subtracted before anything is
    multiplied.
    """

    def __init__(
        self, momentum: float, epsilon: float, affine: bool = True, **options: Any
    ) -> None:
        super().__init__(**options)
        self.momentum = momentum
        self.epsilon = epsilon
        self.affine = affine

    def build(self, shape: tuple[int | None, ...]) -> None:
        size = (shape[-1],)
        if self.affine:
            self.weight = self.add_weight(shape=size, initializer="ones", name="weight")
            self.bias = self.add_weight(shape=size, initializer="zeros", name="bias")
        self.running_mean = self.add_weight(
            shape=size, initializer="zeros", trainable=False, name="running_mean"
        )
        self.running_var = self.add_weight(
            shape=size, initializer="ones", trainable=False, name="running_var"
        )

    def call(self, x: Any, training: bool = False) -> Any:
        if training:
            mean = ops.mean(x, axis=tuple(range(len(x.shape) - 1)))
            centred = x - mean
            variance = ops.mean(
                ops.square(centred), axis=tuple(range(len(x.shape) - 1))
            )
            self.follow(x, mean, variance)
        else:
            centred = x - self.running_mean
            variance = self.running_var
        y = centred * ops.rsqrt(variance + self.epsilon)
        return y * self.weight + self.bias if self.affine else y

    def follow(self, x: Any, mean: Any, variance: Any) -> None:
        """Move the running statistics a little towards those of this batch."""
        count = math.prod(ops.shape(x)[:-1])
        tf.debugging.assert_greater(
            count, 1, "BatchNorm can't learn from a single value a channel"
        )
        unbiased = variance * ops.cast(count, x.dtype) / ops.cast(count - 1, x.dtype)
        for running, new in ((self.running_mean, mean), (self.running_var, unbiased)):
            running.assign((1 - self.momentum) * running + self.momentum * new)


class RMSNorm(layers.Layer):
    """Division by the root of the mean square over the last axes.

    Unlike Keras' own it takes several axes, and can do without a weight.
    """

    def __init__(
        self, epsilon: float, axes: int = 1, affine: bool = True, **options: Any
    ) -> None:
        super().__init__(**options)
        self.epsilon = epsilon
        self.axes = axes
        self.affine = affine

    def build(self, shape: tuple[int | None, ...]) -> None:
        if self.affine:
            self.weight = self.add_weight(
                shape=shape[-self.axes :], initializer="ones", name="weight"
            )

    def call(self, x: Any) -> Any:
        axes = tuple(range(-self.axes, 0))
        square = ops.mean(ops.square(x), axis=axes, keepdims=True)
        y = x * ops.rsqrt(square + self.epsilon)
        return y * self.weight if self.affine else y
