"""From whole numbers to vectors, and where in a sequence they stand."""

from __future__ import annotations

from nnc.compiler.types import INTEGERS, TensorType
from nnc.compiler.vocabulary.base import (
    Array,
    Count,
    Mistake,
    PositiveInt,
    PositiveReal,
    Rejected,
)
from nnc.compiler.vocabulary.constraints import Constraint
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.initializers import Initializer, Normal
from nnc.compiler.vocabulary.ops.base import Example, Op, Types, Weight, example, require_float
from nnc.compiler.vocabulary.penalties import Penalty


class Embedding(Op):
    """Row number x of the weight for each whole number x: [...] -> [..., units].

    weight: [vocabulary, units]. A number outside 0 … vocabulary - 1 is an error of the data. The
    row of the number `padding`, with which short sequences are filled up, begins at 0 and gets no
    gradient (as with PyTorch's padding_idx); a literal `weight` is taken as it is.
    """

    word = "Embedding"
    aliases = ("embedding",)
    positional = ("vocabulary", "units")
    argument_aliases = {
        "num_embeddings": "vocabulary",
        "input_dim": "vocabulary",
        "embedding_dim": "units",
        "padding_idx": "padding",
        "output_dim": "units",
        "embeddings_initializer": "weight_init",
        "embeddings_regularizer": "regularize",
        "embeddings_constraint": "constraint",
    }
    vocabulary: PositiveInt = Field(description="how many different numbers there are")
    units: PositiveInt = Field(description="size of each vector")
    padding: Count | None = Field(None, description="the number whose row stays as it begins")
    weight: Array | None = Field(None, description="literal value of the weight")
    weight_init: Initializer = Field(Normal(), description="how the weight begins")
    regularize: Penalty | None = Field(None, description="penalty on the weight, added to the loss")
    constraint: Constraint | None = Field(
        None, description="what the weight, a unit for each number, is brought back to"
    )
    trainable: bool = Field(True, description="false: training leaves the weight as it is")

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        if x.dtype not in INTEGERS:
            raise Rejected(
                "E302",
                f"`Embedding` needs whole numbers, but was given `{x}`",
                input=0,
                label=f"this is `{x}`",
                help="declare the input as `i64[…]`",
            )
        if self.padding is not None and self.padding >= self.vocabulary:
            raise Rejected(
                "E203",
                f"`padding` of `Embedding` must be a row, from 0 to {self.vocabulary - 1}",
                argument="padding",
                label=f"there is no row {self.padding}",
            )
        return (TensorType("f32", (*x.shape, self.units)),)

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        shape = (self.vocabulary, self.units)
        return (
            Weight(
                "weight",
                shape,
                self.weight_init,
                self.units,
                self.vocabulary,
                trainable=self.trainable,
                value=self.weight,
                penalty=self.regularize,
                constraint=self.constraint,
                zero_row=self.padding,
            ),
        )

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        op = cls(vocabulary=7, units=3)
        return (
            example(op, "i64[T]", highest=7),
            example(op, "i64", highest=7),
            example(op, "i32[2, 5]", highest=7),
            example(cls(vocabulary=5, units=3, padding=1), "i64[T]", highest=5),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(7)", "E202"),
            Mistake("(0, 3)", "E203"),
            Mistake("(7, 3, padding=7)", "E203"),
            Mistake("(7, 3)", "E302", "f32[4]"),
        )


class Positions(Op):
    """What depends on the place in a sequence of at most `length` places."""

    positional = ("length",)
    argument_aliases = {"max_length": "length", "sequence_length": "length"}
    length: PositiveInt = Field(5000, description="the longest sequence")

    def check(self, x: TensorType, *ranks: int) -> int:
        """The units of each place. Raises Rejected for inputs that are no sequences, or too
        long."""
        require_float(self, (x,))
        if x.rank not in ranks or not isinstance(x.shape[-1], int):
            raise Rejected(
                "E301",
                f"`{self.word}` needs examples of shape [length, units], not `{x}`",
                input=0,
                label=f"this is `{x}`",
            )
        if isinstance(x.shape[-2], int) and x.shape[-2] > self.length:
            raise Rejected(
                "E301",
                f"a sequence of {x.shape[-2]} is longer than the {self.length} positions",
                argument="length",
                label=f"at least {x.shape[-2]} are needed",
            )
        return x.shape[-1]

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(9)", "E301", "f32[4]"),
            Mistake("(9)", "E302", "i64[4, 6]"),
            Mistake("(3)", "E301", "f32[4, 6]"),
        )


class PositionalEncoding(Positions):
    """x + table over [T, units]: sin at even places, cos at odd ones, of p / 10000^(2i / units)
    (Vaswani et al. 2017). `length` is the longest sequence that can be met; the table is a stored
    constant."""

    word = "PositionalEncoding"
    aliases = ("SinePositionEncoding",)

    def infer(self, inputs: Types) -> Types:
        self.check(inputs[0], 2)
        return inputs

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (example(cls(length=11), "f32[T, 6]"), example(cls(length=9), "f32[4, 5]"))


class LearnedPositionalEncoding(Positions):
    """x + the first T rows of the weight, over [T, units] (Gehring et al. 2017). weight: [length,
    units]."""

    word = "LearnedPositionalEncoding"
    aliases = ("PositionEmbedding",)
    length: PositiveInt = Field(description="the longest sequence")
    weight_init: Initializer = Field(Normal(), description="how the weight begins")
    trainable: bool = Field(True, description="false: training leaves the weight as it is")

    def infer(self, inputs: Types) -> Types:
        self.check(inputs[0], 2)
        return inputs

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        units = self.check(inputs[0], 2)
        shape = (self.length, units)
        return (
            Weight("weight", shape, self.weight_init, units, self.length, trainable=self.trainable),
        )

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(length=9), "f32[T, 6]"),
            example(cls(length=7), "f32[4, 5]"),
            example(cls(length=3), "f32[3, 2]"),
        )


class RotaryEncoding(Positions):
    """Pairs of units turned by the angle p / base^(2i / units) at place p (Su et al. 2021): (a, b)
    becomes (a·cos - b·sin, b·cos + a·sin); [T, units], or [heads, T, units]. Pair i holds the units
    i and i + units / 2, or with `interleaved` 2i and 2i + 1."""

    word = "RotaryEncoding"
    aliases = ("RotaryEmbedding",)
    argument_aliases = {**Positions.argument_aliases, "max_wavelength": "base"}
    interleaved: bool = Field(False, description="pairs are neighbours, not halves apart")
    base: PositiveReal = Field(10000.0, description="of the powers that the angles fall by")

    def infer(self, inputs: Types) -> Types:
        units = self.check(inputs[0], 2, 3)
        if units % 2:
            raise Rejected(
                "E305",
                f"{units} units can't be divided into pairs",
                input=0,
                label=f"this is `{inputs[0]}`",
            )
        return inputs

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(length=11), "f32[T, 6]"),
            example(cls(length=9, interleaved=True), "f32[5, 4]"),
            example(cls(length=9, interleaved=True, base=50.0), "f32[2, T, 6]"),
            example(cls(length=5, base=100.0), "f32[3, 5, 4]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (*super().mistakes(), Mistake("", "E305", "f32[4, 5]"), Mistake("(base=0)", "E203"))
