"""Resizing."""

from __future__ import annotations

import numpy as np

from nnc.backends.interpolation import nearest
from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.resize import Upsample


@ops.lowers(Upsample)
def upsample(op: Upsample, place: Place) -> Handle:
    factors = op.factors(place.type.rank - 1)
    if factors is not None:
        scales = place.constant(np.array([1, 1, *factors], np.float32), "scales")
        return place.add("Resize", place.x, None, scales, **_mode(op))
    return _mixed(op, place) if op.interpolates else _taken(op, place)


def _mixed(op: Upsample, place: Place) -> Handle:
    """Batch and channels are among the sizes: onnxruntime moves a Transpose wrongly past a Resize
    that names its axes."""
    sizes = [after for _, after in op.known_sizes(place.node.input_types)]
    before = place.add("Shape", place.x, role="batch_and_channels", start=0, end=2)
    whole = place.add("Concat", before, place.whole(sizes, "spatial"), role="sizes", axis=0)
    return place.add("Resize", place.x, None, None, whole, **_mode(op))


def _taken(op: Upsample, place: Place) -> Handle:
    """Elements by their numbers. Resize divides by a rounded scale: it takes element 13, not 14, as
    the second of 2 out of 28."""
    x = place.x
    for axis, sizes in enumerate(op.known_sizes(place.node.input_types), 2):
        x = place.add("Gather", x, place.whole(nearest(*sizes).tolist(), "places"), axis=axis)
    return x


def _mode(op: Upsample) -> dict[str, str]:
    if op.interpolates:
        placed = "align_corners" if op.align_corners else "half_pixel"
        return {"mode": "linear", "coordinate_transformation_mode": placed}
    return {
        "mode": "nearest",
        "coordinate_transformation_mode": "asymmetric",
        "nearest_mode": "floor",
    }
