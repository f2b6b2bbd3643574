"""Reductions over axes of one example."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.backends.onnx.table import ops
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

_OPERATORS: dict[type[Reduction], str] = {
    Max: "ReduceMax",
    Mean: "ReduceMean",
    Min: "ReduceMin",
    Prod: "ReduceProd",
    Sum: "ReduceSum",
}


@ops.lowers(*_OPERATORS)
def reduction(op: Reduction, place: Place) -> Handle:
    axes = [axis + 1 for axis in op.reduced(place.type.rank)]
    if not axes:  # of one number
        return place.x
    return place.add(
        _OPERATORS[type(op)], place.x, place.whole(axes, "axes"), keepdims=int(op.keep_axes)
    )


@ops.lowers(LogSumExp)
def log_sum_exp(op: LogSumExp, place: Place) -> Handle:
    """Written out: not every runtime's ReduceLogSumExp takes the greatest element away first. The
    gradient does not depend on what is taken away and given back."""
    axes = [axis + 1 for axis in op.reduced(place.type.rank)]
    if not axes:  # of one number
        return place.x
    over = place.whole(axes, "axes")
    peak = place.add("ReduceMax", place.x, over, role="peak", keepdims=1)
    fixed = place.detached(peak, role="fixed")
    grown = place.add("Exp", place.add("Sub", place.x, fixed, role="lowered"), role="grown")
    total = place.add("ReduceSum", grown, over, role="total", keepdims=int(op.keep_axes))
    if not op.keep_axes:
        fixed = place.add("Squeeze", fixed, over, role="flat")
    return place.add("Add", place.add("Log", total, role="log"), fixed)


@ops.lowers(Var)
def variance(op: Var, place: Place) -> Handle:
    return _variance(op, place, "")


@ops.lowers(Std)
def standard_deviation(op: Std, place: Place) -> Handle:
    return place.add("Sqrt", _variance(op, place, "variance"))


def _variance(op: Var | Std, place: Place, role: str) -> Handle:
    axes = [axis + 1 for axis in op.reduced(place.type.rank)]
    if not axes:  # of one number
        return place.add("Sub", place.x, place.x, role=role)
    over, keep = place.whole(axes, "axes"), int(op.keep_axes)
    mean = place.add("ReduceMean", place.x, over, role="mean", keepdims=1)
    apart = place.add("Sub", place.x, mean, role="apart")
    square = place.add("Mul", apart, apart, role="square")
    if op.correction == 0:
        return place.add("ReduceMean", square, over, role=role, keepdims=keep)
    total = place.add("ReduceSum", square, over, role="total", keepdims=keep)
    return place.add("Div", total, _fewer(op, place, over), role=role)


def _fewer(op: Var | Std, place: Place, over: Handle) -> Handle:
    """The count of elements less the correction, a float."""
    count = op.count(place.type)
    if count is not None:
        return place.number(float(count - op.correction), "fewer")
    sizes = place.add("Gather", place.add("Shape", place.x, role="shape"), over, role="sizes")
    whole = place.add("ReduceProd", sizes, role="count", keepdims=0)
    fewer = place.add("Sub", whole, place.whole(op.correction, "correction"), role="fewer")
    return place.add("Cast", fewer, role="floats", to=ELEMENT_TYPES[place.float_type])


@ops.lowers(Argmax)
def argmax(op: Argmax, place: Place) -> Handle:
    axis = op.axis % place.type.rank + 1
    return place.add("ArgMax", place.x, axis=axis, keepdims=int(op.keep_axes), select_last_index=0)
