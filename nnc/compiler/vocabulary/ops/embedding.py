"""From whole numbers to vectors, and where in a sequence they stand."""

from __future__ import annotations

from pydantic import Field

from nnc.compiler.types import INTEGERS, TensorType
from nnc.compiler.vocabulary.base import Array, Count, Mistake, PositiveInt, Rejected
from nnc.compiler.vocabulary.initializers import Initializer, Normal
from nnc.compiler.vocabulary.ops.base import Example, Op, Types, Weight, example, require_float


class Embedding(Op):
    """Row number x of the weight for each whole number x: [...] -> [..., units].

    weight: [vocabulary, units]. A number outside 0 … vocabulary - 1 is an error of the data. The
    row of the number `padding`, with which short sequences are filled up, begins at 0 and gets no
    gradient (as with PyTorch's padding_idx); a literal `weight` is taken as it is.
    """

    word = "Embedding"
    positional = ("vocabulary", "units")
    argument_aliases = {
        "num_embeddings": "vocabulary",
        "input_dim": "vocabulary",
        "embedding_dim": "units",
        "padding_idx": "padding",
        "output_dim": "units",
        "embeddings_initializer": "weight_init",
    }
    vocabulary: PositiveInt = Field(description="how many different numbers there are")
    units: PositiveInt = Field(description="size of each vector")
    padding: Count | None = Field(None, description="the number whose row stays as it begins")
    weight: Array | None = Field(None, description="literal value of the weight")
    weight_init: Initializer = Field(Normal(), description="how the weight begins")
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


class PositionalEncoding(Op):
    """x + table over [T, units]: sin at even places, cos at odd ones, of p / 10000^(2i / units)
    (Vaswani et al. 2017). `length` is the longest sequence that can be met; the table is a stored
    constant."""

    word = "PositionalEncoding"
    positional = ("length",)
    argument_aliases = {"max_length": "length"}
    length: PositiveInt = Field(5000, description="the longest sequence")

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        require_float(self, inputs)
        if x.rank != 2 or not isinstance(x.shape[1], int):
            raise Rejected(
                "E301",
                f"`PositionalEncoding` needs examples of shape [length, units], not `{x}`",
                input=0,
                label=f"this is `{x}`",
            )
        if isinstance(x.shape[0], int) and x.shape[0] > self.length:
            raise Rejected(
                "E301",
                f"a sequence of {x.shape[0]} is longer than the {self.length} positions",
                argument="length",
                label=f"at least {x.shape[0]} are needed",
            )
        return inputs

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (example(cls(length=11), "f32[T, 6]"), example(cls(length=9), "f32[4, 5]"))

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("", "E301", "f32[4]"), Mistake("", "E302", "i64[4, 6]"))
