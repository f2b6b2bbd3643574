"""Reverse-mode differentiation over NumPy arrays: from a formula follows its exact gradient.

Every function computes a value and, when an argument is tracked, remembers how a gradient flows
back through it. At kinks `absolute` has the gradient 0, `where` gives all to the chosen side, and
`clip` lets the gradient through at its bounds. Windows and their scattering are in `windows.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Pullback: TypeAlias = Callable[[Array], Array]
_SERIAL = count()


class Tensor:
    """An array and how it was made.

    `sources` are the tracked arguments, each with the function from this tensor's gradient to
    that argument's.
    """

    __slots__ = ("serial", "sources", "tracked", "value")

    def __init__(
        self,
        value: Array,
        sources: Sequence[tuple[Tensor, Pullback]] = (),
        *,
        tracked: bool = False,
    ) -> None:
        self.value = value
        self.sources = tuple(source for source in sources if source[0].tracked)
        self.tracked: bool = tracked or bool(self.sources)
        self.serial = next(_SERIAL)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def rank(self) -> int:
        """The number of axes, the batch included."""
        return self.value.ndim

    def __add__(self, other: Tensor | float) -> Tensor:
        a, b = _pair(self, other)
        return Tensor(
            a.value + b.value, ((a, lambda g: _like(g, a.shape)), (b, lambda g: _like(g, b.shape)))
        )

    def __sub__(self, other: Tensor | float) -> Tensor:
        a, b = _pair(self, other)
        return Tensor(
            a.value - b.value, ((a, lambda g: _like(g, a.shape)), (b, lambda g: _like(-g, b.shape)))
        )

    def __mul__(self, other: Tensor | float) -> Tensor:
        a, b = _pair(self, other)
        return Tensor(
            a.value * b.value,
            (
                (a, lambda g: _like(g * b.value, a.shape)),
                (b, lambda g: _like(g * a.value, b.shape)),
            ),
        )

    def __truediv__(self, other: Tensor | float) -> Tensor:
        a, b = _pair(self, other)
        value = a.value / b.value
        return Tensor(
            value,
            (
                (a, lambda g: _like(g / b.value, a.shape)),
                (b, lambda g: _like(-g * value / b.value, b.shape)),
            ),
        )

    def __pow__(self, other: Tensor | float) -> Tensor:
        a, b = _pair(self, other)
        value, base = a.value**b.value, np.where(a.value == 0, 1.0, a.value)
        return Tensor(
            value,
            (
                (a, lambda g: _like(_power_slope(g, a.value, b.value), a.shape)),
                (b, lambda g: _like(g * value * np.log(base), b.shape)),
            ),
        )

    def __matmul__(self, other: Tensor) -> Tensor:
        """The matrix product over the last two axes; those before are broadcast."""
        a, b = self, other
        return Tensor(
            a.value @ b.value,
            (
                (a, lambda g: _like(g @ np.swapaxes(b.value, -1, -2), a.shape)),
                (b, lambda g: _like(np.swapaxes(a.value, -1, -2) @ g, b.shape)),
            ),
        )

    def __neg__(self) -> Tensor:
        return Tensor(-self.value, ((self, lambda g: -g),))

    def __radd__(self, other: float) -> Tensor:
        return self + other

    def __rmul__(self, other: float) -> Tensor:
        return self * other

    def __rsub__(self, other: float) -> Tensor:
        return constant(other) - self

    def __rtruediv__(self, other: float) -> Tensor:
        return constant(other) / self

    def __rpow__(self, other: float) -> Tensor:
        return constant(other) ** self

    def __getitem__(self, key: Any) -> Tensor:
        """A part, chosen by whole numbers and slices."""

        def back(g: Array) -> Array:
            whole = np.zeros(self.shape)
            whole[key] = g
            return whole

        return Tensor(self.value[key], ((self, back),))


def constant(value: object) -> Tensor:
    """A tensor without gradient; floating-point numbers become float64."""
    array = np.asarray(value)
    exact = array.dtype.kind in "iub"
    return Tensor(array if exact else np.asarray(array, np.float64))


def variable(value: object) -> Tensor:
    """A tensor that gradients are asked for."""
    return Tensor(np.asarray(value, np.float64), tracked=True)


def gradients(
    seeds: Iterable[tuple[Tensor, Array]], with_respect_to: Sequence[Tensor]
) -> list[Array]:
    """Gradients of Σ tensor·seed; zeros for what it doesn't depend on."""
    found: dict[int, Array] = {}
    reached: dict[int, Tensor] = {}
    for tensor, seed in seeds:
        _add(found, tensor, np.asarray(seed, np.float64))
        _reach(tensor, reached)
    wanted = {tensor.serial for tensor in with_respect_to}
    for tensor in sorted(reached.values(), key=lambda t: t.serial, reverse=True):
        gradient = found.get(tensor.serial)
        if gradient is None:
            continue
        for source, back in tensor.sources:
            _add(found, source, back(gradient))
        if tensor.serial not in wanted:
            del found[tensor.serial]
    return [found.get(t.serial, np.zeros(t.shape)) for t in with_respect_to]


