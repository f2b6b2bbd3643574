"""Normalisation."""

from __future__ import annotations

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.compiler.vocabulary.ops.normalization import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    RMSNorm,
)


@ops.lowers(BatchNorm)
def batch_norm(op: BatchNorm, call: Call) -> Tensor:
    channel = op.channel_axis(call.types[0]) + 1
    x = tape.move_axis(call.x, channel, 1)
    others = (0, *range(2, x.rank))
    shape = (x.shape[1], *(1,) * (x.rank - 2))
    if call.training:
        centre = tape.mean(x, others, keep=True)
        spread = tape.mean((x - centre) ** 2, others, keep=True)
        _update(op, call, centre, spread, x.value.size // x.shape[1])
    else:
        centre, spread = (
            tape.reshape(call.weights[name], shape) for name in ("running_mean", "running_var")
        )
    y = (x - centre) / tape.sqrt(spread + op.epsilon)
    return tape.move_axis(_scaled(y, call, x.rank - 2), 1, channel)


def _update(op: BatchNorm, call: Call, centre: Tensor, spread: Tensor, count: int) -> None:
    """New running statistics; `spread` is the biased variance of `count` elements."""
    if count < 2:
        raise ValueError("BatchNorm: training needs more than one element for each channel")
    unbiased = spread.value * (count / (count - 1))
    for name, new in (("running_mean", centre.value), ("running_var", unbiased)):
        old = call.weights[name].value
        call.statistics[name] = (1.0 - op.momentum) * old + op.momentum * new.reshape(old.shape)


@ops.lowers(LayerNorm)
def layer_norm(op: LayerNorm, call: Call) -> Tensor:
    return _scaled(_standardised(call.x, _last(op, call.x), op.epsilon), call)


@ops.lowers(RMSNorm)
def rms_norm(op: RMSNorm, call: Call) -> Tensor:
    x = call.x
    square = tape.mean(x**2, _last(op, x), keep=True)
    return _scaled(x / tape.sqrt(square + op.epsilon), call)


@ops.lowers(GroupNorm, InstanceNorm)
def group_norm(op: GroupNorm | InstanceNorm, call: Call) -> Tensor:
    channel = op.channel_axis(call.types[0]) + 1
    x = tape.move_axis(call.x, channel, 1)
    groups = op.groups if isinstance(op, GroupNorm) else x.shape[1]
    apart = tape.reshape(x, (x.shape[0], groups, -1))
    y = tape.reshape(_standardised(apart, (2,), op.epsilon), x.shape)
    return tape.move_axis(_scaled(y, call, x.rank - 2), 1, channel)


def _last(op: LayerNorm | RMSNorm, x: Tensor) -> tuple[int, ...]:
    return tuple(range(x.rank - op.axes, x.rank))


def _standardised(x: Tensor, axes: tuple[int, ...], epsilon: float) -> Tensor:
    centred = x - tape.mean(x, axes, keep=True)
    spread = tape.mean(centred**2, axes, keep=True)
    return centred / tape.sqrt(spread + epsilon)


def _scaled(x: Tensor, call: Call, behind: int = 0) -> Tensor:
    """x · weight + bias, as far as there are any; `behind` axes of x come after theirs."""
    for name, apply in (("weight", Tensor.__mul__), ("bias", Tensor.__add__)):
        if name in call.weights:
            w = call.weights[name]
            x = apply(x, tape.reshape(w, (*w.shape, *(1,) * behind)))
    return x
