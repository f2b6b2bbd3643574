"""Units with slopes, gates, pieces or centres."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site, batch_axis
from nnc.compiler.vocabulary.ops.units import GLU, RBF, Maxout, PReLU


@OPS.lowers(PReLU)
def prelu(op: PReLU, at: Site) -> Lowered:
    return at.apply(py.call("nn.PReLU", op.channels(at.type)))


@OPS.lowers(GLU)
def glu(op: GLU, at: Site) -> Lowered:
    return py.call("F.glu", at.input, dim=batch_axis(op.axis))


@OPS.lowers(Maxout)
def maxout(op: Maxout, at: Site) -> Lowered:
    options = {} if op.has_bias else {"bias": False}
    sums = at.apply(py.call("nn.Linear", at.type.shape[-1], op.units * op.pieces, **options))
    return py.method(py.method(sums, "unflatten", -1, (op.units, op.pieces)), "amax", dim=-1)


@OPS.lowers(RBF)
def rbf(op: RBF, at: Site) -> Lowered:
    return at.apply(py.call(at.piece("units:RBF"), at.type.shape[-1], op.units))
