"""Units with slopes, gates, pieces or centres."""

from __future__ import annotations

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.compiler.vocabulary.ops.units import GLU, RBF, Maxout, PReLU


@ops.lowers(PReLU)
def prelu(op: PReLU, call: Call) -> Tensor:
    axis = op.channel_axis(call.types[0]) + 1
    shape = [call.x.shape[i] if i == axis else 1 for i in range(call.x.rank)]
    slope = tape.reshape(call.weights["weight"], shape)
    return tape.where(call.x.value > 0, call.x, slope * call.x)


@ops.lowers(GLU)
def glu(op: GLU, call: Call) -> Tensor:
    axis = op.axis % call.types[0].rank + 1
    half = call.x.shape[axis] // 2
    before = (slice(None),) * axis
    return call.x[(*before, slice(half))] * tape.sigmoid(call.x[(*before, slice(half, None))])


@ops.lowers(Maxout)
def maxout(op: Maxout, call: Call) -> Tensor:
    sums = call.x @ tape.swap(call.weights["weight"])
    if op.has_bias:
        sums = sums + call.weights["bias"]
    pieces = tape.reshape(sums, (*sums.shape[:-1], op.units, op.pieces))
    return tape.greatest(pieces, -1)


@ops.lowers(RBF)
def rbf(op: RBF, call: Call) -> Tensor:
    apart = tape.reshape(call.x, (*call.x.shape[:-1], 1, call.x.shape[-1])) - call.weights["weight"]
    return tape.exp(-call.weights["beta"] * tape.total(apart * apart, apart.rank - 1))
