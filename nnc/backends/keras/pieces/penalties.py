"""Penalties on weights and on what layers give."""

from typing import Any

import tensorflow as tf


def sum_of_squares(*weights: Any) -> Any:
    """The sum of all squared elements."""
    return tf.add_n([tf.reduce_sum(tf.square(weight)) for weight in weights])


def sum_of_magnitudes(*weights: Any) -> Any:
    """The sum of the absolute values of all elements."""
    return tf.add_n([tf.reduce_sum(tf.abs(weight)) for weight in weights])


def per_example(total: Any, values: Any) -> Any:
    """A sum over a batch as the mean of its examples."""
    return total / tf.cast(tf.shape(values)[0], total.dtype)
