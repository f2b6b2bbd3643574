"""Initial weights: a stable function of (seed, name of the weight, index of the element), the same
for every backend.

    key   = the first 128 bits of SHA-256("{seed}/{name}"), little end first
    words = numpy.random.Philox(key).random_raw(n) (Salmon et al. 2011), a stream that NumPy keeps
    k     = word >> 11, a whole number below 2^53
    u     = (k + 1/2) · 2^-53, the middle of one of 2^53 equal parts of (0, 1)

Element i of the weight, in row-major order, comes from word i alone. Everything is computed in
float64 and rounded to float32 once. Because the name is in the key, a weight doesn't change when
other layers come or go.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterator
from itertools import accumulate, pairwise
from math import prod
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnc.backends.normal import quantile
from nnc.compiler.diagnostics import Diagnostic, Failed
from nnc.compiler.ir import Graph
from nnc.compiler.vocabulary import initializers
from nnc.compiler.vocabulary.ops.base import Weight

Floats: TypeAlias = "NDArray[np.float32]"
Doubles: TypeAlias = "NDArray[np.float64]"
Wholes: TypeAlias = "NDArray[np.int64]"

_CHUNK = 1 << 14
"""Elements worked on at once: the buffers stay in the processor's cache."""
_TAIL = math.erfc(math.sqrt(2)) / 2
"""The share of a normal distribution that lies below two standard deviations from its mean."""
_PARALLEL = 1 << 20
"""Elements in all from which a second thread is worth its start."""


def weights(graph: Graph, seed: int) -> dict[str, Floats]:
    """Every weight of a graph as it begins, by full name, float32, in canonical order.

    Raises Failed (E607) for a literal or an initialiser whose numbers float32 can't hold.
    """
    ends = list(accumulate(prod(weight.shape) for weight in graph.weights.values()))
    # One piece of memory for all: the system gives a large piece in large pages, which is faster.
    memory = np.empty(ends[-1] if ends else 0, np.float32)
    places = (memory[start:end] for start, end in pairwise([0, *ends]))
    jobs = [(*item, place) for item, place in zip(graph.weights.items(), places, strict=True)]

    def drawn(job: tuple[str, Weight, Floats]) -> Floats:
        name, weight, place = job
        return draw(weight, name, seed, out=place.reshape(weight.shape))

    workers = min(4, os.cpu_count() or 1)
    if workers == 1 or memory.size < _PARALLEL:
        return dict(zip(graph.weights, map(drawn, jobs), strict=True))
    from concurrent.futures import ThreadPoolExecutor

    # NumPy lets go of the interpreter lock while it draws; every weight has its own stream.
    with ThreadPoolExecutor(workers) as pool:
        return dict(zip(graph.weights, pool.map(drawn, jobs), strict=True))


def draw(weight: Weight, name: str, seed: int, out: Floats | None = None) -> Floats:
    """One weight as it begins: its literal value, or what its initialiser makes.

    `name` is the full name, `out` where the numbers are to stand. Raises Failed (E607) when one
    doesn't fit into float32; ValueError when a literal has another shape than the weight, which the
    compiler has excluded.
    """
    array = np.empty(weight.shape, np.float32) if out is None else out
    with np.errstate(over="ignore", invalid="ignore"):
        if weight.value is not None:
            _literal(weight, array)
        else:
            _RULES[type(weight.init)](weight, _stream(name, seed), array)
            if weight.zero_row is not None:
                array[weight.zero_row] = 0
    if weight.value is not None or isinstance(weight.init, _FREE):
        _check_finite(name, array)
    return array


def _literal(weight: Weight, array: Floats) -> None:
    literal = np.asarray(weight.value, np.float64)
    if literal.shape != weight.shape:
        raise ValueError(f"a literal of shape {literal.shape} for a weight of shape {weight.shape}")
    np.copyto(array, literal, casting="same_kind")


def _check_finite(name: str, array: Floats) -> None:
    if not np.isfinite(array).all():
        message = f"`{name}` would begin with a number that float32 can't hold"
        cure = "keep every number between -3.4e38 and 3.4e38"
        raise Failed([Diagnostic("E607", message, help=cure)])


def _stream(name: str, seed: int) -> np.random.Philox:
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return np.random.Philox(key=int.from_bytes(digest[:16], "little"))


def _parts(stream: np.random.Philox, array: Floats) -> Iterator[tuple[Wholes, Floats]]:
    """Each part of the array, flat, with its numbers k."""
    flat = array.reshape(-1)
    for start in range(0, flat.size, _CHUNK):
        part = flat[start : start + _CHUNK]
        words = stream.random_raw(part.size)
        np.right_shift(words, 11, out=words)
        yield words.view(np.int64), part  # below 2^53: signed numbers are converted faster


def _uniform(stream: np.random.Philox, array: Floats, low: float, high: float) -> None:
    """low + (high - low)·u, computed as k·step + first."""
    step = (high - low) * 2.0**-53
    first = low + step / 2
    buffer = np.empty(_CHUNK)
    for k, part in _parts(stream, array):
        exact = np.multiply(k, step, out=buffer[: k.size])
        np.add(exact, first, out=part, casting="same_kind")


