from __future__ import annotations

from typing import Any

from keras import layers, ops


class PReLU(layers.Layer):
    """x above 0, weight * x elsewhere, with a slope for each place of the last axis.

    Keras' own has a slope for each element, and the slope 0 at 0.
    """

    def __init__(self, initializer: Any, **options: Any) -> None:
        super().__init__(**options)
        self.initializer = initializer

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.weight = self.add_weight(
            shape=(shape[-1],), initializer=self.initializer, name="weight"
        )

    def call(self, x: Any) -> Any:
        return ops.where(x > 0, x, self.weight * x)


class RBF(layers.Layer):
    """exp(-beta * |x - weight|^2) for each centre of `weight`, over the last axis."""

    def __init__(self, units: int, centres: Any, widths: Any, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.centres = centres
        self.widths = widths

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.weight = self.add_weight(
            shape=(self.units, shape[-1]), initializer=self.centres, name="weight"
        )
        self.beta = self.add_weight(
            shape=(self.units,), initializer=self.widths, name="beta"
        )

    def call(self, x: Any) -> Any:
        apart = ops.expand_dims(x, -2) - self.weight
        return ops.exp(-self.beta * ops.sum(ops.square(apart), axis=-1))


def greatest_piece(x: Any, pieces: int) -> Any:
    """The maximum of every `pieces` neighbours on the last axis."""
    return ops.max(ops.stack([x[..., j::pieces] for j in range(pieces)]), axis=0)
