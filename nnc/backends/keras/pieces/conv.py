from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras import layers, ops


class TrueConv1D(layers.Conv1D):
    """A true convolution: the kernel is turned round."""

    def call(self, x: Any) -> Any:
        y = ops.conv(
            x,
            ops.flip(self.kernel, axis=0),
            strides=self.strides,
            padding=self.padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )
        return y + self.bias if self.use_bias else y


class TrueConv2D(layers.Conv2D):
    """A true convolution: the kernel is turned by 180 degrees."""

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        return super().convolution_op(inputs, ops.flip(kernel, axis=(0, 1)))


class TrueConv3D(layers.Conv3D):
    """A true convolution: the kernel is turned round along every spatial axis."""

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        return super().convolution_op(inputs, ops.flip(kernel, axis=(0, 1, 2)))


class SeparableConv(layers.Layer):
    """A convolution of every channel by itself, and one that mixes the channels."""

    def __init__(self, depthwise: Any, pointwise: Any, **options: Any) -> None:
        super().__init__(**options)
        self.depthwise = depthwise
        self.pointwise = pointwise

    def call(self, x: Any) -> Any:
        return self.pointwise(self.depthwise(x))


class ConvTranspose(layers.Layer):
    """Transposed convolution with groups, dilation and free crops, channels last.

    `crops` is what is cut off the full result before and after each spatial axis; a
    negative number adds zeros instead. The bias is added last.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: tuple[int, ...],
        strides: tuple[int, ...],
        crops: tuple[tuple[int, int], ...],
        dilation_rate: tuple[int, ...] | None = None,
        groups: int = 1,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.crops = crops
        self.dilation_rate = dilation_rate or (1,) * len(kernel_size)
        self.groups = groups
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.kernel = self.add_weight(
            shape=(*self.kernel_size, self.filters // self.groups, shape[-1]),
            initializer=self.kernel_initializer,
            name="kernel",
        )
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.filters,), initializer=self.bias_initializer, name="bias"
            )

    def call(self, x: Any) -> Any:
        inputs = ops.split(x, self.groups, axis=-1)
        kernels = ops.split(self.spread_kernel(), self.groups, axis=-1)
        parts = [self.transposed(*part) for part in zip(inputs, kernels, strict=True)]
        y = self.cropped(ops.concatenate(parts, axis=-1))
        return y + self.bias if self.use_bias else y

    def spread_kernel(self) -> Any:
        """The kernel with `dilation - 1` zeros between its elements."""
        kernel = self.kernel
        for axis, rate in enumerate(self.dilation_rate):
            if rate > 1:
                shape = kernel.shape
                apart = ops.expand_dims(kernel, axis + 1)
                zeros = [(0, 0)] * (axis + 1) + [(0, rate - 1)]
                zeros += [(0, 0)] * (len(shape) - axis - 1)
                size = (*shape[:axis], shape[axis] * rate, *shape[axis + 1 :])
                spread = ops.reshape(ops.pad(apart, zeros), size)
                kernel = spread[(slice(None),) * axis + (slice(size[axis] - rate + 1),)]
        return kernel

    def transposed(self, x: Any, kernel: Any) -> Any:
        """The full result for one group."""
        batch, *sizes, _ = ops.shape(x)
        full = [
            (n - 1) * stride + span
            for n, stride, span in zip(sizes, self.strides, kernel.shape, strict=False)
        ]
        size = (batch, *full, kernel.shape[-2])
        return tf.nn.conv_transpose(x, kernel, size, self.strides, padding="VALID")

    def cropped(self, y: Any) -> Any:
        zeros = [(max(-lo, 0), max(-hi, 0)) for lo, hi in self.crops]
        y = ops.pad(y, ((0, 0), *zeros, (0, 0)))
        inside = [slice(max(lo, 0), -max(hi, 0) or None) for lo, hi in self.crops]
        return y[:, *inside]
