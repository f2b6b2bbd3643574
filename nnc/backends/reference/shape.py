"""Ops that move elements. The batch is axis 0 and stays there."""

from __future__ import annotations

from math import prod

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.compiler.vocabulary.ops.shape import Flatten, Permute, Reshape, Squeeze, Unsqueeze


@ops.lowers(Flatten)
def flatten(op: Flatten, call: Call) -> Tensor:
    n, *rest = call.x.shape
    return tape.reshape(call.x, (n, prod(rest)))


@ops.lowers(Reshape)
def reshape(op: Reshape, call: Call) -> Tensor:
    (result,) = op.infer(call.types)
    sizes = [dim for dim in result.shape if isinstance(dim, int)]
    return tape.reshape(call.x, (call.x.shape[0], *sizes))


@ops.lowers(Permute)
def permute(op: Permute, call: Call) -> Tensor:
    return tape.transpose(call.x, (0, *(axis % call.types[0].rank + 1 for axis in op.axes)))


@ops.lowers(Unsqueeze)
def unsqueeze(op: Unsqueeze, call: Call) -> Tensor:
    axis = op.axis % (call.types[0].rank + 1) + 1
    return tape.reshape(call.x, (*call.x.shape[:axis], 1, *call.x.shape[axis:]))


@ops.lowers(Squeeze)
def squeeze(op: Squeeze, call: Call) -> Tensor:
    axis = op.axis % call.types[0].rank + 1
    return tape.reshape(call.x, (*call.x.shape[:axis], *call.x.shape[axis + 1 :]))
