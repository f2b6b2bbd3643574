from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from keras import layers, ops


class Embedding(layers.Embedding):
    """A row for each whole number; unlike Keras' own, a negative one is an error."""

    def call(self, numbers: Any) -> Any:
        if numbers.dtype not in ("int32", "int64"):
            numbers = ops.cast(numbers, "int32")
        return tf.gather(self.embeddings, numbers)


class PaddedEmbedding(Embedding):
    """An embedding that doesn't train the row of one number, which begins at 0."""

    def __init__(self, *sizes: int, padding: int, **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.padding = padding

    def build(self, shape: Any = None) -> None:
        super().build(shape)
        table = self.embeddings.numpy().copy()
        table[self.padding] = 0
        self.embeddings.assign(table)

    def call(self, numbers: Any) -> Any:
        found = super().call(numbers)
        is_padding = ops.expand_dims(ops.equal(numbers, self.padding), -1)
        return ops.where(is_padding, ops.stop_gradient(found), found)


class PositionalEncoding(layers.Layer):
    """Adds sin (even places) and cos (odd places) of position / 10000^(2i / units)."""

    def __init__(self, length: int, **options: Any) -> None:
        super().__init__(**options)
        self.length = length

    def build(self, shape: tuple[int | None, ...]) -> None:
        units = shape[-1] or 0
        angles = np.arange(self.length)[:, None] / 10000 ** (
            np.arange(0, units, 2) / units
        )
        table = np.empty((self.length, units))
        table[:, 0::2] = np.sin(angles)
        table[:, 1::2] = np.cos(angles[:, : units // 2])
        self.table = table

    def call(self, x: Any) -> Any:
        table = ops.convert_to_tensor(self.table, dtype=x.dtype)
        return x + table[: ops.shape(x)[1]]


class LearnedPositionalEncoding(layers.Layer):
    """Adds a trained row for each place."""

    def __init__(self, length: int, initializer: Any, **options: Any) -> None:
        super().__init__(**options)
        self.length = length
        self.initializer = initializer

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.weight = self.add_weight(
            shape=(self.length, shape[-1]), initializer=self.initializer, name="weight"
        )

    def call(self, x: Any) -> Any:
        return x + self.weight[: ops.shape(x)[1]]


class RotaryEncoding(layers.Layer):
    """Turns pairs of units by place / base^(2i / units) at each place.

    Pairs are i and i + units / 2, or 2i and 2i + 1 when they are interleaved.
    """

    def __init__(
        self,
        length: int,
        base: float = 10000.0,
        interleaved: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.length = length
        self.base = base
        self.interleaved = interleaved

    def build(self, shape: tuple[int | None, ...]) -> None:
        units = shape[-1] or 0
        self.angles = np.arange(self.length)[:, None] / self.base ** (
            np.arange(0, units, 2) / units
        )

    def call(self, x: Any) -> Any:
        length = ops.shape(x)[-2]
        cos = ops.convert_to_tensor(np.cos(self.angles), dtype=x.dtype)[:length]
        sin = ops.convert_to_tensor(np.sin(self.angles), dtype=x.dtype)[:length]
        if self.interleaved:
            a, b = x[..., 0::2], x[..., 1::2]
            turned = ops.stack((a * cos - b * sin, b * cos + a * sin), axis=-1)
            return ops.reshape(turned, ops.shape(x))
        a, b = ops.split(x, 2, axis=-1)
        return ops.concatenate((a * cos - b * sin, b * cos + a * sin), axis=-1)
