"""Pooling to a given size. The layout pass has put the channels last."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site, one_or_each
from nnc.compiler.vocabulary.ops.adaptive import Adaptive, AdaptiveAvgPool, AdaptiveMaxPool


def _sizes(op: Adaptive, site: Site) -> tuple[int, ...]:
    return tuple(after for _, after in op.sizes(site.node.input_types))


@OPS.lowers(AdaptiveAvgPool)
def adaptive_average_pool(op: AdaptiveAvgPool, site: Site) -> py.Expr:
    sizes = _sizes(op, site)
    # For three axes TensorFlow has no float64 kernel; for a single window or a single element along
    # an axis Keras makes a window that is larger than the input, too, which graphs refuse.
    if len(sizes) == 3 or any(1 in pair for pair in op.sizes(site.node.input_types)):
        return py.call(site.piece("adaptive_average_pool"), site.input, sizes)
    layer = site.layer(
        f"layers.AdaptiveAveragePooling{len(sizes)}D",
        one_or_each(sizes),
        data_format="channels_last",
    )
    return site.apply(layer)


@OPS.lowers(AdaptiveMaxPool)
def adaptive_max_pool(op: AdaptiveMaxPool, site: Site) -> py.Expr:
    return py.call(site.piece("adaptive_max_pool"), site.input, _sizes(op, site))