def _add(found: dict[int, Array], tensor: Tensor, gradient: Array) -> None:
    before = found.get(tensor.serial)
    found[tensor.serial] = gradient if before is None else before + gradient


def _reach(start: Tensor, reached: dict[int, Tensor]) -> None:
    waiting = [start]
    while waiting:
        tensor = waiting.pop()
        if tensor.serial not in reached:
            reached[tensor.serial] = tensor
            waiting += [source for source, _ in tensor.sources]


def _pair(a: Tensor, b: Tensor | float) -> tuple[Tensor, Tensor]:
    return a, b if isinstance(b, Tensor) else constant(b)


def _like(gradient: Array, shape: tuple[int, ...]) -> Array:
    """The gradient of what was broadcast from `shape`: summed over the axes that were repeated."""
    if gradient.shape == shape:
        return gradient
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    repeated = tuple(i for i, n in enumerate(shape) if n == 1 and gradient.shape[i] != 1)
    return np.asarray(gradient.sum(axis=repeated, keepdims=True))


def _power_slope(g: Array, a: Array, b: Array) -> Array:
    # 0 · 0⁻¹ would be NaN where the exponent is 0; so would 0ᵇ · log 0 above, whose limit is 0.
    return g * np.where(b == 0, 0.0, b * a ** np.where(b == 0, 1.0, b - 1.0))


def elementwise(x: Tensor, value: Array, slope: Array) -> Tensor:
    """A function of single elements with its derivative at each of them."""
    return Tensor(value, ((x, lambda g: g * slope),))


def exp(x: Tensor) -> Tensor:
    value = np.exp(x.value)
    return elementwise(x, value, value)


def sin(x: Tensor) -> Tensor:
    return elementwise(x, np.sin(x.value), np.cos(x.value))


def cos(x: Tensor) -> Tensor:
    return elementwise(x, np.cos(x.value), -np.sin(x.value))


def log(x: Tensor) -> Tensor:
    return elementwise(x, np.log(x.value), 1.0 / x.value)


def log1p(x: Tensor) -> Tensor:
    return elementwise(x, np.log1p(x.value), 1.0 / (1.0 + x.value))


def sqrt(x: Tensor) -> Tensor:
    value = np.sqrt(x.value)
    return elementwise(x, value, 0.5 / value)


