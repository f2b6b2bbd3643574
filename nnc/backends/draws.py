"""Random numbers that every backend can follow: bits that are a function of a key and an index.

    mix(h):  h ^= h >> 16;  h = h · 0x7feb352d;  h ^= h >> 15;  h = h · 0x846ca68b;  h ^= h >> 16
    bits(key, i) = mix(mix(i ^ key) ^ key · 0x9e3779b1)

All in whole numbers modulo 2^32, so NumPy, PyTorch, TensorFlow and ONNX give the same bits. `mix`
is the finaliser "lowbias32" (Wellons, Prospecting for Hash Functions, 2018). There is no state: the
order of the examples and the masks of dropout depend on the seed, a name, the step and the place
of an element, and on nothing that was drawn before.
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Bits: TypeAlias = "NDArray[np.uint32]"
Kept: TypeAlias = "NDArray[np.bool_]"
Normal: TypeAlias = "NDArray[np.float64]"

_SPREAD = 0x9E3779B1
_MASK = 0xFFFFFFFF
_TOGETHER = 2**20
"""How many places are hashed together."""


def key_of(seed: int, name: str) -> int:
    """The key of what bears this name (`order`, `split`, the node of a dropout): the first 32 bits
    of SHA-256("{seed}/{name}"), little end first."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:4], "little")


def part_of(name: str, level: int) -> str:
    """What names the draws behind one of the levels of a node: `lstm.l0`."""
    return f"{name}.l{level}"


def key_at(key: int, step: int) -> int:
    """The key for one step or epoch, both from 0: bits(key, step)."""
    return int(bits(key, np.array([step & _MASK], np.uint32))[0])


def mix(h: Bits) -> Bits:
    """A bijection of 32 bits in which every bit of the result depends on every bit given."""
    h = h ^ (h >> np.uint32(16))
    h = h * np.uint32(0x7FEB352D)
    h = h ^ (h >> np.uint32(15))
    h = h * np.uint32(0x846CA68B)
    return h ^ (h >> np.uint32(16))


def bits(key: int, index: Bits) -> Bits:
    """32 bits for each index."""
    return mix(mix(index ^ np.uint32(key)) ^ np.uint32(key * _SPREAD & _MASK))


def places(shape: tuple[int, ...], row: int = 0, axes: tuple[int, ...] = ()) -> Bits:
    """The index of every element of a part of the batch: its place, row by row, in the whole batch.

    `row` is the part's first example. With `axes` the examples' axes stand otherwise than the spec
    has them: `axes[i]` is the spec's axis at place i. Counted modulo 2^32.
    """
    size = int(np.prod(shape[1:], dtype=object))
    turned = (0, *(axis + 1 for axis in axes)) if axes else range(len(shape))
    spec = [length for _, length in sorted(zip(turned, shape, strict=True))]
    index = np.arange(row * size, row * size + shape[0] * size) & _MASK
    return index.astype(np.uint32).reshape(spec).transpose(*turned)


def kept(rate: float, key: int, index: Bits) -> Kept:
    """What a dropout at this rate keeps: where bits >> 8 >= floor(rate · 2^24)."""
    return bits(key, index) >> np.uint32(8) >= np.uint32(int(rate * 2**24))


def normal(key: int, index: Bits) -> Normal:
    """Normal numbers of mean 0 and variance 1 (Box and Muller 1958): √(-2 ln u) · cos(2π v).

    u = (1 + (bits(2i) >> 8)) / 2^24 and v = (bits(2i + 1) >> 8) / 2^24 are numbers of float32.
    """
    twice = index * np.uint32(2)
    u, v = (bits(key, at) >> np.uint32(8) for at in (twice, twice + np.uint32(1)))
    radius = np.sqrt(-2 * np.log((1.0 + u) / 2**24))
    return np.asarray(radius * np.cos(2 * np.pi * v / 2**24))


def order(count: int, key: int, room: NDArray[np.uint64] | None = None) -> NDArray[np.int64]:
    """A permutation of range(count): the places in the order of their bits, equal bits in their own
    order. It takes the place of what is in `room`, so many whole numbers, where that is given."""
    found = np.empty(count, np.uint64) if room is None else room
    for start in range(0, count, _TOGETHER):
        index = np.arange(start, min(start + _TOGETHER, count), dtype=np.uint32)
        high = bits(key, index).astype(np.uint64) << np.uint64(32)
        found[start : start + len(index)] = high | index
    found.sort()  # bits and place in one number: nothing is equal, and nothing needs a copy
    found &= np.uint64(_MASK)
    return found.view(np.int64)
