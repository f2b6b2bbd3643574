"""Resizing. The layout pass has put the channels last."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site, one_or_each, only
from nnc.compiler.vocabulary.ops.resize import Upsample


@OPS.lowers(Upsample)
def upsample(op: Upsample, site: Site) -> py.Expr:
    """Keras takes the wrong elements for sizes that aren't multiples, and mixes in float32."""
    axes = site.type.rank - 1
    factors = op.factors(axes)
    if factors is not None and not op.interpolates:
        return site.apply(_repeating(axes, factors, site))
    sizes = tuple(after for _, after in op.known_sizes(site.node.input_types))
    if not op.interpolates:
        return py.call(site.piece("nearest"), site.input, sizes)
    corners = only(op.align_corners, align_corners=True)
    return py.call(site.piece("interpolate"), site.input, sizes, **corners)


def _repeating(axes: int, factors: tuple[int, ...], site: Site) -> py.Expr:
    if axes == 1:
        return site.layer("layers.UpSampling1D", factors[0])
    size = one_or_each(factors)
    return site.layer(f"layers.UpSampling{axes}D", size, data_format="channels_last")
