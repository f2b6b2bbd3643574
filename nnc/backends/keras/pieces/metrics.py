"""Metrics: what of them is known from a batch, and what follows from all batches."""

import math
from typing import Any

import numpy as np
import tensorflow as tf


def right_classes(scores: Any, target: Any) -> Any:
    """How many answers (the first largest score) are the true class, and of how
    many."""
    return tally(tf.argmax(scores, axis=-1) == tf.cast(target, "int64"))


def right_answers(scores: Any, target: Any, threshold: float = 0.5) -> Any:
    """How many elements agree on yes (above the threshold) or no, and of how many."""
    return tally((scores > threshold) == (target > 0.5))


def right_among(scores: Any, target: Any, k: int) -> Any:
    """How many true classes have fewer than k scores above theirs, and of how many."""
    own = tf.gather(scores, target, batch_dims=len(target.shape))[..., None]
    above = tf.reduce_sum(tf.cast(scores > own, "int32"), axis=-1)
    return tally(above < k)


def tally(found: Any) -> Any:
    """How many are true, and of how many."""
    return summed(tf.cast(found, "float64"))


def summed(numbers: Any) -> Any:
    """The sum, and of how many."""
    numbers = tf.cast(numbers, "float64")
    return tf.stack([tf.reduce_sum(numbers), tf.size(numbers, tf.float64)])


def confused_classes(scores: Any, target: Any) -> Any:
    """How often each class (row) is taken for each (column); no other is counted."""
    count = scores.shape[-1]
    target, answers = tf.cast(target, "int64"), tf.argmax(scores, axis=-1)
    known = (target >= 0) & (target < count)
    return confused(target[known], answers[known], count)


def confused_answers(scores: Any, target: Any, threshold: float = 0.5) -> Any:
    """How often no and yes (rows) are taken for no and yes (columns)."""
    return confused(target > 0.5, scores > threshold, 2)


def confused(truths: Any, answers: Any, count: int) -> Any:
    """How often each truth (row) got each answer (column)."""
    pair = [tf.cast(tf.reshape(part, [-1]), "int64") for part in (truths, answers)]
    return tf.math.confusion_matrix(*pair, count, dtype="int64")


def absolute_errors(prediction: Any, target: Any) -> Any:
    """The sum of the distances, and of how many elements."""
    return summed(tf.abs(prediction - target))


def squared_errors(prediction: Any, target: Any) -> Any:
    """The sum of the squared errors, and of how many elements."""
    return summed(tf.square(prediction - target))


def ratio(parts: list[np.ndarray]) -> float:
    """The sum over the count."""
    amount, number = np.sum(parts, axis=0)
    return float(amount / number)


def confusion_matrix(parts: list[np.ndarray]) -> list[list[int]]:
    """The counts of all batches."""
    counts: list[list[int]] = np.sum(parts, axis=0).tolist()
    return counts


def root_ratio(parts: list[np.ndarray]) -> float:
    """The root of the sum over the count."""
    return math.sqrt(ratio(parts))


def spreads(prediction: Any, target: Any) -> Any:
    """For each place of the last axis: the count, the mean of the targets, their
    squared distances from it, and the squared errors."""
    places = target.shape[-1] if len(target.shape) > 1 else 1
    errors = tf.reshape(tf.cast(prediction - target, "float64"), (-1, places))
    target = tf.reshape(tf.cast(target, "float64"), (-1, places))
    mean = tf.reduce_mean(target, axis=0)
    counts = tf.reduce_sum(tf.ones_like(target), axis=0)
    within = tf.reduce_sum(tf.square(target - mean), axis=0)
    return tf.stack([counts, mean, within, tf.reduce_sum(tf.square(errors), axis=0)])


def r_squared(parts: list[np.ndarray]) -> float:
    """The share of the targets' variance that is explained: a mean over places."""
    counts, means, within, errors = np.stack(parts, axis=1)
    mean = (counts * means).sum(axis=0) / counts.sum(axis=0)
    spread = (within + counts * (means - mean) ** 2).sum(axis=0)
    left = errors.sum(axis=0)
    found = np.where(spread > 0, 1 - left / np.where(spread > 0, spread, 1), left == 0)
    return float(np.mean(found))


def judged_classes(scores: Any, target: Any) -> Any:
    """For each class: how often it is rightly answered, answered, and true."""
    classes = scores.shape[-1]
    answers = tf.one_hot(tf.argmax(scores, axis=-1), classes, dtype="float64")
    return judged(answers, tf.one_hot(target, classes, dtype="float64"))


def judged_answers(scores: Any, target: Any, threshold: float = 0.5) -> Any:
    """How often yes (above the threshold) is rightly answered, answered, and true."""
    answers = tf.cast(scores > threshold, "float64")
    return judged(answers[..., None], tf.cast(target > 0.5, "float64")[..., None])


def judged(answers: Any, truths: Any) -> Any:
    """How often both hold, the first, and the second, along the last axis."""
    axes = list(range(len(answers.shape) - 1))
    found = [answers * truths, answers, truths]
    return tf.stack([tf.reduce_sum(part, axis=axes) for part in found])


def precision(parts: list[np.ndarray]) -> float:
    """The share of answers that are right, the mean over the classes; 0/0 is 0."""
    right, answered, _ = np.sum(parts, axis=0)
    return float(np.mean(right / np.maximum(answered, 1)))


def recall(parts: list[np.ndarray]) -> float:
    """The share of what is true that is answered, the mean over the classes; 0/0 is
    0."""
    right, _, true = np.sum(parts, axis=0)
    return float(np.mean(right / np.maximum(true, 1)))


def f1(parts: list[np.ndarray]) -> float:
    """The harmonic mean of precision and recall: a mean over classes; 0/0 is 0."""
    right, answered, true = np.sum(parts, axis=0)
    return float(np.mean(2 * right / np.maximum(answered + true, 1)))


def scored(scores: Any, target: Any) -> Any:
    """Each score, and whether it belongs to a yes."""
    flat = [tf.reshape(part, [-1]) for part in (scores, target > 0.5)]
    return tf.stack([tf.cast(part, "float64") for part in flat])


def area_under_curve(parts: list[np.ndarray]) -> float:
    """The chance that a yes has a higher score than a no; a tie counts one half."""
    scores, target = np.concatenate(parts, axis=1)
    yes, no = scores[target > 0], np.sort(scores[target == 0])
    if not len(yes) or not len(no):
        return float("nan")
    below, not_above = np.searchsorted(no, yes), np.searchsorted(no, yes, "right")
    return float(np.mean(below + not_above) / (2 * len(no)))
