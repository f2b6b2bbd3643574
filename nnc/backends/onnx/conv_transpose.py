"""Transposed convolutions."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.conv import flat, window
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.conv_transpose import (
    ConvTranspose1D,
    ConvTranspose2D,
    ConvTranspose3D,
    Transposed,
)


@ops.lowers(ConvTranspose1D, ConvTranspose2D, ConvTranspose3D)
def conv_transpose(op: Transposed, place: Place) -> Handle:
    """What is cut off the end may be negative: then that many places are added."""
    crops = op.crops()
    inputs = [place.x, place.weight("weight")]
    if op.has_bias:
        inputs.append(place.weight("bias"))
    return place.add(
        "ConvTranspose",
        *inputs,
        **window(op),
        group=op.groups,
        pads=flat(tuple((start, max(end, 0)) for start, end in crops)),
        output_padding=[max(-end, 0) for _, end in crops],
    )
