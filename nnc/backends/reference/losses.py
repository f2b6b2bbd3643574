"""Losses: the mean over everything."""

from __future__ import annotations

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.table import losses
from nnc.backends.reference.tape import Array, Tensor
from nnc.compiler.vocabulary.losses import BinaryCrossEntropy, CrossEntropy, MeanSquaredError

SMALLEST = 2.0**-23
"""Probabilities are clipped to this and 1 minus this; float32 has both exactly."""


@losses.lowers(MeanSquaredError)
def mean_squared_error(
    loss: MeanSquaredError, prediction: Tensor, target: Array, logits: bool
) -> Tensor:
    return tape.mean((prediction - tape.constant(target)) ** 2)


@losses.lowers(BinaryCrossEntropy)
def binary_cross_entropy(
    loss: BinaryCrossEntropy, prediction: Tensor, target: Array, logits: bool
) -> Tensor:
    t = tape.constant(target)
    if logits:
        return tape.mean(tape.softplus(prediction) - prediction * t)
    p = tape.clip(prediction, SMALLEST, 1.0 - SMALLEST)
    return -tape.mean(t * tape.log(p) + (1.0 - t) * tape.log1p(-p))


@losses.lowers(CrossEntropy)
def cross_entropy(loss: CrossEntropy, prediction: Tensor, target: Array, logits: bool) -> Tensor:
    scores = _log_softmax(prediction) if logits else tape.log(tape.clip(prediction, SMALLEST, 1.0))
    if target.ndim == prediction.rank:
        return -tape.mean(tape.total(scores * tape.constant(target), -1))
    classes = prediction.shape[-1]
    # NumPy would count a negative number from the end.
    if target.size and not 0 <= target.min() <= target.max() < classes:
        raise ValueError(
            f"cross_entropy: class numbers from {target.min()} to {target.max()}, "
            f"but they must be from 0 to {classes - 1}"
        )
    return -tape.mean(tape.pick(scores, np.asarray(target, np.int64)))


def _log_softmax(z: Tensor) -> Tensor:
    shifted = z - tape.constant(z.value.max(axis=-1, keepdims=True))
    return shifted - tape.log(tape.total(tape.exp(shifted), -1, keep=True))
