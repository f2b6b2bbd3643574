"""Parts of a value along an axis. All run in the spec's axis order unless the layout pass moved
the axis."""

from __future__ import annotations

from itertools import accumulate

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Lowered, Site, example_axis
from nnc.compiler.vocabulary.ops import selection as words


@OPS.lowers(words.Slice)
def take_slice(op: words.Slice, site: Site) -> py.Expr:
    axis = op.axis % site.type.rank + 1
    found = op.indices()
    if not isinstance(site.type.shape[axis - 1], int) and found is not None:
        # Brackets would give less of an axis that is too short.
        return py.call("ops.take", site.input, list(found), axis=axis)
    lower, upper = (None if n is None else py.literal(n) for n in (op.start or None, op.stop))
    chosen = py.Slice(lower, upper, py.literal(op.step) if op.step > 1 else None)
    return py.subscript(site.input, (*(py.Slice() for _ in range(axis)), chosen))


@OPS.lowers(words.Split)
def split(op: words.Split, site: Site) -> py.Expr:
    axis = example_axis(op.axis)
    if op.sizes is None:
        return py.call("ops.split", site.input, op.parts, axis=axis)
    return py.call("ops.split", site.input, [*accumulate(op.sizes[:-1])], axis=axis)


@OPS.lowers(words.Gather)
def gather(op: words.Gather, site: Site) -> Lowered:
    return site.apply(site.layer("Gather", op.axis % site.type.rank + 1))


@OPS.lowers(words.Repeat)
def repeat(op: words.Repeat, site: Site) -> py.Expr:
    axis = op.axis % site.type.rank + 1
    times = [op.times if i == axis else 1 for i in range(site.type.rank + 1)]
    return py.call("ops.tile", site.input, times)
