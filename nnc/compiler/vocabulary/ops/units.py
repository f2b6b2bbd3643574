"""Units beyond the weighted sum: with slopes, gates, pieces or centres."""

from __future__ import annotations

from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary.base import Array, Axis, Mistake, PositiveInt, Rejected
from nnc.compiler.vocabulary.constraints import Constraint
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.initializers import Constant, Initializer, Normal, Ones
from nnc.compiler.vocabulary.ops.base import (
    Channelled,
    Example,
    Op,
    Types,
    Weight,
    Weighted,
    example,
    known,
    require_float,
    require_rank,
    resolve_axis,
)
from nnc.compiler.vocabulary.ops.dense import count
from nnc.compiler.vocabulary.penalties import Penalty


class PReLU(Channelled):
    """x for x > 0, weight · x otherwise, with a slope for each channel (He et al. 2015).

    weight: [channels].
    """

    word = "PReLU"
    aliases = ("PRelu", "prelu")
    argument_aliases = {
        "alpha_initializer": "weight_init",
        "alpha_regularizer": "regularize",
        "alpha_constraint": "constraint",
    }
    weight: Array | None = Field(None, description="literal value of the slopes")
    weight_init: Initializer = Field(Constant(value=0.25), description="how the slopes begin")
    regularize: Penalty | None = Field(None, description="penalty on the slopes, added to the loss")
    constraint: Constraint | None = Field(
        None, description="what the slopes are brought back to, each of which is a unit"
    )
    trainable: bool = Field(True, description="false: training leaves the slopes as they are")

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        require_float(self, inputs)
        if x.rank == 0:
            require_rank(self, x, 1, "channels")
        self.channels(x)
        return inputs

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        return (
            Weight(
                "weight",
                (self.channels(inputs[0]),),
                self.weight_init,
                trainable=self.trainable,
                value=self.weight,
                penalty=self.regularize,
                constraint=self.constraint,
                penalized=False,
            ),
        )

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[3]"),
            example(cls(), "f32[3, T]"),
            example(cls(layout="channels_last"), "f32[2, 5, 3]"),
            example(cls(), "f32[2, 3, 4, 5]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("", "E303", "f32[T, 3]"),
            Mistake("", "E302", "i64[3]"),
            Mistake("", "E301", "f32"),
            Mistake("(weight=[1, 2])", "E307", "f32[3]"),
        )


class GLU(Op):
    """a · sigmoid(b), with a and b the two halves of an axis (Dauphin et al. 2017)."""

    word = "GLU"
    aliases = ("glu",)
    positional = ("axis",)
    argument_aliases = {"dim": "axis"}
    axis: Axis = Field(-1, description="the axis that is halved")

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        require_float(self, inputs)
        axis = resolve_axis(self, self.axis, x.rank)
        size = known(self, x.shape[axis], "the size of the axis that it halves")
        if size % 2:
            raise Rejected(
                "E301",
                f"`GLU` can't halve axis {axis} of `{x}`",
                input=0,
                label=f"its size, {size}, is odd",
            )
        return (x.with_shape((*x.shape[:axis], size // 2, *x.shape[axis + 1 :])),)

    def moved(self, axes: tuple[int, ...]) -> Op | None:
        return self.replace(axis=axes.index(self.axis % len(axes)))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[6]"),
            example(cls(axis=0), "f32[4, T]"),
            example(cls(axis=1), "f32[2, 6, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("", "E301", "f32[5]"),
            Mistake("(axis=2)", "E301", "f32[4]"),
            Mistake("", "E303", "f32[T]"),
            Mistake("", "E302", "i64[4]"),
        )


class Maxout(Weighted):
    """The greatest of `pieces` weighted sums for each unit, over the last axis: [..., inputs] ->
    [..., units] (Goodfellow et al. 2013). Equal ones share the gradient.

    weight: [units · pieces, inputs], row u · pieces + j is piece j of unit u; bias:
    [units · pieces].
    """

    word = "Maxout"
    aliases = ("maxout", "MaxoutDense")
    positional = ("units", "pieces")
    argument_aliases = {"out_features": "units", "use_bias": "bias", "num_pieces": "pieces"}
    units: PositiveInt = Field(description="size of the last axis of the result")
    pieces: PositiveInt = Field(2, description="how many weighted sums each unit chooses from")

    def infer(self, inputs: Types) -> Types:
        return (_last_axis(self, inputs, self.units),)

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        features = known(self, inputs[0].shape[-1], "the size of the last axis")
        rows = self.units * self.pieces
        return (self.kernel_weight((rows, features), features, rows), *self.bias_weight(rows))

    def cost(self, inputs: Types) -> int:
        return self.units * self.pieces * count(inputs[0].shape)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(units=3), "f32[4]"),
            example(cls(units=2, pieces=3, bias=False), "f32[T, 5]"),
            example(cls(units=5, pieces=4), "f32[2, 3, 4]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return _MISTAKES


class RBF(Op):
    """Radial basis functions over the last axis: e^(-beta_u · |x - weight_u|²) for each unit u:
    [..., inputs] -> [..., units] (Broomhead and Lowe 1988).

    weight: the centres, [units, inputs]; beta: [units].
    """

    word = "RBF"
    aliases = ("RBFLayer",)
    positional = ("units",)
    argument_aliases = {"out_features": "units"}
    units: PositiveInt = Field(description="how many centres there are")
    weight: Array | None = Field(None, description="literal value of the centres")
    beta: Array | None = Field(None, description="literal value of the widths")
    weight_init: Initializer = Field(Normal(std=1.0), description="how the centres begin")
    beta_init: Initializer = Field(Ones(), description="how beta begins")
    trainable: bool = Field(True, description="false: training leaves centres and beta alone")

    def infer(self, inputs: Types) -> Types:
        return (_last_axis(self, inputs, self.units),)

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        features = known(self, inputs[0].shape[-1], "the size of the last axis")
        return (
            Weight(
                "weight",
                (self.units, features),
                self.weight_init,
                features,
                self.units,
                trainable=self.trainable,
                value=self.weight,
                penalized=False,
            ),
            Weight(
                "beta",
                (self.units,),
                self.beta_init,
                trainable=self.trainable,
                value=self.beta,
                penalized=False,
            ),
        )

    def cost(self, inputs: Types) -> int:
        return self.units * count(inputs[0].shape)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(units=3), "f32[2]"),
            example(cls(units=2), "f32[T, 3]"),
            example(cls(units=5), "f32[2, 4, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return _MISTAKES


_MISTAKES = (
    Mistake("(0)", "E203"),
    Mistake("", "E202"),
    Mistake("(3)", "E302", "i64[4]"),
    Mistake("(3)", "E303", "f32[T]"),
    Mistake("(3)", "E301", "f32"),
)


def _last_axis(op: Op, inputs: Types, size: int) -> TensorType:
    """The input's type with another size of its last axis, which must be known."""
    (x,) = inputs
    require_float(op, inputs)
    if x.rank == 0:
        require_rank(op, x, 1, "inputs")
    known(op, x.shape[-1], "the size of the last axis")
    return x.with_shape((*x.shape[:-1], size))