def _normal(stream: np.random.Philox, array: Floats, mean: float, std: float) -> None:
    for k, part in _parts(stream, array):
        np.add(quantile(_unit(k)) * std, mean, out=part, casting="same_kind")


def _truncated(weight: Weight, stream: np.random.Philox, array: Floats) -> None:
    """The quantile of u·(1 - 2·tail) + tail: no draw is thrown away."""
    assert isinstance(weight.init, initializers.TruncatedNormal)
    inside = 1 - 2 * _TAIL
    for k, part in _parts(stream, array):
        drawn = quantile(_TAIL + inside * _unit(k)) * weight.init.std
        np.add(drawn, weight.init.mean, out=part, casting="same_kind")


def _identity(weight: Weight, stream: np.random.Philox, array: Floats) -> None:
    assert isinstance(weight.init, initializers.Identity)
    array[...] = np.float64(weight.init.gain) * np.eye(weight.shape[0], weight.shape[1])


def _unit(k: Wholes) -> Doubles:
    """u = (k + 1/2) · 2^-53; the largest k rounds to 1, which is no probability, and becomes
    1 - 2^-53."""
    u: Doubles = np.multiply(k, 2.0**-53, dtype=np.float64)
    u += 2.0**-54
    return np.minimum(u, 1 - 2.0**-53, out=u)


def _orthogonal(weight: Weight, stream: np.random.Philox, array: Floats) -> None:
    """Q of the QR of a normal matrix with at least as many rows as columns, signs as R's diagonal
    has them."""
    first, rest = weight.shape[0], prod(weight.shape[1:])
    tall = (max(first, rest), min(first, rest))
    words = stream.random_raw(prod(tall)) >> np.uint64(11)
    q, r = np.linalg.qr(quantile(_unit(words.view(np.int64))).reshape(tall))
    q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)
    array[...] = (q if first >= rest else q.T).reshape(weight.shape)


def _constant(weight: Weight, stream: np.random.Philox, array: Floats) -> None:
    assert isinstance(weight.init, initializers.Constant)
    array[...] = np.float64(weight.init.value)


def _between(weight: Weight, stream: np.random.Philox, array: Floats) -> None:
    assert isinstance(weight.init, initializers.Uniform)
    _uniform(stream, array, weight.init.low, weight.init.high)


def _around(weight: Weight, stream: np.random.Philox, array: Floats) -> None:
    assert isinstance(weight.init, initializers.Normal)
    _normal(stream, array, weight.init.mean, weight.init.std)


def _glorot_uniform(weight: Weight, stream: np.random.Philox, array: Floats) -> None:
    bound = math.sqrt(6 / (weight.fan_in + weight.fan_out))
    _uniform(stream, array, -bound, bound)


def _glorot_normal(weight: Weight, stream: np.random.Philox, array: Floats) -> None:
    _normal(stream, array, 0.0, math.sqrt(2 / (weight.fan_in + weight.fan_out)))


def _he_uniform(weight: Weight, stream: np.random.Philox, array: Floats) -> None:
    bound = math.sqrt(6 / weight.fan_in)
    _uniform(stream, array, -bound, bound)


def _he_normal(weight: Weight, stream: np.random.Philox, array: Floats) -> None:
    _normal(stream, array, 0.0, math.sqrt(2 / weight.fan_in))


def _lecun_uniform(weight: Weight, stream: np.random.Philox, array: Floats) -> None:
    bound = math.sqrt(3 / weight.fan_in)
    _uniform(stream, array, -bound, bound)


def _lecun_normal(weight: Weight, stream: np.random.Philox, array: Floats) -> None:
    _normal(stream, array, 0.0, math.sqrt(1 / weight.fan_in))


Rule: TypeAlias = Callable[[Weight, np.random.Philox, Floats], None]

_RULES: dict[type[initializers.Initializer], Rule] = {
    initializers.Zeros: lambda weight, stream, array: array.fill(0),
    initializers.Ones: lambda weight, stream, array: array.fill(1),
    initializers.Constant: _constant,
    initializers.Uniform: _between,
    initializers.Normal: _around,
    initializers.GlorotUniform: _glorot_uniform,
    initializers.GlorotNormal: _glorot_normal,
    initializers.HeUniform: _he_uniform,
    initializers.HeNormal: _he_normal,
    initializers.LecunUniform: _lecun_uniform,
    initializers.LecunNormal: _lecun_normal,
    initializers.TruncatedNormal: _truncated,
    initializers.Identity: _identity,
    initializers.Orthogonal: _orthogonal,
}
_FREE = (
    initializers.Constant,
    initializers.Uniform,
    initializers.Normal,
    initializers.TruncatedNormal,
    initializers.Identity,
)
"""Initialisers whose numbers the user gives: they may be beyond float32."""
