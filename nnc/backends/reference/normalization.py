"""Normalisation."""

from __future__ import annotations

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.compiler.vocabulary.ops.normalization import BatchNorm, LayerNorm


@ops.lowers(BatchNorm)
def batch_norm(op: BatchNorm, call: Call) -> Tensor:
    channel = op.channel_axis(call.types[0]) + 1
    x = tape.move_axis(call.x, channel, 1)
    others = (0, *range(2, x.rank))
    shape = (x.shape[1], *(1,) * (x.rank - 2))
    w = {name: tape.reshape(weight, shape) for name, weight in call.weights.items()}
    if call.training:
        centre = tape.mean(x, others, keep=True)
        spread = tape.mean((x - centre) ** 2, others, keep=True)
        _update(op, call, centre, spread, x.value.size // x.shape[1])
    else:
        centre, spread = w["running_mean"], w["running_var"]
    y = (x - centre) / tape.sqrt(spread + op.epsilon) * w["weight"] + w["bias"]
    return tape.move_axis(y, 1, channel)


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
    x = call.x
    axes = tuple(range(x.rank - op.axes, x.rank))
    centred = x - tape.mean(x, axes, keep=True)
    spread = tape.mean(centred**2, axes, keep=True)
    y = centred / tape.sqrt(spread + op.epsilon)
    return y * call.weights["weight"] + call.weights["bias"]
