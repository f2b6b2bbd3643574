"""Convolutions: weights as they are, pads always written out."""

from __future__ import annotations

from typing import Any

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.geometry import Pads
from nnc.compiler.vocabulary.ops.conv import Conv2D, ConvTranspose2D


@ops.lowers(Conv2D)
def conv(op: Conv2D, place: Place) -> Handle:
    pads = op.pads(place.node.input_types)
    return _convolution("Conv", op, place, pads=flat(pads))


@ops.lowers(ConvTranspose2D)
def conv_transpose(op: ConvTranspose2D, place: Place) -> Handle:
    """What is cut off the end may be negative: then that many places are added."""
    crops = op.crops()
    added = [max(-end, 0) for _, end in crops]
    pads = tuple((start, max(end, 0)) for start, end in crops)
    return _convolution("ConvTranspose", op, place, pads=flat(pads), output_padding=added)


def _convolution(operator: str, op: Conv2D | ConvTranspose2D, place: Place, **more: Any) -> Handle:
    inputs = [place.x, place.weight("weight")]
    if op.has_bias:
        inputs.append(place.weight("bias"))
    return place.add(
        operator,
        *inputs,
        kernel_shape=op.kernels,
        strides=op.strides,
        dilations=op.dilations,
        group=op.groups,
        **more,
    )


def flat(pads: Pads) -> list[int]:
    """Pads as ONNX has them: all starts, then all ends."""
    return [start for start, _ in pads] + [end for _, end in pads]
