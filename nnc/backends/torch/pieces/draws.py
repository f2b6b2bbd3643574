"""Random numbers by counting."""

from typing import Any

import torch
from torch import Tensor


def hashed(index: Any, key: int) -> Any:
    """32 random bits for each index ("lowbias32")."""
    h = index ^ key
    for mask in (key * 0x9E3779B1 & 0xFFFFFFFF, 0):
        h = (h ^ h >> 16) * 0x7FEB352D & 0xFFFFFFFF
        h = (h ^ h >> 15) * 0x846CA68B & 0xFFFFFFFF
        h = h ^ h >> 16 ^ mask
    return h


def drawn_order(count: int, key: int) -> Tensor:
    """A permutation of range(count): the places in the order of their random bits."""
    return torch.argsort(hashed(torch.arange(count), key), stable=True)
