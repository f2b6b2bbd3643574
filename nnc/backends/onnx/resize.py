"""Resizing."""

from __future__ import annotations

import numpy as np

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.resize import Upsample


@ops.lowers(Upsample)
def upsample(op: Upsample, place: Place) -> Handle:
    """Batch and channels are among the sizes: onnxruntime moves a Transpose wrongly past a Resize
    that names its axes."""
    axes = place.type.rank - 1
    factors = op.factors(axes)
    if factors is not None:
        scales = place.constant(np.array([1, 1, *factors], np.float32), "scales")
        return place.add("Resize", place.x, None, scales, **_mode(op))
    sizes = [after for _, after in op.known_sizes(place.node.input_types)]
    before = place.add("Shape", place.x, role="batch_and_channels", start=0, end=2)
    whole = place.add("Concat", before, place.whole(sizes, "spatial"), role="sizes", axis=0)
    return place.add("Resize", place.x, None, None, whole, **_mode(op))


def _mode(op: Upsample) -> dict[str, str]:
    if not op.interpolates:
        placed = "asymmetric"
        return {
            "mode": "nearest",
            "coordinate_transformation_mode": placed,
            "nearest_mode": "floor",
        }
    placed = "align_corners" if op.align_corners else "half_pixel"
    return {"mode": "linear", "coordinate_transformation_mode": placed}
