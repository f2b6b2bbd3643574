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

_SPREAD = 0x9E3779B1
_MASK = 0xFFFFFFFF


def key_of(seed: int, name: str) -> int:
    """The key of what bears this name (`order`, `split`, the node of a dropout): the first 32 bits
    of SHA-256("{seed}/{name}"), little end first."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:4], "little")


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


def order(count: int, key: int) -> NDArray[np.int64]:
    """A permutation of range(count): the places in the order of their bits, equal bits in their own
    order."""
    return np.argsort(bits(key, np.arange(count, dtype=np.uint32)), kind="stable")
