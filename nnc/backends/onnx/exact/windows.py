"""Convolutions, sums and means of windows: products of matrices, and sums over the places of a
window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.exact.table import Part, defines


@dataclass(frozen=True)
class Window:
    """The window of an operator, one number for each spatial axis."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    begins: tuple[int, ...]
    ends: tuple[int, ...]
    """Padding before and after."""

    @classmethod
    def of(cls, at: Part, kernel: Sequence[int] | None = None) -> Window:
        """The operator's, which has the size of its kernel in itself or is told it."""
        kernel = tuple(kernel or at.attribute("kernel_shape", ()))
        ones, axes = (1,) * len(kernel), len(kernel)
        pads = tuple(at.attribute("pads", (0,) * 2 * axes))
        strides, dilations = (tuple(at.attribute(n, ones)) for n in ("strides", "dilations"))
        return cls(kernel, strides, dilations, pads[:axes], pads[axes:])

    @property
    def axes(self) -> list[int]:
        """The spatial axes of a tensor."""
        return list(range(2, 2 + len(self.kernel)))

    @property
    def reach(self) -> list[int]:
        """How far the last element of a window is from its first."""
        return [d * (k - 1) for d, k in zip(self.dilations, self.kernel, strict=True)]

    def places(self) -> Iterator[list[int]]:
        """Where each element of the window is, counted from its first."""
        for place in product(*map(range, self.kernel)):
            yield [k * d for k, d in zip(place, self.dilations, strict=True)]


@defines("Conv")
def conv(at: Part) -> None:
    window, group = Window.of(at), at.attribute("group", 1)
    weight = at.input(1)
    parts = list(_parts(at, window, _padded(at, at.x, window)))
    beside = at.whole([2])
    seen = at.add("Concat", *(at.add("Unsqueeze", part, beside) for part in parts), axis=2)
    rows = at.add("Mul", at.sizes(weight, 1, 2), at.whole([prod(window.kernel)]))
    groups, rest = at.whole([group]), at.whole([-1])
    columns = at.add("Reshape", seen, at.row(at.whole([0]), groups, rows, rest))
    kernels = at.add("Reshape", weight, at.row(groups, rest, rows))
    shape = at.row(at.whole([0]), at.sizes(weight, 0, 1), at.sizes(parts[0], 2))
    _biased(at, window, at.add("MatMul", kernels, columns), shape)


@defines("ConvTranspose")
def conv_transpose(at: Part) -> None:
    """Each element, times the kernel, is added where the kernel lies."""
    window, group = Window.of(at), at.attribute("group", 1)
    weight, groups = at.input(1), at.whole([group])
    depth = at.add("Div", at.sizes(weight, 0, 1), groups)
    kernels = at.add("Reshape", weight, at.row(groups, depth, at.whole([-1])))
    turned = at.add("Transpose", kernels, perm=[0, 2, 1])
    apart = at.add("Reshape", at.x, at.row(at.whole([0]), groups, depth, at.whole([-1])))
    filters = at.add("Mul", at.sizes(weight, 1, 2), groups)
    count = at.whole([prod(window.kernel)])
    shape = at.row(at.whole([0]), filters, count, at.sizes(at.x, 2))
    made = at.add("Reshape", at.add("MatMul", turned, apart), shape)
    more = at.attribute("output_padding", [0] * len(window.kernel))
    whole = _laid(at, window, made, more)
    cut = [-(s - 1 + e) or 2**62 for s, e in zip(window.strides, window.ends, strict=True)]
    inside = at.add("Slice", whole, at.whole(window.begins), at.whole(cut), at.whole(window.axes))
    _biased(at, window, inside, at.sizes(inside, 0))


@defines("Col2Im")
def col2im(at: Part) -> None:
    """Each element of a window is added where it lies in the image."""
    image, window = at.input(1), Window.of(at, at.numbers(2).tolist())
    begins, ends = at.whole(window.begins), at.whole(window.ends)
    padded = at.add("Add", at.add("Add", image, begins), ends)
    last = at.add("Sub", padded, at.whole([reach + 1 for reach in window.reach]))
    one = at.whole([1])
    places = at.add("Add", at.add("Div", last, at.whole(window.strides)), one)
    rest, count = at.whole([-1]), at.whole([prod(window.kernel)])
    apart = at.add("Reshape", at.x, at.row(at.whole([0]), rest, count, places))
    whole = _laid(at, window, apart, window.strides)
    at.result("Slice", whole, begins, at.add("Add", begins, image), at.whole(window.axes))


def _laid(at: Part, window: Window, parts: Handle, more: Sequence[int]) -> Handle:
    """[N, C, K, *S], the elements of each window, added where the windows lie, with `more` places
    behind the last one's."""
    spread = _spread(at, window, parts)
    found = []
    for number, place in enumerate(window.places()):
        part = at.add("Gather", spread, at.whole([number]), axis=2)
        part = at.add("Squeeze", part, at.whole([2]))
        behind = [r - p + m for r, p, m in zip(window.reach, place, more, strict=True)]
        found.append(at.add("Pad", part, at.whole([0, 0, *place, 0, 0, *behind])))
    return at.add("Sum", *found)


@defines("AveragePool")
def average_pool(at: Part) -> None:
    window = Window.of(at)
    total = at.add("Sum", *_parts(at, window, _padded(at, at.x, window)))
    if at.attribute("count_include_pad", 0):
        at.result("Div", total, at.floats(float(prod(window.kernel))))
        return
    ones = at.add("Expand", at.floats(1.0), at.add("Shape", at.x))
    count = at.add("Sum", *_parts(at, window, _padded(at, ones, window)))
    at.result("Div", total, count)


def _padded(at: Part, x: Handle, window: Window) -> Handle:
    if not any((*window.begins, *window.ends)):
        return x
    return at.add("Pad", x, at.whole([0, 0, *window.begins, 0, 0, *window.ends]))


def _parts(at: Part, window: Window, x: Handle) -> Iterator[Handle]:
    """For each place of the window what lies there, of all windows: [N, C, *L]."""
    last = at.add("Sub", at.sizes(x, 2), at.whole(window.reach))
    axes, steps = at.whole(window.axes), at.whole(window.strides)
    for place in window.places():
        start = at.whole(place)
        yield at.add("Slice", x, start, at.add("Add", last, start), axes, steps)


def _spread(at: Part, window: Window, x: Handle) -> Handle:
    """[N, C, K, *S] with stride - 1 zeros behind each element."""
    for axis, stride in enumerate(window.strides, 3):
        if stride == 1:
            continue
        rank = 3 + len(window.strides)
        apart = at.add("Unsqueeze", x, at.whole([axis + 1]))
        pads = [0] * (2 * (rank + 1))
        pads[rank + 1 + axis + 1] = stride - 1
        wide = at.add("Pad", apart, at.whole(pads))
        shape = at.row(at.sizes(x, 0, axis), at.whole([-1]), at.sizes(x, axis + 1))
        x = at.add("Reshape", wide, shape)
    return x


def _biased(at: Part, window: Window, x: Handle, shape: Handle) -> None:
    """The result in its shape, with the bias where there is one."""
    if not at.has(2):
        at.result("Reshape", x, shape)
        return
    bias = at.add("Reshape", at.input(2), at.whole([-1, *[1] * len(window.kernel)]))
    at.result("Add", at.add("Reshape", x, shape), bias)
