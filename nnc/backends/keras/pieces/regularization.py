"""Numbers drawn in training: functions of a layer's key, the step and the place in the
batch."""

import math
from typing import Any

import tensorflow as tf
from keras import layers

# The step, and which example of the whole batch comes first.
DRAWN_AT = tf.Variable([0, 0], trainable=False, dtype=tf.int64)


def set_step(step: int, row: int = 0) -> None:
    """Tell the layers that draw which step it is, and which example comes first."""
    DRAWN_AT.assign([step, row])


def mixed(h: Any) -> Any:
    """32 bits so that each depends on every bit given ("lowbias32")."""
    h = (h ^ tf.bitwise.right_shift(h, 16)) * 0x7FEB352D
    h = (h ^ tf.bitwise.right_shift(h, 15)) * 0x846CA68B
    return h ^ tf.bitwise.right_shift(h, 16)


def random_bits(key: Any, index: Any) -> Any:
    """32 random bits for each index, all in uint32."""
    return mixed(mixed(index ^ key) ^ key * 0x9E3779B1)


class Drawing(layers.Layer):
    """A layer that draws numbers in training, always the same ones at a step.

    With `axes` an example's axes stand otherwise than they are counted: `axes[i]` at
    place i.
    """

    def __init__(self, key: int, axes: tuple[int, ...] = (), **options: Any) -> None:
        super().__init__(**options)
        self.key = key
        self.axes = axes

    def places(self, shape: Any) -> Any:
        """The number of each element in the whole batch."""
        size = tf.cast(tf.reduce_prod(shape[1:]), tf.uint32)
        index = tf.cast(tf.range(tf.reduce_prod(shape)), tf.uint32)
        index += tf.cast(DRAWN_AT[1], tf.uint32) * size
        if not self.axes:
            return tf.reshape(index, shape)
        order = [0, *(axis + 1 for axis in self.axes)]
        counted = tf.gather(shape, tf.math.invert_permutation(order))
        return tf.transpose(tf.reshape(index, counted), order)

    def draw(self, places: Any) -> Any:
        """24 random bits for each place."""
        step = tf.cast(DRAWN_AT[0], tf.uint32)
        key = random_bits(tf.constant(self.key, tf.uint32), step)
        return tf.bitwise.right_shift(random_bits(key, places), 8)


class Dropout(Drawing):
    """In training makes elements 0 at a rate, and divides the others by 1 - rate."""

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate

    def call(self, x: Any, training: bool = False) -> Any:
        if not training:
            return x
        kept = self.draw(self.places(tf.shape(x))) >= int(self.rate * 2**24)
        return x * tf.cast(kept, x.dtype) / (1 - self.rate)


class SpatialDropout(Drawing):
    """In training makes whole channels 0 at a rate, and divides the others by 1 - rate.
    The channels are the last axis."""

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate

    def call(self, x: Any, training: bool = False) -> Any:
        if not training:
            return x
        shape = tf.gather(tf.shape(x), [0, len(x.shape) - 1])
        kept = self.draw(self.places(shape)) >= int(self.rate * 2**24)
        scales = tf.cast(kept, x.dtype) / (1 - self.rate)
        return x * tf.reshape(scales, [-1, *[1] * (len(x.shape) - 2), x.shape[-1]])


class AlphaDropout(Drawing):
    """In training makes elements the limit of selu at a rate, and then scales and
    shifts all so that a mean of 0 and a variance of 1 stay."""

    limit = -1.0507009873554805 * 1.6732632423543772

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate
        self.scale = ((1 - rate) * (1 + rate * self.limit**2)) ** -0.5

    def call(self, x: Any, training: bool = False) -> Any:
        if not training:
            return x
        kept = self.draw(self.places(tf.shape(x))) >= int(self.rate * 2**24)
        shift = self.scale * self.rate * self.limit
        return tf.where(kept, x, self.limit) * self.scale - shift


def normal_numbers(layer: Drawing, x: Any) -> Any:
    """Normal numbers of mean 0 and variance 1 in the shape of x (Box and Muller)."""
    dtype = tf.float64 if x.dtype == tf.float64 else tf.float32
    twice = layer.places(tf.shape(x)) * 2
    u, v = (tf.cast(layer.draw(places), dtype) for places in (twice, twice + 1))
    radius = tf.sqrt(-2 * tf.math.log((u + 1) / 2**24))
    return tf.cast(radius * tf.cos(v * (2 * math.pi / 2**24)), x.dtype)


class GaussianDropout(Drawing):
    """In training multiplies by normal numbers of mean 1 and variance rate / (1 -
    rate)."""

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.std = (rate / (1 - rate)) ** 0.5

    def call(self, x: Any, training: bool = False) -> Any:
        return x * (1 + self.std * normal_numbers(self, x)) if training else x


class GaussianNoise(Drawing):
    """In training adds normal numbers of mean 0."""

    def __init__(self, std: float, **options: Any) -> None:
        super().__init__(**options)
        self.std = std

    def call(self, x: Any, training: bool = False) -> Any:
        return x + self.std * normal_numbers(self, x) if training else x
