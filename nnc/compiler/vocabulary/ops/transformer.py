"""Layers of Transformers, made of attention, Dense and LayerNorm."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nnc.compiler.vocabulary.base import Mistake, PositiveInt, PositiveReal, Probability, Rejected
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.ops.activation import Relu
from nnc.compiler.vocabulary.ops.attention import MultiHeadAttention
from nnc.compiler.vocabulary.ops.base import (
    Activation,
    Composite,
    Example,
    Parts,
    Types,
    example,
    known,
)
from nnc.compiler.vocabulary.ops.dense import Dense
from nnc.compiler.vocabulary.ops.merge import Add
from nnc.compiler.vocabulary.ops.normalization import LayerNorm
from nnc.compiler.vocabulary.ops.regularization import Dropout

if TYPE_CHECKING:
    from nnc.compiler.ir import Value


class TransformerLayer(Composite):
    """What encoder and decoder share: each of their parts is added to what flows past it."""

    positional = ("heads", "hidden")
    argument_aliases = {
        "num_heads": "heads",
        "nhead": "heads",
        "dim_feedforward": "hidden",
        "intermediate_dim": "hidden",
        "layer_norm_eps": "epsilon",
        "layer_norm_epsilon": "epsilon",
        "normalize_first": "norm_first",
        "is_causal": "causal",
    }
    heads: PositiveInt = Field(description="number of heads; a divisor of the width")
    hidden: PositiveInt = Field(description="units between the two Dense layers")
    dropout: Probability = Field(
        0.1,
        description="rate in the attention, behind each part and behind the activation; 0: none",
    )
    activation: Activation = Field(Relu(), description="what stands between the Dense layers")
    norm_first: bool = Field(
        False, description="true: each part gets normalised input; false: its sum is normalised"
    )
    epsilon: PositiveReal = Field(1e-5, description="added to the variance by the LayerNorm layers")
    trainable: bool = Field(True, description="false: training leaves the weights as they are")

    def attention(self, *, causal: bool = False) -> MultiHeadAttention:
        """What attends; it drops at the rate of the layer, as in PyTorch's layers."""
        return MultiHeadAttention(
            heads=self.heads, causal=causal, dropout=self.dropout, trainable=self.trainable
        )

    def check(self, attention: MultiHeadAttention, inputs: Types, places: tuple[int, ...]) -> None:
        """Raise what attention says against its inputs; `places` are their numbers here."""
        try:
            attention.infer(inputs)
        except Rejected as rejected:
            if rejected.input is not None:
                rejected.input = places[rejected.input]
            raise

    def around(self, parts: Parts, x: Value, number: int, part: Callable[[Value], Value]) -> Value:
        """x with what a part makes of it, and a LayerNorm before the part or behind the sum."""
        norm = LayerNorm(epsilon=self.epsilon, trainable=self.trainable)
        name = f"norm{number}"
        y = part(parts.add(norm, x, name=name) if self.norm_first else x)
        total = parts.add(Add(), x, self.dropped(parts, y, f"dropout{number}"))
        return total if self.norm_first else parts.add(norm, total, name=name)

    def dropped(self, parts: Parts, x: Value, name: str) -> Value:
        return parts.add(Dropout(rate=self.dropout), x, name=name) if self.dropout else x

    def forward(self, parts: Parts, x: Value) -> Value:
        """Two Dense layers for each position."""
        width = known(self, x.type.shape[1], "the width")
        up = Dense(units=self.hidden, trainable=self.trainable)
        h = parts.add(self.activation, parts.add(up, x, name="linear1"))
        down = Dense(units=width, trainable=self.trainable)
        return parts.add(down, self.dropped(parts, h, "dropout"), name="linear2")


