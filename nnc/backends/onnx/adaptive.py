"""Pooling to a given size: ordinary pooling where the windows are all alike, else one spatial axis
after the other."""

from __future__ import annotations

from collections.abc import Sequence

from nnc.backends.interpolation import Floats, averages, window_places
from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.adaptive import Adaptive, AdaptiveAvgPool, AdaptiveMaxPool


@ops.lowers(AdaptiveAvgPool)
def adaptive_avg_pool(op: AdaptiveAvgPool, place: Place) -> Handle:
    sizes = op.sizes(place.node.input_types)
    if _alike(sizes):
        return _pooled("AveragePool", op, place)
    return multiplied(place, [averages(before, after) for before, after in sizes])


@ops.lowers(AdaptiveMaxPool)
def adaptive_max_pool(op: AdaptiveMaxPool, place: Place) -> Handle:
    sizes, x = op.sizes(place.node.input_types), place.x
    if _alike(sizes):
        return _pooled("MaxPool", op, place)
    # From the last axis to the first: of equal elements the first in row-major order wins.
    for axis, (before, after) in reversed(list(enumerate(sizes))):
        places = window_places(before, after)
        taken = place.add(
            "Gather", x, place.whole(places.ravel().tolist(), "places"), axis=axis + 2
        )
        window = [1] * len(sizes)
        window[axis] = places.shape[1]
        x = place.add("MaxPool", taken, kernel_shape=window, strides=window)
    return x


def _alike(sizes: tuple[tuple[int, int], ...]) -> bool:
    return all(before % after == 0 for before, after in sizes)


def _pooled(operator: str, op: Adaptive, place: Place) -> Handle:
    window = [before // after for before, after in op.sizes(place.node.input_types)]
    return place.add(operator, place.x, kernel_shape=window, strides=window)


def multiplied(place: Place, matrices: Sequence[Floats]) -> Handle:
    """Each spatial axis of [N, C, …] multiplied by a matrix of its own, [after, before]."""
    x, axes = place.x, len(matrices)
    x = place.add("MatMul", x, place.floats(matrices[-1].T, "mixing"))
    if axes > 1:
        x = place.add("MatMul", place.floats(matrices[-2], "mixing"), x)
    if axes > 2:
        after = [len(matrix) for matrix in matrices]
        flat = place.whole([0, 0, matrices[0].shape[1], after[1] * after[2]], "flat")
        x = place.add("Reshape", x, flat, role="flat")
        x = place.add("MatMul", place.floats(matrices[0], "mixing"), x)
        x = place.add("Reshape", x, place.whole([0, 0, *after], "sizes"))
    return x
