"""Convolutions."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site, one_or_each, pad_argument
from nnc.compiler.vocabulary.ops.conv import (
    Conv1D,
    Conv2D,
    Conv3D,
    Convolution,
    Sliding,
    Window,
)


def options(op: Window, groups: int = 1, **padding: tuple[int, ...]) -> dict[str, object]:
    """The arguments of a convolution; dilation and the like only where they say something."""
    options: dict[str, object] = {
        "kernel_size": one_or_each(op.kernels),
        "stride": one_or_each(op.strides),
    }
    for name, each in {**padding, "dilation": op.dilations}.items():
        usual = 0 if "padding" in name else 1
        if any(number != usual for number in each):
            options[name] = one_or_each(each)
    if groups != 1:
        options["groups"] = groups
    if not op.has_bias:
        options["bias"] = False
    return options


def class_of(op: Sliding, at: Site) -> py.Expr:
    """torch's class; one of our own where the kernel is turned round."""
    if op.flip:
        return at.piece(f"conv:TrueConv{op.axes}d")
    return py.dotted(f"nn.Conv{op.axes}d")


def padded(op: Sliding, at: Site) -> tuple[py.Expr, tuple[int, ...]]:
    """The input, and the padding that the layer itself adds: torch's adds the same to both ends."""
    pads = op.pads(at.node.input_types)
    if all(before == after for before, after in pads) and not at.varies:
        return at.input, tuple(before for before, _ in pads)
    return py.call("F.pad", at.input, pad_argument(pads)), (0,) * op.axes


@OPS.lowers(Conv1D, Conv2D, Conv3D)
def conv(op: Convolution, at: Site) -> Lowered:
    x, padding = padded(op, at)
    layer = py.call(
        class_of(op, at),
        op.channels(at.type),
        op.filters,
        **options(op, op.groups, padding=padding),
    )
    return at.apply(layer, x)
