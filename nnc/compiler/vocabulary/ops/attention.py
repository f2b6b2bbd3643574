"""Attention."""

from __future__ import annotations

from math import prod

from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary.base import (
    Mistake,
    PositiveInt,
    PositiveReal,
    Probability,
    Rejected,
)
from nnc.compiler.vocabulary.constraints import Constraint
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.initializers import GlorotUniform, Initializer
from nnc.compiler.vocabulary.ops.base import (
    Example,
    Op,
    Types,
    Weight,
    example,
    known,
    require_float,
    require_rank,
)


class Attention(Op):
    """Attention of queries to keys: up to four inputs."""

    argument_aliases = {"is_causal": "causal", "dropout_p": "dropout"}
    arity = (1, 4)
    causal: bool = Field(False, description="a position sees only itself and those before it")
    dropout: Probability = Field(
        0.0, description="the share of what the softmax gives that is dropped in training"
    )

    @property
    def is_random(self) -> bool:
        return self.dropout > 0

    @staticmethod
    def roles(inputs: Types) -> tuple[TensorType, TensorType, TensorType, TensorType | None]:
        """Query, key, value and mask (or None) out of one to four inputs."""
        query = inputs[0]
        key = inputs[1] if len(inputs) > 1 else query
        value = inputs[2] if len(inputs) > 2 else key
        return query, key, value, inputs[3] if len(inputs) > 3 else None

    def check_lengths(self, inputs: Types) -> None:
        """Raise Rejected for a value that is not as long as the key, or a mask of another shape."""
        query, key, value, mask = self.roles(inputs)
        t, s = query.shape[-2], key.shape[-2]
        if s != value.shape[-2]:
            raise Rejected(
                "E301",
                f"key `{key}` and value `{value}` of `{self.word}` have different lengths",
                input=2,
                label=f"this is `{value}`",
            )
        if mask is not None and (mask.dtype != "bool" or mask.shape not in ((s,), (t, s))):
            raise Rejected(
                "E301",
                f"the mask of `{self.word}` must be `bool[{s}]` or `bool[{t}, {s}]`, "
                f"but is `{mask}`",
                input=3,
                label=f"this is `{mask}`",
                help="True means: attend to it",
            )


