"""Metrics: sums and counts of a batch."""

from typing import Any

import tensorflow as tf


def right_classes(scores: Any, target: Any) -> tuple[Any, Any]:
    """How many answers (the first largest score) are the true class, and of how
    many."""
    right = tf.argmax(scores, axis=-1) == tf.cast(target, "int64")
    return tf.reduce_sum(tf.cast(right, "float64")), tf.size(right)


def right_answers(scores: Any, target: Any, threshold: float = 0.5) -> tuple[Any, Any]:
    """How many elements agree on yes (above the threshold) or no, and of how many."""
    right = (scores > threshold) == (target > 0.5)
    return tf.reduce_sum(tf.cast(right, "float64")), tf.size(right)


def absolute_errors(prediction: Any, target: Any) -> tuple[Any, Any]:
    """The sum of the distances, and of how many elements."""
    errors = tf.cast(tf.abs(prediction - target), "float64")
    return tf.reduce_sum(errors), tf.size(errors)
