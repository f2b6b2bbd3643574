"""Resizing."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site, one_or_each
from nnc.compiler.vocabulary.ops.resize import Upsample


@OPS.lowers(Upsample)
def upsample(op: Upsample, at: Site) -> Lowered:
    axes = at.type.rank - 1
    factors = op.factors(axes)
    if factors is None:
        sizes = tuple(after for _, after in op.known_sizes(at.node.input_types))
        options: dict[str, object] = {"size": one_or_each(sizes)}
    else:
        options = {"scale_factor": one_or_each(factors)}
    options["mode"] = op.mode
    if op.interpolates:
        options["align_corners"] = op.align_corners
    return at.apply(py.call("nn.Upsample", **options))
