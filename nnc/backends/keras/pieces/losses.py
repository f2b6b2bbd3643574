"""Losses of each element or example, as Keras lacks them or means in another way.

Keras' own look for the logits behind probabilities, and average the last axis first.
"""

import math
from typing import Any

import tensorflow as tf
from keras import ops


def root_mean_squared_error(prediction: Any, target: Any) -> Any:
    """The root of the mean squared error, with a gradient where there is no error."""
    return ops.sqrt(ops.mean(ops.square(prediction - target)) + 1e-12)


def huber(prediction: Any, target: Any, delta: float) -> Any:
    """Half the square of each error, a line from delta on."""
    errors = prediction - target
    distances = ops.abs(errors)
    lines = delta * (distances - 0.5 * delta)
    return tf.where(distances <= delta, 0.5 * ops.square(errors), lines)


def log_cosh(prediction: Any, target: Any) -> Any:
    """ln cosh of each error, without overflow."""
    distances = ops.abs(prediction - target)
    return distances + tf.math.softplus(-2 * distances) - math.log(2)


def pinball(prediction: Any, target: Any, quantile: float) -> Any:
    """The distance of each prediction from the target: errors below count by the
    quantile, errors above by what is left of 1."""
    errors = target - prediction
    # At a tie tf.maximum would give all of the gradient to one side.
    return tf.reduce_max([quantile * errors, (quantile - 1) * errors], axis=0)


def poisson(rate: Any, target: Any) -> Any:
    """-ln of the probability of each count, without its constant."""
    return rate - target * ops.log(rate + 1e-8)


def gaussian_nll(mean: Any, variance: Any, target: Any) -> Any:
    """-ln of the normal density of each target, without its constant; a variance below
    1e-6 counts as 1e-6 and gets no gradient."""
    variance = tf.clip_by_value(variance, 1e-6, math.inf)
    return 0.5 * (ops.log(variance) + ops.square(mean - target) / variance)


def gaussian_kl(mean: Any, log_variance: Any) -> Any:
    """The divergence of each normal distribution from the standard one."""
    parts = ops.square(mean) + ops.exp(log_variance) - 1 - log_variance
    return 0.5 * ops.sum(parts, axis=-1)


def binary_cross_entropy(logits: Any, target: Any) -> Any:
    """-t ln p - (1 - t) ln(1 - p) of each element with p = sigmoid(logits)."""
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=logits)


def weighted_binary_cross_entropy(
    logits: Any, target: Any, pos_weight: float | list[float]
) -> Any:
    """-w t ln p - (1 - t) ln(1 - p) of each element with p = sigmoid(logits).

    TensorFlow's own has a wrong gradient at the logit 0.
    """
    weight = tf.constant(pos_weight, logits.dtype)
    yes = 1 + (weight - 1) * target
    return (1 - target) * logits + yes * tf.math.softplus(-logits)


def binary_cross_entropy_of_probabilities(
    p: Any, target: Any, pos_weight: float | list[float] = 1.0
) -> Any:
    """-w t ln p - (1 - t) ln(1 - p) of each element.

    p is clipped to [2^-23, 1 - 2^-23].
    """
    p = ops.clip(p, 2**-23, 1 - 2**-23)
    weight = tf.constant(pos_weight, p.dtype)
    return -(weight * target * ops.log(p) + (1 - target) * ops.log1p(-p))


def cross_entropy(logits: Any, target: Any) -> Any:
    """-ln p of the true class with p = softmax(logits).

    `target` has class numbers, or distributions of the same shape as the logits.
    """
    if target.dtype.is_floating:
        return -ops.sum(target * ops.log_softmax(logits, axis=-1), axis=-1)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(target, logits)


def cross_entropy_of_logarithms(
    logs: Any,
    target: Any,
    label_smoothing: float = 0.0,
    weights: list[float] | None = None,
    ignore: int | None = None,
    reduction: str = "mean",
) -> Any:
    """The cross-entropy from logarithms of probabilities, classes on the last axis.

    `target` has class numbers, or distributions of the same shape as `logs`. The mean
    of class numbers divides by the sum of their weights; nothing left gives 0.
    """
    classes = logs.shape[-1]
    spread = label_smoothing / classes
    of_class = tf.constant(weights or [1.0] * classes, logs.dtype)
    weighted = logs * of_class
    if target.dtype.is_floating:
        target = (1 - label_smoothing) * target + spread
        losses = -tf.reduce_sum(target * weighted, axis=-1)
        return ops.sum(losses) if reduction == "sum" else ops.mean(losses)
    kept = (
        tf.ones_like(target)
        if ignore is None
        else tf.cast(target != ignore, target.dtype)
    )
    target = target * kept
    kept = tf.cast(kept, logs.dtype)
    chosen = tf.gather(weighted, target, batch_dims=len(target.shape))
    every = tf.reduce_sum(weighted, axis=-1)
    total = -tf.reduce_sum(((1 - label_smoothing) * chosen + spread * every) * kept)
    if reduction == "sum":
        return total
    return tf.math.divide_no_nan(
        total, tf.reduce_sum(tf.gather(of_class, target) * kept)
    )


