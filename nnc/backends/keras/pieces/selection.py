from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras import layers


class Gather(layers.Layer):
    """The elements along an axis that the numbers of the same example name."""

    def __init__(self, axis: int, **options: Any) -> None:
        super().__init__(**options)
        self.axis = axis

    def call(self, x: Any, numbers: Any) -> Any:
        return tf.gather(x, numbers, axis=self.axis, batch_dims=1)