def tanh(x: Tensor) -> Tensor:
    value = np.tanh(x.value)
    return elementwise(x, value, 1.0 - value * value)


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + e^-x), without overflow at either end."""
    value = _sigmoid(x.value)
    return elementwise(x, value, value * (1.0 - value))


def _sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1.0 + e)


def softplus(x: Tensor) -> Tensor:
    """ln(1 + eˣ); its derivative is the sigmoid, at 0 too."""
    value = np.maximum(x.value, 0.0) + np.log1p(np.exp(-np.abs(x.value)))
    return elementwise(x, value, _sigmoid(x.value))


_ERFC = np.frompyfunc(math.erfc, 1, 1)


def normal_cdf(x: Tensor) -> Tensor:
    """Φ, the share of the standard normal distribution below x."""
    value = 0.5 * np.asarray(_ERFC(-x.value / math.sqrt(2.0)), np.float64)
    density = np.exp(-0.5 * x.value**2) / math.sqrt(2.0 * math.pi)
    return elementwise(x, value, density)


def absolute(x: Tensor) -> Tensor:
    return elementwise(x, np.abs(x.value), np.sign(x.value))


def clip(x: Tensor, low: float, high: float) -> Tensor:
    inside = (x.value >= low) & (x.value <= high)
    return elementwise(x, np.clip(x.value, low, high), inside.astype(np.float64))


def where(condition: Array, x: Tensor | float, y: Tensor | float) -> Tensor:
    """x where the condition holds, else y; the other side gets no gradient."""
    a = x if isinstance(x, Tensor) else constant(x)
    b = y if isinstance(y, Tensor) else constant(y)
    return Tensor(
        np.where(condition, a.value, b.value),
        (
            (a, lambda g: _like(np.where(condition, g, 0.0), a.shape)),
            (b, lambda g: _like(np.where(condition, 0.0, g), b.shape)),
        ),
    )


def total(x: Tensor, axes: int | tuple[int, ...] | None = None, *, keep: bool = False) -> Tensor:
    """The sum over axes (the batch counted), all without any given."""
    over = tuple(range(x.rank)) if axes is None else axes

    def back(g: Array) -> Array:
        return np.broadcast_to(g if keep else np.expand_dims(g, over), x.shape)

    return Tensor(np.asarray(x.value.sum(axis=over, keepdims=keep)), ((x, back),))


def mean(x: Tensor, axes: int | tuple[int, ...] | None = None, *, keep: bool = False) -> Tensor:
    """The mean over axes (the batch counted), all without any given."""
    summed = total(x, axes, keep=keep)
    return summed / (x.value.size / max(summed.value.size, 1))


def greatest(x: Tensor, axes: int | tuple[int, ...], *, keep: bool = False) -> Tensor:
    """The maximum over axes (the batch counted); equal ones share the gradient."""
    value = x.value.max(axis=axes, keepdims=True)
    chosen = x.value == value

    def back(g: Array) -> Array:
        shared = (g if keep else np.expand_dims(g, axes)) / chosen.sum(axis=axes, keepdims=True)
        return np.where(chosen, shared, 0.0)

    return Tensor(value if keep else value.squeeze(axes), ((x, back),))


def reshape(x: Tensor, shape: Sequence[int]) -> Tensor:
    return Tensor(x.value.reshape(shape), ((x, lambda g: g.reshape(x.shape)),))


def transpose(x: Tensor, axes: Sequence[int]) -> Tensor:
    """Axis i of the result is axis `axes[i]`; the batch is axis 0."""
    back = np.argsort(axes)
    return Tensor(x.value.transpose(axes), ((x, lambda g: g.transpose(back)),))


def move_axis(x: Tensor, source: int, destination: int) -> Tensor:
    """One axis at another place, the rest in their order."""
    order = [i for i in range(x.rank) if i != source % x.rank]
    order.insert(destination % x.rank, source % x.rank)
    return transpose(x, order)


def swap(x: Tensor) -> Tensor:
    """The last two axes exchanged."""
    return move_axis(x, -1, -2)


def concat(parts: Sequence[Tensor], axis: int) -> Tensor:
    """One after the other along an axis, the batch counted."""
    ends = np.cumsum([part.shape[axis] for part in parts])

    def piece(number: int) -> Pullback:
        stop = int(ends[number])
        start = stop - parts[number].shape[axis]
        return lambda g: np.take(g, np.arange(start, stop), axis)

    return Tensor(
        np.concatenate([part.value for part in parts], axis),
        [(part, piece(number)) for number, part in enumerate(parts)],
    )


def stack(parts: Sequence[Tensor], axis: int) -> Tensor:
    """Side by side along a new axis, the batch counted."""

    def piece(number: int) -> Pullback:
        return lambda g: np.take(g, number, axis)

    return Tensor(
        np.stack([part.value for part in parts], axis),
        [(part, piece(number)) for number, part in enumerate(parts)],
    )


def rows(table: Tensor, numbers: Array) -> Tensor:
    """The row of a table for each number."""

    def back(g: Array) -> Array:
        whole = np.zeros(table.shape)
        np.add.at(whole, numbers, g)
        return whole

    return Tensor(table.value[numbers], ((table, back),))


def pick(x: Tensor, places: Array) -> Tensor:
    """Along the last axis the element at one place: x [..., n], places [...] -> [...]."""

    def back(g: Array) -> Array:
        whole = np.zeros(x.shape)
        np.put_along_axis(whole, places[..., None], g[..., None], -1)
        return whole

    return Tensor(np.take_along_axis(x.value, places[..., None], -1)[..., 0], ((x, back),))


def pad(x: Tensor, widths: Sequence[tuple[int, int]], value: float = 0.0) -> Tensor:
    """`value` added before and after each axis, the batch counted; negative widths cut off."""
    inner = tuple(
        slice(max(-lo, 0), n - max(-hi, 0)) for n, (lo, hi) in zip(x.shape, widths, strict=True)
    )
    added = [(max(lo, 0), max(hi, 0)) for lo, hi in widths]
    padded = np.pad(x.value[inner], added, constant_values=value)
    middle = tuple(slice(lo, n - hi) for n, (lo, hi) in zip(padded.shape, added, strict=True))

    def back(g: Array) -> Array:
        whole = np.zeros(x.shape)
        whole[inner] = g[middle]
        return whole

    return Tensor(padded, ((x, back),))
