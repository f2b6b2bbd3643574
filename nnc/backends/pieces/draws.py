"""Random numbers by counting."""

from typing import Any

import numpy as np


def drawn_order(count: int, key: int) -> Any:
    """A permutation of range(count): the places in the order of 32 random bits each,
    which "lowbias32" makes from the place and the key."""
    h = np.arange(count) ^ key
    for mask in (key * 0x9E3779B1 & 0xFFFFFFFF, 0):
        h = (h ^ h >> 16) * 0x7FEB352D & 0xFFFFFFFF
        h = (h ^ h >> 15) * 0x846CA68B & 0xFFFFFFFF
        h = h ^ h >> 16 ^ mask
    return np.argsort(h, kind="stable")