def kl_divergence(logs: Any, target: Any) -> Any:
    """The sum of t ln t - t ln p along the last axis."""
    return tf.reduce_sum(tf.math.xlogy(target, target) - target * logs, axis=-1)


def focal(losses: Any, target: Any, alpha: float, gamma: float) -> Any:
    """Binary cross-entropies, what is nearly right counting less."""
    balance = alpha * target + (1 - alpha) * (1 - target)
    return balance * (-tf.math.expm1(-losses)) ** gamma * losses


def categorical_focal(logs: Any, target: Any, gamma: float) -> Any:
    """-ln p of the true classes, what is nearly right counting less.

    `target` has class numbers, or distributions of the same shape as `logs`.
    """
    losses = -((-tf.math.expm1(logs)) ** gamma) * logs
    if target.dtype.is_floating:
        return tf.reduce_sum(target * losses, axis=-1)
    return tf.gather(losses, target, batch_dims=len(target.shape))


def multiclass_hinge(scores: Any, target: Any) -> Any:
    """How much the true class's score lacks to be 1 above the greatest other one."""
    is_true = tf.one_hot(target, scores.shape[-1], on_value=True, off_value=False)
    others = tf.reduce_max(tf.where(is_true, -math.inf, scores), axis=-1)
    chosen = tf.gather(scores, target, batch_dims=len(target.shape))
    return ops.relu(1 + others - chosen)


def cosine_distance(prediction: Any, target: Any) -> Any:
    """1 - the cosine of the angle of vectors on the last axis; 1 for the vector 0."""
    first, second = (
        ops.sqrt(ops.sum(ops.square(x), axis=-1) + 1e-12) for x in (prediction, target)
    )
    return 1 - ops.sum(prediction * target, axis=-1) / (first * second)


def distance(first: Any, second: Any) -> Any:
    """The length of the difference of vectors on the last axis."""
    return ops.sqrt(ops.sum(ops.square(first - second + 1e-6), axis=-1))


def triplet(anchor: Any, positive: Any, negative: Any, margin: float) -> Any:
    """How much the negative is less than a margin farther away than the positive."""
    return ops.relu(distance(anchor, positive) - distance(anchor, negative) + margin)


def ctc(scores: Any, target: Any, blank: int) -> Any:
    """-ln of the chance that the labels before the first blank are read off the steps;
    0 when they do not fit.

    TensorFlow's own computes in float32 alone, and gives 713 for what does not fit.
    """
    never = tf.constant(-1e30, scores.dtype)
    target = tf.cast(target, "int32")
    given = tf.cast(target != blank, "int32")
    last = 2 * tf.reduce_sum(tf.math.cumprod(given, axis=1), axis=1, keepdims=True)
    # A blank before, between and behind the labels.
    pairs = tf.stack([tf.fill(tf.shape(target), blank), target], axis=2)
    states = tf.reshape(pairs, (tf.shape(target)[0], -1))
    states = tf.pad(states, [[0, 0], [0, 1]], constant_values=blank)
    before = tf.pad(states[:, :-2], [[0, 0], [2, 0]], constant_values=blank)
    skips = (states != blank) & (states != before)
    places = tf.range(tf.shape(states)[1])
    logs = tf.gather(tf.nn.log_softmax(scores), states, axis=2, batch_dims=1)
    logs = tf.transpose(logs, (1, 0, 2))

    def shifted(sums: Any, by: int) -> Any:
        return tf.pad(sums[:, :-by], [[0, 0], [by, 0]], constant_values=-1e30)

    def step(sums: Any, found: Any) -> Any:
        skipping = tf.where(skips, shifted(sums, 2), never)
        ways = tf.stack([sums, shifted(sums, 1), skipping])
        return tf.reduce_logsumexp(ways, axis=0) + found

    sums = tf.foldl(step, logs[1:], tf.where(places < 2, logs[0], never))
    ends = (places == last) | (places == last - 1)
    chance = tf.reduce_logsumexp(tf.where(ends, sums, never), axis=1)
    return tf.where(chance > never / 2, -chance, tf.zeros_like(chance))
