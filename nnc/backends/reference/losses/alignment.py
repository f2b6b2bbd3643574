"""Losses of sequences whose places are not known."""

from __future__ import annotations

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.losses.classification import class_numbers, log_softmax
from nnc.backends.reference.table import Judged, losses
from nnc.backends.reference.tape import Array, Tensor
from nnc.compiler.vocabulary.losses import alignment as words

NEVER = -1e30
"""The logarithm of the chance of what can't be."""


@losses.lowers(words.Ctc)
def ctc(loss: words.Ctc, at: Judged) -> Tensor:
    """The states of an example are its labels with a blank before, between and behind. From one
    step to the next a state is kept, or left for the next one, or for the label after that if it is
    another label."""
    logs = log_softmax(at.prediction)
    labels = class_numbers(loss.word, at.target, logs.shape[-1])
    blanks = np.full_like(labels, loss.blank)
    before = np.concatenate([blanks[:, :1], labels[:, :-1]], axis=1)
    skips = _between(np.zeros_like(labels, bool), (labels != loss.blank) & (labels != before))
    states = _between(blanks, labels)
    chosen = states[:, None, :] == np.arange(logs.shape[-1])[:, None]
    found = logs @ tape.constant(chosen.astype(np.float64))
    places = np.arange(states.shape[1])
    sums = found[:, 0] + tape.constant(np.where(places < 2, 0.0, NEVER))
    for step in range(1, logs.shape[1]):
        after = tape.pad(sums, ((0, 0), (1, -1)), NEVER)
        skipping = tape.where(skips, tape.pad(sums, ((0, 0), (2, -2)), NEVER), NEVER)
        sums = _log_sum(tape.stack([sums, after, skipping], -1)) + found[:, step]
    last = 2 * (labels != loss.blank).cumprod(axis=1).sum(axis=1)[:, None]
    ends = (places == last) | (places == last - 1)
    chance = _log_sum(tape.where(ends, sums, NEVER))
    return at.reduced(loss, tape.where(chance.value > NEVER / 2, -chance, 0.0))


def _between(blanks: Array, labels: Array) -> Array:
    """[batch, n] twice -> [batch, 2·n + 1]: a blank's value before, between and behind labels'."""
    pairs = np.stack([blanks, labels], axis=2).reshape(len(labels), -1)
    return np.concatenate([pairs, blanks[:, :1]], axis=1)


def _log_sum(x: Tensor) -> Tensor:
    """ln Σ eˣ along the last axis."""
    largest = x.value.max(axis=-1)
    shifted = x - tape.constant(largest[..., None])
    return tape.log(tape.total(tape.exp(shifted), -1)) + tape.constant(largest)
