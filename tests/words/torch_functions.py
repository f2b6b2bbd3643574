"""Activations, functions of elements, merging and moving, in PyTorch's own words: a second opinion
about what a word means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from nnc.compiler.vocabulary.ops import (
    activation,
    condition,
    elementwise,
    merge,
    reduction,
    selection,
    shape,
    units,
)
from nnc.compiler.vocabulary.ops.base import Op

Weights: TypeAlias = dict[str, Tensor]
Function: TypeAlias = Callable[..., Any]
"""(op, weights by their short name, inputs) -> a tensor or several."""


def batch_axis(axis: int) -> int:
    """An axis of one example as an axis of the batch."""
    return axis + 1 if axis >= 0 else axis


def _extreme(function: Function) -> Function:
    def extreme(op: reduction.Reduction, w: Weights, x: Tensor) -> Tensor:
        rank = x.dim() - 1
        given = range(rank) if op.axes is None else op.axes
        axes = (given,) if isinstance(given, int) else tuple(given)
        made: Tensor = function(x, dim=tuple(a % rank + 1 for a in axes), keepdim=op.keep_axes)
        return made

    return extreme


def _spread(function: Function) -> Function:
    def spread(op: reduction.Var | reduction.Std, w: Weights, x: Tensor) -> Tensor:
        axes = tuple(axis + 1 for axis in op.reduced(x.dim() - 1))
        if not axes:  # For torch no axes would be all of them.
            return x - x
        made: Tensor = function(x, dim=axes, correction=op.correction, keepdim=op.keep_axes)
        return made

    return spread


def _product(op: reduction.Prod, w: Weights, x: Tensor) -> Tensor:
    made = x
    for axis in sorted(op.reduced(x.dim() - 1), reverse=True):
        made = made.prod(axis + 1, keepdim=op.keep_axes)
    return made


def _celu(op: activation.Celu, w: Weights, x: Tensor) -> Tensor:
    """Not F.celu: the derivative of that is wrong by 1e-8."""
    return torch.where(x > 0, x, op.alpha * torch.expm1(x.clamp(max=0) / op.alpha))


def _prelu(op: units.PReLU, w: Weights, x: Tensor) -> Tensor:
    last = op.layout == "channels_last"
    y = F.prelu(x.movedim(-1, 1) if last else x, w["weight"])
    return y.movedim(1, -1) if last else y


def _maxout(op: units.Maxout, w: Weights, x: Tensor) -> Tensor:
    pieces = [
        F.linear(x, w["weight"][j :: op.pieces], w["bias"][j :: op.pieces] if op.bias else None)
        for j in range(op.pieces)
    ]
    return torch.stack(pieces).amax(0)


def _rbf(op: units.RBF, w: Weights, x: Tensor) -> Tensor:
    flat = x.flatten(0, -2)
    centres = [(flat - centre).pow(2).sum(-1) for centre in w["weight"]]
    made = torch.exp(-torch.stack(centres, -1) * w["beta"])
    return made.reshape(*x.shape[:-1], op.units)


def _cast(op: elementwise.Cast, w: Weights, x: Tensor) -> Tensor:
    names = {"f32": torch.get_default_dtype(), "i32": torch.int32, "i64": torch.int64}
    return x.to(names.get(op.dtype, torch.bool)) if op.dtype != "f32" else _float(x)


def _float(x: Tensor) -> Tensor:
    return x + 0 if x.is_floating_point() else x.to(torch.float64)


def _two(function: Function) -> Function:
    """A function of two, either of which may be a number."""

    def both(op: merge.Pairwise, w: Weights, *inputs: Tensor) -> Tensor:
        left = [] if op.left is None else [torch.full_like(inputs[0], op.left)]
        right = [] if op.right is None else [torch.full_like(inputs[0], op.right)]
        made: Tensor = function(*left, *inputs, *right)
        return made

    return both


def _where(op: condition.Where, w: Weights, chosen: Tensor, *inputs: Tensor) -> Tensor:
    values = [*inputs]
    like = inputs[0] if inputs else chosen.to(torch.get_default_dtype())
    if op.then is not None:
        values.insert(0, torch.full_like(like, op.then))
    if op.otherwise is not None:
        values.append(torch.full_like(like, op.otherwise))
    made = torch.where(chosen, *values)
    return made.double() if not inputs else made


def _slice(op: selection.Slice, w: Weights, x: Tensor) -> Tensor:
    dim = batch_axis(op.axis) % x.dim()
    stop = x.shape[dim] if op.stop is None else op.stop
    size = x.shape[dim]
    numbers = torch.arange(op.start % size, stop + size * (stop < 0), op.step)
    return x.index_select(dim, numbers)


def _split(op: selection.Split, w: Weights, x: Tensor) -> tuple[Tensor, ...]:
    dim = batch_axis(op.axis)
    sizes = x.shape[dim] // (op.parts or 1) if op.sizes is None else list(op.sizes)
    made: tuple[Tensor, ...] = torch.split(x, sizes, dim)
    return made


def _gather(op: selection.Gather, w: Weights, x: Tensor, numbers: Tensor) -> Tensor:
    axis = op.axis % (x.dim() - 1)
    made = []
    for one, chosen in zip(x, numbers, strict=True):
        found = one.index_select(axis, chosen.reshape(-1))
        made.append(found.unflatten(axis, chosen.shape) if chosen.dim() else found.squeeze(axis))
    return torch.stack(made)


TORCH_FUNCTIONS: dict[type[Op], Function] = {
    activation.Relu6: lambda op, w, x: F.relu6(x),
    activation.HardSigmoid: lambda op, w, x: F.relu6(x + 3) / 6,
    activation.LogSigmoid: lambda op, w, x: F.logsigmoid(x),
    activation.Elu: lambda op, w, x: F.elu(x, op.alpha),
    activation.Selu: lambda op, w, x: F.selu(x),
    activation.Celu: _celu,
    activation.Silu: lambda op, w, x: F.silu(x),
    activation.HardSwish: lambda op, w, x: F.hardswish(x),
    activation.Mish: lambda op, w, x: F.mish(x),
    activation.Softplus: lambda op, w, x: F.softplus(x),
    activation.Softsign: lambda op, w, x: F.softsign(x),
    activation.LogSoftmax: lambda op, w, x: F.log_softmax(x, batch_axis(op.axis)),
    elementwise.Reciprocal: lambda op, w, x: x.reciprocal(),
    elementwise.Floor: lambda op, w, x: x.floor(),
    elementwise.Ceil: lambda op, w, x: x.ceil(),
    elementwise.Round: lambda op, w, x: x.round(),
    elementwise.Erf: lambda op, w, x: x.erf(),
    elementwise.Sign: lambda op, w, x: x.sign(),
    elementwise.StopGradient: lambda op, w, x: x.detach(),
    elementwise.Clip: lambda op, w, x: x.clamp(op.low, op.high),
    elementwise.Cast: _cast,
    reduction.Max: _extreme(torch.amax),
    reduction.Min: _extreme(torch.amin),
    reduction.Prod: _product,
    reduction.LogSumExp: _extreme(torch.logsumexp),
    reduction.Var: _spread(torch.var),
    reduction.Std: _spread(torch.std),
    reduction.Argmax: lambda op, w, x: x.argmax(batch_axis(op.axis), keepdim=op.keep_axes),
    units.PReLU: _prelu,
    units.GLU: lambda op, w, x: F.glu(x, batch_axis(op.axis)),
    units.Maxout: _maxout,
    units.RBF: _rbf,
    merge.Maximum: _two(torch.maximum),
    merge.Minimum: _two(torch.minimum),
    merge.Stack: lambda op, w, *xs: torch.stack(xs, batch_axis(op.axis)),
    condition.Equal: _two(torch.eq),
    condition.NotEqual: _two(torch.ne),
    condition.Less: _two(torch.lt),
    condition.LessEqual: _two(torch.le),
    condition.Greater: _two(torch.gt),
    condition.GreaterEqual: _two(torch.ge),
    condition.LogicalAnd: lambda op, w, x, y: torch.logical_and(x, y),
    condition.LogicalOr: lambda op, w, x, y: torch.logical_or(x, y),
    condition.LogicalNot: lambda op, w, x: torch.logical_not(x),
    condition.Where: _where,
    selection.Slice: _slice,
    selection.Split: _split,
    selection.Gather: _gather,
    selection.Repeat: lambda op, w, x: torch.cat([x] * op.times, batch_axis(op.axis)),
    shape.Squeeze: lambda op, w, x: x.squeeze(batch_axis(op.axis)),
}