class TransformerEncoder(TransformerLayer):
    """One layer of a Transformer's encoder (Vaswani et al. 2017): [T, width] -> [T, width]. With
    A = self-attention and F = Dense(hidden) -> activation -> Dense(width), x becomes norm1(x +
    A(x)), then norm2(x + F(x)); with `norm_first` x + A(norm1(x)), then x + F(norm2(x)).

    The second input is a mask, True = attend: bool[T] for the keys, or bool[T, T]. The layers
    inside are called self_attn, linear1, linear2, norm1, norm2, as in PyTorch, whose state dicts
    fit; and as there `dropout` is that of the attention too.
    """

    word = "TransformerEncoder"
    aliases = ("TransformerEncoderLayer",)
    arity = (1, 2)
    causal: bool = Field(False, description="a position sees only itself and those before it")

    def infer(self, inputs: Types) -> Types:
        x, *mask = inputs
        self.check(self.attention(), (x, x, x, *mask), (0, 0, 0, 1))
        return (x,)

    def expand(self, parts: Parts, *inputs: Value) -> Value:
        x, *mask = inputs

        def attended(y: Value) -> Value:
            three = (y, y, y) if mask else (y,)
            attention = self.attention(causal=self.causal)
            return parts.add(attention, *three, *mask, name="self_attn")

        x = self.around(parts, x, 1, attended)
        return self.around(parts, x, 2, lambda y: self.forward(parts, y))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(heads=2, hidden=7, dropout=0.0), "f32[5, 4]"),
            example(cls(heads=2, hidden=5, dropout=0.0, norm_first=True, causal=True), "f32[T, 6]"),
            example(cls(heads=3, hidden=5, epsilon=1e-3), "f32[4, 6]", "bool[4]"),
            example(cls(heads=2, hidden=3, dropout=0.0), "f32[T, 4]", "bool[T, T]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(3, 8)", "E305"),
            Mistake("(2)", "E202"),
            Mistake("(2, 8, dropout=1.0)", "E203"),
            Mistake("(2, 8)", "E301", "f32[4]"),
            Mistake("(2, 8)", "E301", "f32[5, 4]", "bool[3]"),
            Mistake("(2, 8)", "E302", "i64[5, 4]"),
        )


class TransformerDecoder(TransformerLayer):
    """One layer of a Transformer's decoder (Vaswani et al. 2017): x [T, width], memory [S, …] ->
    [T, width]. With A = self-attention, C = attention to the memory, F = Dense(hidden) ->
    activation -> Dense(width), x becomes norm1(x + A(x)), norm2(x + C(x)), norm3(x + F(x)); with
    `norm_first` x + A(norm1(x)), x + C(norm2(x)), x + F(norm3(x)).

    The third input is a mask for x, bool[T] or bool[T, T], the fourth one for the memory, bool[S]
    or bool[T, S]; True = attend. The layers inside are called self_attn, multihead_attn, linear1,
    linear2, norm1, norm2, norm3, as in PyTorch, whose state dicts fit; and as there `dropout` is
    that of both attentions too.
    """

    word = "TransformerDecoder"
    aliases = ("TransformerDecoderLayer",)
    arity = (2, 4)
    causal: bool = Field(True, description="in x a position sees only itself and those before it")

    def infer(self, inputs: Types) -> Types:
        x, memory, *masks = inputs
        self.check(self.attention(), (x, x, x, *masks[:1]), (0, 0, 0, 2))
        self.check(self.attention(), (x, memory, memory, *masks[1:]), (0, 1, 1, 3))
        return (x,)

    def expand(self, parts: Parts, *inputs: Value) -> Value:
        x, memory, *masks = inputs

        def attended(y: Value) -> Value:
            three = (y, y, y) if masks else (y,)
            attention = self.attention(causal=self.causal)
            return parts.add(attention, *three, *masks[:1], name="self_attn")

        def crossed(y: Value) -> Value:
            three = (y, memory, memory) if masks[1:] else (y, memory)
            return parts.add(self.attention(), *three, *masks[1:], name="multihead_attn")

        x = self.around(parts, x, 1, attended)
        x = self.around(parts, x, 2, crossed)
        return self.around(parts, x, 3, lambda y: self.forward(parts, y))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        plain = cls(heads=2, hidden=7, dropout=0.0)
        return (
            example(plain, "f32[5, 4]", "f32[3, 4]"),
            example(plain.replace(norm_first=True, causal=False), "f32[T, 4]", "f32[S, 6]"),
            example(cls(heads=2, hidden=3), "f32[5, 4]", "f32[3, 4]", "bool[5]"),
            example(plain, "f32[T, 4]", "f32[3, 4]", "bool[T, T]", "bool[3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(3, 8)", "E305"),
            Mistake("(2, 8)", "E306", "f32[5, 4]"),
            Mistake("(2, 8)", "E301", "f32[5, 4]", "f32[4]"),
            Mistake("(2, 8)", "E301", "f32[5, 4]", "f32[3, 4]", "bool[3]"),
            Mistake("(2, 8)", "E301", "f32[5, 4]", "f32[3, 4]", "bool[5]", "bool[5]"),
        )
