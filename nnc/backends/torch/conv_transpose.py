"""Transposed convolutions."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.conv import options
from nnc.backends.torch.lowering import OPS, Lowered, Site, pad_argument
from nnc.compiler.vocabulary.ops.conv_transpose import (
    ConvTranspose1D,
    ConvTranspose2D,
    ConvTranspose3D,
    Transposed,
)


@OPS.lowers(ConvTranspose1D, ConvTranspose2D, ConvTranspose3D)
def conv_transpose(op: Transposed, at: Site) -> Lowered:
    """torch cuts `padding` off both ends and then lets the end grow by `output_padding`; what that
    can't say is cut off afterwards."""
    paddings, grown, cuts = [], [], []
    for (before, after), stride in zip(op.crops(), op.strides, strict=True):
        said = 0 <= before - after < stride
        paddings.append(before if said else 0)
        grown.append(before - after if said else max(-after, 0))
        cuts.append((0, 0) if said else (-before, -max(after, 0)))
    given = options(op, op.groups, padding=tuple(paddings), output_padding=tuple(grown))
    kind = f"nn.ConvTranspose{op.axes}d"
    made = at.apply(py.call(kind, op.channels(at.type), op.filters, **given))
    if not any(map(any, cuts)):
        return made
    return py.call("F.pad", made, pad_argument(tuple(cuts)))
