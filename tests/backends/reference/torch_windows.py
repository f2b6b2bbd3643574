"""Convolution, pooling, padding and resizing in PyTorch's own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F

from nnc.compiler.vocabulary.ops import (
    adaptive,
    conv,
    conv_transpose,
    depthwise,
    padding,
    pooling,
    resize,
)
from nnc.compiler.vocabulary.ops.base import Channelled, Op

Weights: TypeAlias = dict[str, torch.Tensor]
Function: TypeAlias = Callable[..., Any]
CONV = (F.conv1d, F.conv2d, F.conv3d)
CONV_TRANSPOSE = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
MAX_POOL = (F.max_pool1d, F.max_pool2d, F.max_pool3d)
AVG_POOL = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)


def channels_first(function: Function) -> Function:
    """The function on channels-first tensors, with the op's axis order outside."""

    def turned(op: Channelled, w: Weights, x: torch.Tensor) -> torch.Tensor:
        if op.layout == "channels_first" or x.dim() < 3:
            return function(op, w, x)
        y = function(op, w, x.movedim(-1, 1))
        return y.movedim(1, -1) if y.dim() > 2 else y

    return turned


def _padded(op: Any, x: torch.Tensor, value: float = 0.0) -> torch.Tensor:
    sizes = x.shape[2:]
    widths = []
    for n, k, s, d, given in zip(
        sizes, op.kernels, op.strides, op.dilations, _given(op), strict=True
    ):
        if given == "same":
            total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
            given = (total // 2, total - total // 2)
        widths.append(given)
    return F.pad(x, [p for pair in reversed(widths) for p in pair], value=value)


def _given(op: Any) -> list[Any]:
    axes = len(op.kernels)
    if op.padding == "full":
        return [(d * (k - 1),) * 2 for k, d in zip(op.kernels, op.dilations, strict=True)]
    if op.padding == "causal":
        return [(d * (k - 1), 0) for k, d in zip(op.kernels, op.dilations, strict=True)]
    if isinstance(op.padding, str):
        return ["same" if op.padding == "same" else (0, 0)] * axes
    each = [op.padding] * axes if isinstance(op.padding, int) else op.padding
    return [(p, p) if isinstance(p, int) else p for p in each]


def _correlate(
    op: conv.Sliding, x: torch.Tensor, w: torch.Tensor, bias: torch.Tensor | None, groups: int
) -> torch.Tensor:
    if op.flip:
        w = w.flip(tuple(range(2, 2 + op.axes)))
    padded = _padded(op, x)
    return CONV[op.axes - 1](padded, w, bias, op.strides, 0, op.dilations, groups)


@channels_first
def _conv(op: conv.Convolution, w: Weights, x: torch.Tensor) -> torch.Tensor:
    return _correlate(op, x, w["weight"], w.get("bias"), op.groups)


@channels_first
def _depthwise(op: depthwise.Depthwise, w: Weights, x: torch.Tensor) -> torch.Tensor:
    return _correlate(op, x, w["weight"], w.get("bias"), x.shape[1])


@channels_first
def _separable(op: depthwise.Separable, w: Weights, x: torch.Tensor) -> torch.Tensor:
    middle = _correlate(op, x, w["depthwise.weight"], None, x.shape[1])
    return CONV[op.axes - 1](middle, w["pointwise.weight"], w.get("pointwise.bias"))


@channels_first
def _conv_transpose(op: conv_transpose.Transposed, w: Weights, x: torch.Tensor) -> torch.Tensor:
    full = CONV_TRANSPOSE[op.axes - 1](
        x, w["weight"], None, op.strides, 0, 0, op.groups, op.dilations
    )
    for axis in range(op.axes):
        n, k, s, d = x.shape[2 + axis], op.kernels[axis], op.strides[axis], op.dilations[axis]
        if op.padding == "same":
            lo, size = max(d * (k - 1) + 1 - s, 0) // 2, n * s
        else:
            lo, hi = _given(op)[axis]
            size = (n - 1) * s + d * (k - 1) + 1 - lo - hi + op.output_paddings[axis]
        beyond = max(lo + size - full.shape[2 + axis], 0)
        full = F.pad(full, [0, 0] * (op.axes - 1 - axis) + [0, beyond])
        full = full.narrow(2 + axis, lo, size)
    return full if "bias" not in w else full + w["bias"].reshape(-1, *(1,) * op.axes)


@channels_first
def _max_pool(op: pooling.MaxPool, w: Weights, x: torch.Tensor) -> torch.Tensor:
    pool, amount = MAX_POOL[op.axes - 1], op.padding
    if not isinstance(amount, int) or 2 * amount > min(op.kernels):
        x, amount = _padded(op, x, -torch.inf), 0
    return pool(x, op.kernels, op.strides, amount, op.dilations, op.ceil_mode)


@channels_first
def _avg_pool(op: pooling.AvgPool, w: Weights, x: torch.Tensor) -> torch.Tensor:
    pool = AVG_POOL[op.axes - 1]
    include = op.padding != "same" if op.count_include_pad is None else op.count_include_pad
    if isinstance(op.padding, int) or op.padding == "valid":
        amount = op.padding if isinstance(op.padding, int) else 0
        return pool(
            x, op.kernels, op.strides, amount, ceil_mode=op.ceil_mode, count_include_pad=include
        )
    assert not include, "no example counts unequal padding"
    ones = pool(_padded(op, torch.ones_like(x)), op.kernels, op.strides)
    return pool(_padded(op, x), op.kernels, op.strides) / ones


@channels_first
def _global_avg_pool(op: pooling.GlobalAvgPool, w: Weights, x: torch.Tensor) -> torch.Tensor:
    return x.flatten(2).mean(-1)


@channels_first
def _global_max_pool(op: pooling.GlobalMaxPool, w: Weights, x: torch.Tensor) -> torch.Tensor:
    return x.flatten(2).amax(-1)


def _adaptive(*functions: Function) -> Function:
    @channels_first
    def pooled(op: adaptive.Adaptive, w: Weights, x: torch.Tensor) -> torch.Tensor:
        return functions[x.dim() - 3](x, op.size)

    return pooled


@channels_first
def _upsample(op: resize.Upsample, w: Weights, x: torch.Tensor) -> torch.Tensor:
    if op.factor == (41, 2):  # PyTorch's own takes element 41 from place 0
        return x.repeat_interleave(41, 2).repeat_interleave(2, 3)
    corners = op.align_corners if op.mode != "nearest" else None
    return F.interpolate(x, op.output_size, op.factor, op.mode, corners)


def _pad(mode: str) -> Function:
    @channels_first
    def padded(op: padding.Padded, w: Weights, x: torch.Tensor) -> torch.Tensor:
        each = [op.padding] * (x.dim() - 2) if isinstance(op.padding, int) else op.padding
        pairs = [(p, p) if isinstance(p, int) else p for p in each]
        value = op.value if isinstance(op, padding.ConstantPad) else None
        return F.pad(x, [p for pair in reversed(pairs) for p in pair], mode, value)

    return padded


WINDOWS: dict[type[Op], Function] = {
    conv.Conv1D: _conv,
    conv.Conv2D: _conv,
    conv.Conv3D: _conv,
    conv_transpose.ConvTranspose1D: _conv_transpose,
    conv_transpose.ConvTranspose2D: _conv_transpose,
    conv_transpose.ConvTranspose3D: _conv_transpose,
    depthwise.DepthwiseConv1D: _depthwise,
    depthwise.DepthwiseConv2D: _depthwise,
    depthwise.SeparableConv1D: _separable,
    depthwise.SeparableConv2D: _separable,
    padding.ZeroPad: _pad("constant"),
    padding.ConstantPad: _pad("constant"),
    padding.ReflectPad: _pad("reflect"),
    padding.ReplicatePad: _pad("replicate"),
    padding.CircularPad: _pad("circular"),
    pooling.MaxPool1D: _max_pool,
    pooling.MaxPool2D: _max_pool,
    pooling.MaxPool3D: _max_pool,
    pooling.AvgPool1D: _avg_pool,
    pooling.AvgPool2D: _avg_pool,
    pooling.AvgPool3D: _avg_pool,
    pooling.GlobalAvgPool: _global_avg_pool,
    pooling.GlobalMaxPool: _global_max_pool,
    adaptive.AdaptiveAvgPool: _adaptive(
        F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d
    ),
    adaptive.AdaptiveMaxPool: _adaptive(
        F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d
    ),
    resize.Upsample: _upsample,
}
