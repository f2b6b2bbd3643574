"""Windows over the spatial axes of [N, C, …] and their overlap-add, each the other's pullback."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnc.backends.reference.tape import Array, Tensor


def windows(
    x: Tensor, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Tensor:
    """Every window: [N, C, *sizes] -> [N, C, *places, *kernel]."""
    sizes = x.shape[2:]

    def back(g: Array) -> Array:
        return _overlap(g, sizes, stride, dilation)

    return Tensor(_windows(x.value, kernel, stride, dilation), ((x, back),))


def overlap(
    columns: Tensor, sizes: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Tensor:
    """Windows added up where they lie: [N, C, *places, *kernel] -> [N, C, *sizes]."""
    kernel = columns.shape[2 + len(sizes) :]

    def back(g: Array) -> Array:
        return _windows(g, kernel, stride, dilation)

    return Tensor(_overlap(columns.value, sizes, stride, dilation), ((columns, back),))


def _windows(
    x: Array, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Array:
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    axes = tuple(range(2, x.ndim))
    every = np.lib.stride_tricks.sliding_window_view(x, spans, axis=axes)
    steps = tuple(slice(None, None, step) for step in (*stride, *dilation))
    return every[(slice(None), slice(None), *steps)]


def _overlap(
    columns: Array, sizes: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Array:
    axes = len(sizes)
    places, kernel = columns.shape[2 : 2 + axes], columns.shape[2 + axes :]
    whole = np.zeros((*columns.shape[:2], *sizes))
    for tap in np.ndindex(*kernel):
        where = tuple(
            slice(t * d, t * d + (n - 1) * s + 1, s)
            for t, d, n, s in zip(tap, dilation, places, stride, strict=True)
        )
        whole[(slice(None), slice(None), *where)] += columns[(..., *tap)]
    return whole
