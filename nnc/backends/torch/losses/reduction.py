"""The mean or the sum over the numbers of all examples."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.comparison import Comparison
from nnc.compiler.vocabulary.losses.base import Reduced


def reduced(loss: Reduced, found: py.Expr) -> py.Expr:
    """The mean or the sum over all elements of an expression."""
    return py.method(found, loss.reduction)


def native(loss: Reduced, at: Comparison, function: str, **options: object) -> py.Expr:
    """A function of PyTorch that reduces by itself; the mean is what it does unless told."""
    how = {} if loss.reduction == "mean" else {"reduction": loss.reduction}
    return at.call(function, **options, **how)
