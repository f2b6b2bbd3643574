"""Reductions over axes of one example."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site, batch_axis, one_or_each
from nnc.compiler.vocabulary.ops.reduction import (
    Argmax,
    LogSumExp,
    Max,
    Mean,
    Min,
    Prod,
    Reduction,
    Std,
    Sum,
    Var,
)

_METHODS: dict[type[Reduction], str] = {
    LogSumExp: "logsumexp",
    Max: "amax",
    Mean: "mean",
    Min: "amin",
    Sum: "sum",
}


@OPS.lowers(*_METHODS)
def reduce(op: Reduction, at: Site) -> Lowered:
    axes = tuple(map(batch_axis, op.reduced(at.type.rank)))
    if not axes:
        # For torch no axes would be all of them, the batch included.
        return at.input
    options: dict[str, object] = {"dim": one_or_each(axes)}
    if op.keep_axes:
        options["keepdim"] = True
    return py.method(at.input, _METHODS[type(op)], **options)


@OPS.lowers(Var, Std)
def spread(op: Var | Std, at: Site) -> Lowered:
    axes = tuple(map(batch_axis, op.reduced(at.type.rank)))
    if not axes:  # of one number
        return py.binary("-", at.input, at.input)
    keep = {"keepdim": True} if op.keep_axes else {}
    options = {"dim": one_or_each(axes), "correction": op.correction, **keep}
    return py.method(at.input, op.word, **options)


@OPS.lowers(Prod)
def product(op: Prod, at: Site) -> Lowered:
    """PyTorch multiplies along one axis at a time."""
    made: py.Expr = at.input
    for axis in reversed(op.reduced(at.type.rank)):
        options: dict[str, object] = {"keepdim": True} if op.keep_axes else {}
        made = py.method(made, "prod", dim=batch_axis(axis), **options)
    return made


@OPS.lowers(Argmax)
def argmax(op: Argmax, at: Site) -> Lowered:
    options: dict[str, object] = {"keepdim": True} if op.keep_axes else {}
    return py.method(at.input, "argmax", dim=batch_axis(op.axis), **options)
