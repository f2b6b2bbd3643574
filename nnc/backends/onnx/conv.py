"""Convolutions: weights as they are, pads always written out."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnc.backends.onnx.assembly import Handle, Place, Rows
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.geometry import Pads
from nnc.compiler.vocabulary.ops.conv import Conv1D, Conv2D, Conv3D, Convolution, Sliding, Window


@ops.lowers(Conv1D, Conv2D, Conv3D)
def conv(op: Convolution, place: Place) -> Handle:
    inputs = [place.x, kernel(op, place, "weight")]
    if op.has_bias:
        inputs.append(place.weight("bias"))
    pads = flat(op.pads(place.node.input_types))
    return place.add("Conv", *inputs, pads=pads, **window(op), group=op.groups)


def kernel(op: Sliding, place: Place, name: str) -> Handle:
    """The weight; where it is to be turned round, the model holds it so."""
    if not op.flip:
        return place.weight(name)
    axes = tuple(range(2, 2 + op.axes))
    return place.packed(
        f"{name}.flipped",
        (Rows(name),),
        lambda arrays: np.flip(arrays[0], axes),
        lambda array: (np.flip(array, axes),),
    )


def window(op: Window) -> dict[str, Any]:
    """The attributes that all convolutions have."""
    return {"kernel_shape": op.kernels, "strides": op.strides, "dilations": op.dilations}


def flat(pads: Pads) -> list[int]:
    """Pads as ONNX has them: all starts, then all ends."""
    return [start for start, _ in pads] + [end for _, end in pads]
