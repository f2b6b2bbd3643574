"""Units with slopes, gates, pieces or centres."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle, Place, Rows
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.units import GLU, RBF, Maxout, PReLU


@ops.lowers(PReLU)
def prelu(op: PReLU, place: Place) -> Handle:
    """The slopes are broadcast from the right: they get an axis of size 1 for each spatial one."""
    ones = (1,) * (place.type.rank - 1)
    slope = place.packed(
        "slope" if ones else "weight",
        (Rows("weight"),),
        lambda arrays: arrays[0].reshape(-1, *ones),
        lambda array: (array.reshape(-1),),
    )
    return place.add("PRelu", place.x, slope)


@ops.lowers(GLU)
def glu(op: GLU, place: Place) -> Handle:
    axis = op.axis % place.type.rank + 1
    a, b = place.several(
        "Split", place.x, results=("a", "b"), role="halves", axis=axis, num_outputs=2
    )
    return place.add("Mul", a, place.add("Sigmoid", b, role="gate"))


@ops.lowers(Maxout)
def maxout(op: Maxout, place: Place) -> Handle:
    sums = place.add("MatMul", place.x, place.transposed("weight"), role="product")
    if op.has_bias:
        sums = place.add("Add", sums, place.weight("bias"), role="sums")
    rank = place.type.rank
    shape = place.whole([*(0 for _ in range(rank)), op.units, op.pieces], "shape")
    pieces = place.add("Reshape", sums, shape, role="pieces")
    return place.add("ReduceMax", pieces, place.whole([rank + 1], "axis"), keepdims=0)


@ops.lowers(RBF)
def rbf(op: RBF, place: Place) -> Handle:
    rank = place.type.rank
    x = place.add("Unsqueeze", place.x, place.whole([rank], "place"), role="x")
    apart = place.add("Sub", x, place.weight("weight"), role="apart")
    axis = place.whole([rank + 1], "axis")
    distance = place.add("ReduceSumSquare", apart, axis, role="distance", keepdims=0)
    scaled = place.add("Mul", distance, place.weight("beta"), role="scaled")
    return place.add("Exp", place.add("Neg", scaled, role="exponent"))
