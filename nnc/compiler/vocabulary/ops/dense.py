"""Fully connected layers."""

from __future__ import annotations

from math import prod

from nnc.compiler.types import Dim
from nnc.compiler.vocabulary.base import Mistake, PositiveInt
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.ops.base import (
    Example,
    Types,
    Weight,
    Weighted,
    example,
    known,
    require_float,
    require_rank,
)


class Dense(Weighted):
    """y = x · weightᵀ + bias over the last axis: [..., inputs] -> [..., units].

    weight: [units, inputs]; bias: [units].
    """

    word = "Dense"
    aliases = ("Linear", "dense")
    positional = ("units",)
    argument_aliases = {
        "out_features": "units",
        "use_bias": "bias",
        "kernel_initializer": "weight_init",
        "bias_initializer": "bias_init",
        "kernel_regularizer": "regularize",
        "bias_regularizer": "bias_regularize",
        "activity_regularizer": "activity_regularize",
        "kernel_constraint": "constraint",
    }
    units: PositiveInt = Field(description="size of the last axis of the result")

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        require_float(self, inputs)
        if x.rank == 0:
            require_rank(self, x, 1, "inputs")
        known(self, x.shape[-1], "the size of the last axis")
        return (x.with_shape((*x.shape[:-1], self.units)),)

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        features = known(self, inputs[0].shape[-1], "the size of the last axis")
        kernel = self.kernel_weight((self.units, features), features, self.units)
        return (kernel, *self.bias_weight(self.units))

    def cost(self, inputs: Types) -> int:
        return self.units * count(inputs[0].shape)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(units=3), "f32[4]"),
            example(cls(units=3, bias=False), "f32[5]"),
            example(cls(units=3), "f32[T, 5]"),
            example(cls(units=5), "f32[2, 3, 4]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(0)", "E203"),
            Mistake("(-3)", "E203"),
            Mistake("(2.5)", "E203"),
            Mistake("()", "E202"),
            Mistake("(3, 4)", "E205"),
            Mistake("(unit=3)", "E201"),
            Mistake("(3)", "E302", "i64[4]"),
            Mistake("(3)", "E303", "f32[T]"),
            Mistake("(3)", "E301", "f32"),
        )


def count(shape: tuple[Dim, ...]) -> int:
    """The number of elements of one example, a free dimension counted as 1."""
    return prod(d if isinstance(d, int) else 1 for d in shape)
