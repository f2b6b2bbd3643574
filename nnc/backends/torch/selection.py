"""Parts of a value along an axis."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Several, Site, batch_axis
from nnc.compiler.vocabulary.ops.selection import Gather, Repeat, Slice, Split


def _part(
    x: py.Expr, axis: int, start: int | None, stop: int | None, step: int = 1
) -> py.Subscript:
    """x[:, start:stop:step] along an axis of the batch."""
    lower, upper = (None if n is None else py.literal(n) for n in (start or None, stop))
    chosen = py.Slice(lower, upper, py.literal(step) if step > 1 else None)
    return py.subscript(x, (*(py.Slice() for _ in range(axis)), chosen))


@OPS.lowers(Slice)
def take_slice(op: Slice, at: Site) -> Lowered:
    axis = op.axis % at.type.rank + 1
    found = op.indices()
    if isinstance(at.type.shape[axis - 1], int) or found is None:
        return _part(at.input, axis, op.start, op.stop, op.step)
    # narrow refuses an axis that is too short, where brackets give less.
    length = len(range(found.start, found.stop))
    part = py.method(at.input, "narrow", axis, found.start, length)
    return part if op.step == 1 else _part(part, axis, None, None, op.step)


@OPS.lowers(Split)
def split(op: Split, at: Site) -> Lowered:
    count = len(op.result_names())
    dim = batch_axis(op.axis)
    if op.sizes is None:
        made = py.method(at.input, "chunk", count, dim=dim)
    else:
        made = py.method(at.input, "split", list(op.sizes), dim=dim)
    return Several(made, count, tuple(range(count)))


@OPS.lowers(Gather)
def gather(op: Gather, at: Site) -> Lowered:
    x, numbers = at.inputs
    axis = op.axis % at.type.rank + 1
    if at.type.rank == at.node.inputs[1].type.rank == 1:
        return py.method(x, "gather", 1, _long(numbers, at))
    return py.call(at.piece("selection:take"), x, _long(numbers, at), axis)


def _long(numbers: py.Expr, at: Site) -> py.Expr:
    """Numbers as PyTorch gathers by them: in 64 bits."""
    return numbers if at.node.inputs[1].type.dtype == "i64" else py.method(numbers, "long")


@OPS.lowers(Repeat)
def repeat(op: Repeat, at: Site) -> Lowered:
    axis = op.axis % at.type.rank + 1
    times = [op.times if i == axis else 1 for i in range(at.type.rank + 1)]
    return py.method(at.input, "repeat", *times)
