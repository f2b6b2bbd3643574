"""Bounds on gradients."""

from typing import Any

import tensorflow as tf


def clipped_to(gradients: list[Any], limit: float) -> list[Any]:
    """Every element between -limit and limit."""
    return [tf.clip_by_value(gradient, -limit, limit) for gradient in gradients]


def clipped_together(gradients: list[Any], limit: float) -> list[Any]:
    """All times min(1, limit / (norm + 1e-6)), the norm that of all of them together.

    Keras' own `global_clipnorm` lacks the 1e-6.
    """
    squares = tf.add_n([tf.reduce_sum(tf.square(gradient)) for gradient in gradients])
    factor = tf.minimum(limit / (tf.sqrt(squares) + 1e-6), 1.0)
    return [gradient * factor for gradient in gradients]


def clipped_each(gradients: list[Any], limit: float) -> list[Any]:
    """Each times min(1, limit / (norm + 1e-6)), the norm its own.

    Keras' own `clipnorm` lacks the 1e-6.
    """
    return [clipped_together([gradient], limit)[0] for gradient in gradients]
