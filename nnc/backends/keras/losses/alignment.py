"""Losses of sequences whose places are not known."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.comparison import LOSSES, Comparison, reduced
from nnc.compiler.vocabulary.losses import alignment as words


@LOSSES.lowers(words.Ctc)
def ctc(loss: words.Ctc, at: Comparison) -> py.Expr:
    return reduced(loss, at.call("ctc", blank=loss.blank))
