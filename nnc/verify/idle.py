"""Weights whose true gradient is 0: what rounding makes of them is no difference in meaning.

So it is for a bias in front of a normalisation by the batch, and for the keys' bias of attention.
An optimiser that divides by the gradient's size turns its rounding into steps of the learning rate,
in another direction on each backend; nothing but a running mean ever sees them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnc.backends.base import Arrays
from nnc.verify.tolerances import ZERO_GRADIENT


class Idle:
    """Watches the exact gradients, step by step."""

    def __init__(self, layers: Mapping[str, str]) -> None:
        self._layers = layers
        """The layer of each weight."""
        self._largest: dict[str, NDArray[Any]] = {}

    def watch(self, gradients: Arrays) -> None:
        """Take note of the gradients of a step."""
        for name, gradient in gradients.items():
            size = np.abs(gradient)
            before = self._largest.get(name)
            self._largest[name] = size if before is None else np.maximum(before, size)

    def elements(self) -> dict[str, NDArray[np.bool_]]:
        """The elements whose gradient never was more than rounding, of each weight with such.

        Rounding may also give exactly 0: beside elements of which it left something, that is no
        more than they are. A weight of which nothing but 0 was seen is compared.
        """
        layers: dict[str, float] = {}
        for name, size in self._largest.items():
            layer = self._layers[name]
            layers[layer] = max(layers.get(layer, 0.0), float(size.max(initial=0.0)))
        found = {
            name: size <= ZERO_GRADIENT * layers[self._layers[name]]
            for name, size in self._largest.items()
        }
        return {name: mask for name, mask in found.items() if (self._largest[name][mask] > 0).any()}
