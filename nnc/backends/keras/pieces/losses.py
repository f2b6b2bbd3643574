"""Losses, metrics and penalties that Keras lacks or means in another way."""

from typing import Any

import tensorflow as tf
from keras import ops


def mean_squared_error(prediction: Any, target: Any) -> Any:
    """The mean of (y - t)^2 over every element."""
    return ops.mean(ops.square(prediction - target))


def binary_cross_entropy(logits: Any, target: Any) -> Any:
    """The mean of -t ln p - (1 - t) ln(1 - p) with p = sigmoid(logits)."""
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=logits)
    return ops.mean(losses)


def binary_cross_entropy_of_probabilities(p: Any, target: Any) -> Any:
    """The mean of -t ln p - (1 - t) ln(1 - p), p clipped to [2^-23, 1 - 2^-23].

    Keras' own loss would look for the logits behind the probabilities.
    """
    p = ops.clip(p, 2**-23, 1 - 2**-23)
    return -ops.mean(target * ops.log(p) + (1 - target) * ops.log1p(-p))


def cross_entropy(logits: Any, target: Any) -> Any:
    """The mean of -ln p of the true class with p = softmax(logits).

    `target` has class numbers, or distributions of the same shape as the logits.
    """
    if target.dtype.is_floating:
        return -ops.mean(ops.sum(target * ops.log_softmax(logits, axis=-1), axis=-1))
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(target, logits)
    return ops.mean(losses)


def cross_entropy_of_probabilities(p: Any, target: Any) -> Any:
    """The mean of -ln p of the true class, p clipped to [2^-23, 1].

    `target` has class numbers, or distributions of the same shape as p.
    """
    logs = ops.log(ops.clip(p, 2**-23, 1.0))
    if target.dtype.is_floating:
        return -ops.mean(ops.sum(target * logs, axis=-1))
    return -ops.mean(tf.gather(logs, target, batch_dims=len(target.shape)))


def sum_of_squares(*weights: Any) -> Any:
    """The sum of all squared elements."""
    return tf.add_n([tf.reduce_sum(tf.square(weight)) for weight in weights])


def sum_of_magnitudes(*weights: Any) -> Any:
    """The sum of the absolute values of all elements."""
    return tf.add_n([tf.reduce_sum(tf.abs(weight)) for weight in weights])


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
