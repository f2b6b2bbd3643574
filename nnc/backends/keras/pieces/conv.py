from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras import layers, ops


class ConvTranspose2D(layers.Layer):
    """Transposed convolution with groups, dilation and free crops, channels last.

    `crops` is what is cut off the full result before and after height and width; a
    negative number adds zeros instead. The bias is added last.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: tuple[int, int],
        strides: tuple[int, int],
        crops: tuple[tuple[int, int], tuple[int, int]],
        dilation_rate: tuple[int, int] = (1, 1),
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
        self.dilation_rate = dilation_rate
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
        height, width, filters, channels = self.kernel.shape
        down, right = self.dilation_rate
        kernel = ops.reshape(self.kernel, (height, 1, width, 1, filters, channels))
        zeros = ((0, 0), (0, down - 1), (0, 0), (0, right - 1), (0, 0), (0, 0))
        kernel = ops.reshape(
            ops.pad(kernel, zeros), (height * down, width * right, filters, channels)
        )
        return kernel[: (height - 1) * down + 1, : (width - 1) * right + 1]

    def transposed(self, x: Any, kernel: Any) -> Any:
        """The full result for one group."""
        batch, height, width, _ = ops.shape(x)
        size = (
            batch,
            (height - 1) * self.strides[0] + kernel.shape[0],
            (width - 1) * self.strides[1] + kernel.shape[1],
            kernel.shape[2],
        )
        return tf.nn.conv2d_transpose(x, kernel, size, self.strides, padding="VALID")

    def cropped(self, y: Any) -> Any:
        zeros = [(max(-lo, 0), max(-hi, 0)) for lo, hi in self.crops]
        y = ops.pad(y, ((0, 0), *zeros, (0, 0)))
        (top, bottom), (left, right) = [
            (max(lo, 0), -max(hi, 0) or None) for lo, hi in self.crops
        ]
        return y[:, top:bottom, left:right]
