"""Reductions over axes."""

from __future__ import annotations

from math import prod

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.gradients.table import GRADIENTS, Back
from nnc.backends.onnx.model import ELEMENT_TYPES


def _wide(at: Back, handle: Handle) -> Handle:
    """A value or gradient in the shape of the result, with axes of size 1 for those that are
    gone; it broadcasts against the input."""
    axes = at.axes(1, at.rank(at.x()))
    if at.attribute("keepdims", 1) or axes is None:
        return handle
    return at.add("Unsqueeze", handle, at.whole(axes, "axes"))


def _repeated(at: Back, gradient: Handle) -> Handle:
    """A gradient repeated along the axes that were reduced."""
    return at.add("Expand", _wide(at, gradient), at.shape_of(at.x()))


@GRADIENTS.of("ReduceSum")
def reduce_sum(at: Back) -> None:
    at.give(0, _repeated(at, at.gradient))


@GRADIENTS.of("ReduceMean")
def reduce_mean(at: Back) -> None:
    if at.needs():
        at.give(0, _repeated(at, at.add("Div", at.gradient, count(at))))


def count(at: Back) -> Handle:
    """How many elements each mean is of, a float."""
    shape = at.shape(at.x())
    axes = at.axes(1, len(shape))
    sizes = [shape[axis] for axis in (range(len(shape)) if axes is None else axes)]
    known = [size for size in sizes if size is not None]
    if len(known) == len(sizes):
        return at.number(float(prod(known)), "count")
    whole = at.add("Div", at.add("Size", at.x()), at.add("Size", at.y))
    return at.add("Cast", whole, to=ELEMENT_TYPES[at.float_type])


@GRADIENTS.of("ReduceSumSquare")
def reduce_sum_square(at: Back) -> None:
    if at.needs():
        at.give(0, at.mul(at.times(at.x(), 2.0), _wide(at, at.gradient)))


@GRADIENTS.of("ReduceMax", "ReduceMin")
def reduce_max(at: Back) -> None:
    """Equal ones share the gradient."""
    if not at.needs():
        return
    hit = at.add("Equal", at.x(), _wide(at, at.y))
    ones = at.add("Cast", hit, to=ELEMENT_TYPES[at.dtype(at.x())])
    axes = [at.x(1)] if at.has(1) else []
    many = at.add("ReduceSum", ones, *axes, keepdims=at.attribute("keepdims", 1))
    at.give(0, at.mul(ones, _wide(at, at.add("Div", at.gradient, many))))


@GRADIENTS.of("ReduceProd")
def reduce_prod(at: Back) -> None:
    """The product of the others: of all that aren't 0, divided by the element, where there is no 0;
    beside the only 0 nothing, but for the 0 itself; beside two of them nothing at all."""
    if not at.needs():
        return
    axes = [at.x(1)] if at.has(1) else []
    one, zero = at.scalar(1.0, at.x()), at.scalar(0.0, at.x())
    is_zero = at.add("Equal", at.x(), zero)
    factors = at.add("Where", is_zero, one, at.x())
    product = at.add("ReduceProd", factors, *axes, keepdims=1)
    zeros = at.add("Cast", is_zero, to=ELEMENT_TYPES[at.dtype(at.x())])
    count = at.add("ReduceSum", zeros, *axes, keepdims=1)
    counts = at.add("Where", is_zero, at.add("Sub", count, one), count)
    alone = at.add("Cast", at.add("Equal", counts, zero), to=ELEMENT_TYPES[at.dtype(at.x())])
    others = at.add("Div", at.mul(product, alone), factors)
    at.give(0, at.mul(_wide(at, at.gradient), others))


@GRADIENTS.of("GlobalAveragePool")
def global_average_pool(at: Back) -> None:
    shape = at.shape(at.x())
    places = [size for size in shape[2:] if size is not None]
    if len(places) == len(shape) - 2:
        number = at.number(float(prod(places)), "count")
    else:
        whole = at.add("Div", at.add("Size", at.x()), at.add("Size", at.y))
        number = at.add("Cast", whole, to=ELEMENT_TYPES[at.float_type])
    share = at.add("Div", at.gradient, number)
    at.give(0, at.add("Expand", share, at.shape_of(at.x())))