class ScaledDotProductAttention(Attention):
    """softmax(Q·Kᵀ · scale + mask)·V, without weights (Vaswani et al. 2017): query [T, d], key
    [S, d], value [S, e] -> [T, e]; a first axis in front of all three holds heads.

    One input attends to itself; two are query and memory (key = value); the fourth is a mask, True
    = attend: bool[S] for the keys, or bool[T, S]. A row whose keys are all masked gives 0.
    `causal`: position t attends to 0 … t (aligned at the top left). `dropout`: in training a
    `Dropout` of the softmax, drawn by the place in [batch, T, S] or [batch, heads, T, S].
    """

    word = "ScaledDotProductAttention"
    aliases = ("scaled_dot_product_attention", "dot_product_attention")
    scale: PositiveReal | None = Field(
        None, description="factor of the products; without it 1 / √d"
    )

    def factor(self, inputs: Types) -> float:
        """What the products are multiplied by."""
        return self.scale or known(self, inputs[0].shape[-1], "the width") ** -0.5

    def infer(self, inputs: Types) -> Types:
        require_float(self, inputs[:3])
        rank = 3 if inputs[0].rank == 3 else 2
        for number, x in enumerate(inputs[:3]):
            shape = "length, width" if rank == 2 else "heads, length, width"
            require_rank(self, x, rank, shape, number)
            known(self, x.shape[-1], "the width", number)
        query, key, value, _ = self.roles(inputs)
        for number, x in enumerate((key, value), 1):
            fits = x.shape[:-2] == query.shape[:-2]
            if not fits or (x is key and x.shape[-1] != query.shape[-1]):
                raise Rejected(
                    "E301",
                    f"query `{query}` and {'key' if x is key else 'value'} `{x}` of "
                    f"`{self.word}` don't fit",
                    input=number,
                    label=f"this is `{x}`",
                )
        self.check_lengths(inputs)
        return (query.with_shape((*query.shape[:-1], value.shape[-1])),)

    def cost(self, inputs: Types) -> int:
        query, key, value, _ = self.roles(inputs)
        sizes = [*query.shape, key.shape[-2]]
        rows = prod(size for size in sizes[:-2] + sizes[-1:] if isinstance(size, int))
        widths = (query.shape[-1], value.shape[-1])
        return rows * sum(size for size in widths if isinstance(size, int))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[5, 4]"),
            example(cls(causal=True), "f32[2, T, 6]"),
            example(cls(), "f32[5, 4]", "f32[3, 4]"),
            example(cls(scale=0.3, causal=True), "f32[5, 4]", "f32[3, 4]", "f32[3, 2]"),
            example(cls(), "f32[5, 4]", "f32[3, 4]", "f32[3, 4]", "bool[3]"),
            example(cls(causal=True), *["f32[2, T, 4]"] * 3, "bool[T, T]"),
            example(cls(scale=1.0), "f32[2, 5, 4]", *["f32[2, T, 4]"] * 2, "bool[T]"),
            example(cls(dropout=0.3, causal=True), "f32[T, 4]"),
            example(cls(dropout=0.2, scale=0.6), "f32[2, 5, 4]", *["f32[2, T, 4]"] * 2, "bool[T]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(scale=0)", "E203"),
            Mistake("(dropout=1.0)", "E203"),
            Mistake("(dropout_p=-0.1)", "E203"),
            Mistake("", "E301", "f32[4]"),
            Mistake("", "E301", "f32[5, 4]", "f32[3, 2]"),
            Mistake("", "E301", "f32[2, 5, 4]", "f32[3, 5, 4]"),
            Mistake("", "E301", "f32[5, 4]", "f32[3, 4]", "f32[2, 4]"),
            Mistake("", "E301", "f32[5, 4]", "f32[3, 4]", "f32[3, 4]", "bool[4]"),
            Mistake("", "E302", "i64[5, 4]"),
        )


