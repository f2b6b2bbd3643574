"""Losses of sequences whose places are not known."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.comparison import LOSSES, Comparison
from nnc.backends.torch.losses.reduction import reduced
from nnc.compiler.vocabulary.losses import alignment as words


@LOSSES.lowers(words.Ctc)
def ctc(loss: words.Ctc, at: Comparison) -> py.Expr:
    return reduced(loss, at.call("losses:ctc", blank=loss.blank))
