"""Ops that move elements without changing them."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site
from nnc.compiler.vocabulary.ops.shape import Flatten, Permute, Reshape, Squeeze, Unsqueeze


@OPS.lowers(Flatten)
def flatten(op: Flatten, at: Site) -> Lowered:
    if at.type.rank == 0:
        return py.method(at.input, "unsqueeze", 1)
    return py.method(at.input, "flatten", 1)


@OPS.lowers(Reshape)
def reshape(op: Reshape, at: Site) -> Lowered:
    # A size that is known is written out: -1 can't be told for a batch of none.
    sizes = (d if isinstance(d, int) else -1 for d in at.result.shape)
    batch = py.subscript(py.attribute(at.input, "shape"), 0)
    return py.method(at.input, "reshape", batch, *sizes)


@OPS.lowers(Permute)
def permute(op: Permute, at: Site) -> Lowered:
    return py.method(at.input, "permute", 0, *(axis % at.type.rank + 1 for axis in op.axes))


@OPS.lowers(Unsqueeze)
def unsqueeze(op: Unsqueeze, at: Site) -> Lowered:
    return py.method(at.input, "unsqueeze", op.axis % at.result.rank + 1)


@OPS.lowers(Squeeze)
def squeeze(op: Squeeze, at: Site) -> Lowered:
    return py.method(at.input, "squeeze", op.axis % at.type.rank + 1)