class MultiHeadAttention(Attention):
    """softmax(Q·Kᵀ / √d + mask)·V for each head, d = width / heads, then an output projection
    (Vaswani et al. 2017): query [T, width], key [S, …], value [S, …] -> [T, width].

    One input attends to itself; two are query and memory (key = value); three are query, key,
    value; the fourth is a mask, True = attend: bool[S] for the keys, or bool[T, S]. A row whose
    keys are all masked gives 0. `causal`: position t attends to 0 … t (aligned at the top left).
    `dropout`: in training a `Dropout` of the softmax, drawn by the place in [batch, heads, T, S].
    in_proj_weight: [3·width, width] (query, key, value), or q_proj_weight, k_proj_weight,
    v_proj_weight when key or value have another width; in_proj_bias: [3·width]; out_proj.weight:
    [width, width]; out_proj.bias: [width].
    """

    word = "MultiHeadAttention"
    aliases = ("MultiheadAttention",)
    positional = ("heads",)
    argument_aliases = {
        **Attention.argument_aliases,
        "num_heads": "heads",
        "use_bias": "bias",
        "kernel_constraint": "constraint",
        "kernel_initializer": "weight_init",
    }
    heads: PositiveInt = Field(description="number of heads; a divisor of the query's width")
    bias: bool = Field(True, description="add trained biases")
    weight_init: Initializer = Field(GlorotUniform(), description="how the weights begin")
    constraint: Constraint | None = Field(
        None, description="what every matrix is brought back to after every update"
    )
    bias_constraint: Constraint | None = Field(
        None, description="the same for the biases, each element of which is a unit"
    )
    trainable: bool = Field(True, description="false: training leaves the weights as they are")

    def infer(self, inputs: Types) -> Types:
        require_float(self, inputs[:3])
        for number, x in enumerate(inputs[:3]):
            require_rank(self, x, 2, "length, width", number)
            known(self, x.shape[1], "the width", number)
        query = inputs[0]
        width = known(self, query.shape[1], "the width")
        if width % self.heads:
            raise Rejected(
                "E305",
                f"a width of {width} can't be divided into {self.heads} heads",
                argument="heads",
                label=f"{width} is not a multiple of {self.heads}",
                help=f"choose one of {', '.join(map(str, _divisors(width)))}",
            )
        self.check_lengths(inputs)
        return (query,)

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        query, key, value, _ = self.roles(inputs)
        width, k, v = (known(self, x.shape[1], "the width") for x in (query, key, value))
        made = [
            self._weight(name, rows, size, width)
            for name, rows, size in (
                [("in_proj_weight", 3 * width, width)]
                if width == k == v
                else [
                    ("q_proj_weight", width, width),
                    ("k_proj_weight", width, k),
                    ("v_proj_weight", width, v),
                ]
            )
        ]
        if self.bias:
            made.append(self._bias("in_proj_bias", 3 * width))
        made.append(self._weight("out_proj.weight", width, width, width))
        if self.bias:
            made.append(self._bias("out_proj.bias", width))
        return tuple(made)

    def _weight(self, name: str, rows: int, size: int, width: int) -> Weight:
        return Weight(
            *(name, (rows, size), self.weight_init, size, width),
            trainable=self.trainable,
            constraint=self.constraint,
        )

    def _bias(self, name: str, size: int) -> Weight:
        return Weight(
            name,
            (size,),
            trainable=self.trainable,
            constraint=self.bias_constraint,
            penalized=False,
        )

    def cost(self, inputs: Types) -> int:
        query, key, value, _ = self.roles(inputs)
        t, s = (x.shape[0] if isinstance(x.shape[0], int) else 1 for x in (query, key))
        width, k, v = (known(self, x.shape[1], "the width") for x in (query, key, value))
        return 2 * t * width * width + s * width * (k + v) + 2 * t * s * width

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        op = cls(heads=2)
        return (
            example(op, "f32[5, 4]"),
            example(cls(heads=3, causal=True), "f32[T, 6]"),
            example(op, "f32[5, 4]", "f32[3, 4]"),
            example(cls(heads=2, bias=False), "f32[5, 4]", "f32[3, 6]", "f32[3, 2]"),
            example(op, "f32[5, 4]", "f32[3, 4]", "f32[3, 4]", "bool[3]"),
            example(op, "f32[T, 4]", "f32[T, 4]", "f32[T, 4]", "bool[T, T]"),
            example(cls(heads=2, causal=True), "f32[3, 4]", "f32[5, 4]"),
            example(cls(heads=2, causal=True), "f32[3, 4]", "f32[T, 4]"),
            example(cls(heads=2, dropout=0.3), "f32[T, 4]"),
            example(
                cls(heads=2, dropout=0.2, causal=True),
                *("f32[5, 4]", "f32[3, 6]", "f32[3, 2]", "bool[5, 3]"),
            ),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(3)", "E305"),
            Mistake("(2, dropout=1.0)", "E203"),
            Mistake("(2, dropout=-0.1)", "E203"),
            Mistake("(2)", "E301", "f32[4]"),
            Mistake("(2)", "E301", "f32[5, 4]", "f32[3, 4]", "f32[2, 4]"),
            Mistake("(2)", "E301", "f32[5, 4]", "f32[3, 4]", "f32[3, 4]", "bool[4]"),
            Mistake("(2)", "E302", "i64[5, 4]"),
        )


def _divisors(n: int) -> list[int]:
    return [d for d in range(1, min(n, 1024) + 1) if n % d == 0][:12]
