"""Windows that move over the spatial axes of a tensor: what each of their places sees, and the way
back.

A window is the attributes `kernel_shape`, `strides`, `dilations` and `pads` of an operator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, TypeAlias

import numpy as np

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.gradients.table import Back

Window: TypeAlias = Mapping[str, Any]


def window_of(at: Back) -> dict[str, Any]:
    """The window of a convolution or a pooling."""
    axes = at.rank(at.x()) - 2
    ones = [1] * axes
    return {
        "kernel_shape": list(at.attribute("kernel_shape")),
        "strides": list(at.attribute("strides", ones)),
        "dilations": list(at.attribute("dilations", ones)),
        "pads": list(at.attribute("pads", [0] * 2 * axes)),
    }


def seen(
    at: Back, wide: Handle, like: Handle, window: Window, outside: float = 0.0
) -> Iterator[Handle]:
    """For each place of the kernel the elements that it meets: [N, C, *places], as many as `like`
    has. `outside` is what the padding holds."""
    axes = len(window["kernel_shape"])
    if any(window["pads"]):
        pads = window["pads"]
        around = at.whole([0, 0, *pads[:axes], 0, 0, *pads[axes:]], "pads")
        filled = [at.number(outside, "outside")] if outside else []
        wide = at.add("Pad", wide, around, *filled)
    lengths = _lengths(at, like, window["strides"])
    steps = at.whole(window["strides"], "strides")
    places = at.whole(list(range(2, 2 + axes)), "axes")
    for place in product(*map(range, window["kernel_shape"])):
        start = [k * d for k, d in zip(place, window["dilations"], strict=True)]
        stop = _stops(at, start, lengths)
        yield at.add("Slice", wide, at.whole(start, "start"), stop, places, steps)


def together(at: Back, parts: Iterable[Handle]) -> Handle:
    """[N, C, *places] for each place of the kernel -> [N, C, kernel, *places]."""
    beside = at.whole([2], "beside")
    apart = [at.add("Unsqueeze", part, beside) for part in parts]
    return apart[0] if len(apart) == 1 else at.add("Concat", *apart, axis=2)


def put_back(at: Back, parts: Handle, like: Handle, window: Window) -> Handle:
    """[N, C, kernel, *places] -> what all windows have at each place of `like`, summed."""
    axes = at.rank(like) - 2
    if axes > 2 and max(window["dilations"]) > 1:
        parts, window = _without_dilation(at, parts, window)
    channels = at.shape(like)[1]
    assert channels is not None
    sizes = [size for size in at.shape(like)[2:] if size is not None]
    known = len(sizes) == axes
    image = at.whole(sizes, "image") if known else at.add("Shape", like, role="image", start=2)
    kernel, strides, dilations, pads = (
        list(window[name]) for name in ("kernel_shape", "strides", "dilations", "pads")
    )
    rows = channels * prod(kernel)
    if axes == 1:  # as two axes: onnxruntime is right and fast there
        image = at.add("Concat", at.whole([1], "one"), image, axis=0)
        kernel, strides, dilations = [1, *kernel], [1, *strides], [1, *dilations]
        pads = [0, pads[0], 0, pads[1]]
    columns = at.add("Reshape", parts, at.whole([0, rows, -1], "columns"))
    block = at.whole(kernel, "block")
    found = at.add("Col2Im", columns, image, block, strides=strides, dilations=dilations, pads=pads)
    return found if axes > 1 else at.add("Squeeze", found, at.whole([2], "beside"))


def _without_dilation(at: Back, parts: Handle, window: Window) -> tuple[Handle, Window]:
    """A larger kernel with zeros in its gaps: in onnxruntime 1.31 Col2Im puts elements with gaps
    between them into wrong places when there are more than two axes."""
    kernel, dilations = window["kernel_shape"], window["dilations"]
    wide = [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]
    numbers = np.full(wide, prod(kernel))
    numbers[tuple(slice(None, None, d) for d in dilations)] = np.arange(prod(kernel)).reshape(
        kernel
    )
    behind = [0] * (6 + 2 * len(kernel))
    behind[5 + len(kernel)] = 1
    filled = at.add("Pad", parts, at.whole(behind, "gap"))
    taken = at.add("Gather", filled, at.whole(numbers.ravel().tolist(), "numbers"), axis=2)
    return taken, {**window, "kernel_shape": wide, "dilations": [1] * len(kernel)}


def _lengths(at: Back, like: Handle, strides: Sequence[int]) -> list[int] | Handle:
    """How far the first window's start is from behind the last one's."""
    sizes = at.shape(like)[2:]
    known = [size for size in sizes if size is not None]
    if len(known) == len(sizes):
        return [(size - 1) * s + 1 for size, s in zip(known, strides, strict=True)]
    ones = at.whole([1] * len(strides), "ones")
    last = at.add("Sub", at.add("Shape", like, start=2), ones)
    return at.add("Add", at.add("Mul", last, at.whole(strides, "strides")), ones)


def _stops(at: Back, start: Sequence[int], lengths: list[int] | Handle) -> Handle:
    if isinstance(lengths, list):
        return at.whole([a + b for a, b in zip(start, lengths, strict=True)], "stop")
    return at.add("Add", lengths, at.whole(start, "start"))
