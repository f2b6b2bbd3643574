from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras import ops

SMALLEST = 2.0**-23


def mean_squared_error(prediction: Any, target: Any) -> Any:
    """mean (y - t)^2 over every element."""
    return ops.mean(ops.square(prediction - target))


def binary_cross_entropy(logits: Any, target: Any) -> Any:
    """mean of -t * ln p - (1 - t) * ln(1 - p) with p = sigmoid(logits)."""
    return ops.mean(
        tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=logits)
    )


def binary_cross_entropy_of_probabilities(probability: Any, target: Any) -> Any:
    """mean of -t * ln p - (1 - t) * ln(1 - p) with p clipped to [2^-23, 1 - 2^-23].

    Keras' own loss would look for the logits behind the probabilities.
    """
    p = ops.clip(probability, SMALLEST, 1 - SMALLEST)
    return ops.mean(-target * ops.log(p) - (1 - target) * ops.log1p(-p))


def cross_entropy(logits: Any, target: Any) -> Any:
    """mean of -ln softmax(logits) of the true class; `target` holds numbers of
    classes."""
    return ops.mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=logits)
    )


def cross_entropy_of_distribution(logits: Any, target: Any) -> Any:
    """mean of -sum t * ln softmax(logits); `target` is a distribution over the
    classes."""
    return -ops.mean(ops.sum(target * ops.log_softmax(logits, axis=-1), axis=-1))


def cross_entropy_of_probabilities(probability: Any, target: Any) -> Any:
    """mean of -ln p of the true class, p clipped to [2^-23, 1]; `target` holds class
    numbers."""
    true = tf.gather(probability, target, batch_dims=len(target.shape))
    return -ops.mean(ops.log(ops.clip(true, SMALLEST, 1.0)))


def cross_entropy_of_probabilities_and_distribution(
    probability: Any, target: Any
) -> Any:
    """mean of -sum t * ln p, p clipped to [2^-23, 1]; `target` is a distribution."""
    return -ops.mean(
        ops.sum(target * ops.log(ops.clip(probability, SMALLEST, 1.0)), axis=-1)
    )
