"""Losses of margins and angles."""

from __future__ import annotations

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.losses.classification import class_numbers
from nnc.backends.reference.table import Judged, losses
from nnc.backends.reference.tape import Tensor
from nnc.compiler.vocabulary.losses import margins as words


def _relu(x: Tensor) -> Tensor:
    return tape.where(x.value > 0, x, 0.0)


@losses.lowers(words.Hinge)
def hinge(loss: words.Hinge, at: Judged) -> Tensor:
    return at.reduced(loss, _relu(1.0 - at.t * at.prediction))


@losses.lowers(words.SquaredHinge)
def squared_hinge(loss: words.SquaredHinge, at: Judged) -> Tensor:
    return at.reduced(loss, _relu(1.0 - at.t * at.prediction) ** 2)


@losses.lowers(words.MulticlassHinge)
def multiclass_hinge(loss: words.MulticlassHinge, at: Judged) -> Tensor:
    scores = at.prediction
    numbers = class_numbers(loss.word, at.target, scores.shape[-1])
    right = np.arange(scores.shape[-1]) == numbers[..., None]
    others = tape.greatest(tape.where(right, -np.inf, scores), -1)
    return at.reduced(loss, _relu(1.0 + others - tape.pick(scores, numbers)))


@losses.lowers(words.CosineDistance)
def cosine_distance(loss: words.CosineDistance, at: Judged) -> Tensor:
    y, t = at.prediction, at.t
    lengths = _length(y) * _length(t)
    return at.reduced(loss, 1.0 - tape.total(y * t, -1) / lengths)


def _length(x: Tensor) -> Tensor:
    return tape.sqrt(tape.total(x**2, -1) + 1e-12)


@losses.lowers(words.Triplet)
def triplet(loss: words.Triplet, at: Judged) -> Tensor:
    anchor, positive, negative = at.predictions
    near, far = _distance(anchor, positive), _distance(anchor, negative)
    return at.reduced(loss, _relu(near - far + loss.margin))


def _distance(u: Tensor, v: Tensor) -> Tensor:
    return tape.sqrt(tape.total((u - v + 1e-6) ** 2, -1))
