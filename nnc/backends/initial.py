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
from collections.abc import Callable
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

_CHUNK = 1 << 14
"""Elements worked on at once: the buffers stay in the processor's cache."""
_PARALLEL = 1 << 20
"""Elements in all from which a second thread is worth its start."""


def weights(graph: Graph, seed: int) -> dict[str, Floats]:
    """Every weight of a graph as it begins, by full name, float32, in canonical order.

    Raises Failed (E607) for a literal or an initialiser whose numbers float32 can't hold.
    """
    stored = graph.weights
    jobs = [(weight, name, seed) for name, weight in stored.items()]
    workers = min(4, os.cpu_count() or 1)
    if workers == 1 or sum(prod(weight.shape) for weight in stored.values()) < _PARALLEL:
        return {name: draw(*job) for name, job in zip(stored, jobs, strict=True)}
    from concurrent.futures import ThreadPoolExecutor

    # NumPy lets go of the interpreter lock while it draws; every weight has its own stream.
    with ThreadPoolExecutor(workers) as pool:
        return dict(zip(stored, pool.map(lambda job: draw(*job), jobs), strict=True))


def draw(weight: Weight, name: str, seed: int) -> Floats:
    """One weight as it begins: its literal value, or what its initialiser makes. `name` is the full
    name.

    Raises Failed (E607) when a number doesn't fit into float32; ValueError when a literal has
    another shape than the weight, which the compiler has excluded.
    """
    if weight.value is not None:
        return _finite(name, _literal(weight))
    fill = _RULES[type(weight.init)]
    drawn = fill(weight, name, seed)
    return _finite(name, drawn) if type(weight.init) in _FREE else drawn


def _literal(weight: Weight) -> Floats:
    with np.errstate(over="ignore"):
        array = np.asarray(weight.value, np.float64).astype(np.float32)
    if array.shape != weight.shape:
        raise ValueError(f"a literal of shape {array.shape} for a weight of shape {weight.shape}")
    return array


def _finite(name: str, array: Floats) -> Floats:
    if np.isfinite(array).all():
        return array
    raise Failed(
        [
            Diagnostic(
                "E607",
                f"`{name}` would begin with a number that float32 can't hold",
                help="keep every number between -3.4e38 and 3.4e38",
            )
        ]
    )


def _stream(name: str, seed: int) -> np.random.Philox:
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return np.random.Philox(key=int.from_bytes(digest[:16], "little"))


def _chunks(
    shape: tuple[int, ...], name: str, seed: int, write: Callable[[NDArray[np.int64], Floats], None]
) -> Floats:
    """A float32 array of this shape, filled by `write(k, part)` a part at a time."""
    stream = _stream(name, seed)
    result = np.empty(prod(shape), np.float32)
    for start in range(0, result.size, _CHUNK):
        part = result[start : start + _CHUNK]
        words = stream.random_raw(part.size)
        np.right_shift(words, 11, out=words)
        write(words.view(np.int64), part)  # below 2^53: conversion from signed numbers is faster
    return result.reshape(shape)


def _uniform(shape: tuple[int, ...], name: str, seed: int, low: float, high: float) -> Floats:
    """low + (high - low)·u, computed as k·step + first."""
    step = (high - low) * 2.0**-53
    first = low + step / 2
    buffer = np.empty(_CHUNK)

    def write(k: NDArray[np.int64], part: Floats) -> None:
        exact = np.multiply(k, step, out=buffer[: k.size])
        np.add(exact, first, out=part, casting="same_kind")

    with np.errstate(over="ignore", invalid="ignore"):
        return _chunks(shape, name, seed, write)


def _normal(shape: tuple[int, ...], name: str, seed: int, mean: float, std: float) -> Floats:
    def write(k: NDArray[np.int64], part: Floats) -> None:
        np.add(quantile(_unit(k)) * std, mean, out=part, casting="same_kind")

    with np.errstate(over="ignore", invalid="ignore"):
        return _chunks(shape, name, seed, write)


def _unit(k: NDArray[np.int64]) -> Doubles:
    """u = (k + 1/2) · 2^-53; the largest k rounds to 1, which is no probability: it becomes 1 -
    2^-53."""
    u: Doubles = np.multiply(k, 2.0**-53, dtype=np.float64)
    u += 2.0**-54
    return np.minimum(u, 1 - 2.0**-53, out=u)


def _orthogonal(weight: Weight, name: str, seed: int) -> Floats:
    """Q of the QR of a normal matrix with at least as many rows as columns, signs as R's diagonal
    has them."""
    first, rest = weight.shape[0], prod(weight.shape[1:])
    tall = (max(first, rest), min(first, rest))
    words = _stream(name, seed).random_raw(prod(tall)) >> np.uint64(11)
    q, r = np.linalg.qr(quantile(_unit(words.view(np.int64))).reshape(tall))
    q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)
    matrix = q if first >= rest else q.T
    return np.ascontiguousarray(matrix, np.float32).reshape(weight.shape)


def _zeros(weight: Weight, name: str, seed: int) -> Floats:
    return np.zeros(weight.shape, np.float32)


def _ones(weight: Weight, name: str, seed: int) -> Floats:
    return np.ones(weight.shape, np.float32)


def _constant(weight: Weight, name: str, seed: int) -> Floats:
    assert isinstance(weight.init, initializers.Constant)
    with np.errstate(over="ignore"):
        return np.full(weight.shape, weight.init.value, np.float64).astype(np.float32)


def _between(weight: Weight, name: str, seed: int) -> Floats:
    assert isinstance(weight.init, initializers.Uniform)
    return _uniform(weight.shape, name, seed, weight.init.low, weight.init.high)


def _around(weight: Weight, name: str, seed: int) -> Floats:
    assert isinstance(weight.init, initializers.Normal)
    return _normal(weight.shape, name, seed, weight.init.mean, weight.init.std)


def _glorot_uniform(weight: Weight, name: str, seed: int) -> Floats:
    bound = math.sqrt(6 / (weight.fan_in + weight.fan_out))
    return _uniform(weight.shape, name, seed, -bound, bound)


def _glorot_normal(weight: Weight, name: str, seed: int) -> Floats:
    std = math.sqrt(2 / (weight.fan_in + weight.fan_out))
    return _normal(weight.shape, name, seed, 0.0, std)


def _he_uniform(weight: Weight, name: str, seed: int) -> Floats:
    bound = math.sqrt(6 / weight.fan_in)
    return _uniform(weight.shape, name, seed, -bound, bound)


def _he_normal(weight: Weight, name: str, seed: int) -> Floats:
    return _normal(weight.shape, name, seed, 0.0, math.sqrt(2 / weight.fan_in))


_RULES: dict[type[initializers.Initializer], Callable[[Weight, str, int], Floats]] = {
    initializers.Zeros: _zeros,
    initializers.Ones: _ones,
    initializers.Constant: _constant,
    initializers.Uniform: _between,
    initializers.Normal: _around,
    initializers.GlorotUniform: _glorot_uniform,
    initializers.GlorotNormal: _glorot_normal,
    initializers.HeUniform: _he_uniform,
    initializers.HeNormal: _he_normal,
    initializers.Orthogonal: _orthogonal,
}
_FREE = (initializers.Constant, initializers.Uniform, initializers.Normal)
"""Initialisers whose numbers the user gives: they may be beyond float32."""
