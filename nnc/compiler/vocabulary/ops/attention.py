"""Attention."""

from __future__ import annotations

from pydantic import Field

from nnc.compiler.types import Dim, TensorType
from nnc.compiler.vocabulary.base import Mistake, PositiveInt, Rejected
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


class MultiHeadAttention(Op):
    """softmax(Q·Kᵀ / √d + mask)·V for each head, d = width / heads, then an output projection
    (Vaswani et al. 2017): query [T, width], key [S, …], value [S, …] -> [T, width].

    One input attends to itself; two are query and memory (key = value); three are query, key,
    value; the fourth is a mask, True = attend: bool[S] for the keys, or bool[T, S]. A row whose
    keys are all masked gives 0. `causal`: position t attends to 0 … t (aligned at the top left).
    in_proj_weight: [3·width, width] (query, key, value), or q_proj_weight, k_proj_weight,
    v_proj_weight when key or value have another width; in_proj_bias: [3·width]; out_proj.weight:
    [width, width]; out_proj.bias: [width].
    """

    word = "MultiHeadAttention"
    aliases = ("MultiheadAttention",)
    positional = ("heads",)
    argument_aliases = {"num_heads": "heads", "is_causal": "causal", "use_bias": "bias"}
    arity = (1, 4)

    heads: PositiveInt = Field(description="number of heads; a divisor of the query's width")
    causal: bool = Field(False, description="a position sees only itself and those before it")
    bias: bool = Field(True, description="add trained biases")
    weight_init: Initializer = Field(GlorotUniform(), description="how the weights begin")
    trainable: bool = Field(True, description="false: training leaves the weights as they are")

    @staticmethod
    def roles(inputs: Types) -> tuple[TensorType, TensorType, TensorType, TensorType | None]:
        """Query, key, value and mask (or None) out of one to four inputs."""
        query = inputs[0]
        key = inputs[1] if len(inputs) > 1 else query
        value = inputs[2] if len(inputs) > 2 else key
        return query, key, value, inputs[3] if len(inputs) > 3 else None

    def infer(self, inputs: Types) -> Types:
        require_float(self, inputs[:3])
        for number, x in enumerate(inputs[:3]):
            require_rank(self, x, 2, "length, width", number)
            known(self, x.shape[1], "the width", number)
        query, key, value, mask = self.roles(inputs)
        width = known(self, query.shape[1], "the width")
        if width % self.heads:
            raise Rejected(
                "E305",
                f"a width of {width} can't be divided into {self.heads} heads",
                argument="heads",
                label=f"{width} is not a multiple of {self.heads}",
                help=f"choose one of {', '.join(map(str, _divisors(width)))}",
            )
        if key.shape[0] != value.shape[0]:
            raise Rejected(
                "E301",
                f"key `{key}` and value `{value}` of `MultiHeadAttention` have different lengths",
                input=2,
                label=f"this is `{value}`",
            )
        if mask is not None:
            self._check_mask(mask, query.shape[0], key.shape[0])
        return (query,)

    def _check_mask(self, mask: TensorType, t: Dim, s: Dim) -> None:
        if mask.dtype != "bool" or mask.shape not in ((s,), (t, s)):
            raise Rejected(
                "E301",
                f"the mask of `MultiHeadAttention` must be `bool[{s}]` or `bool[{t}, {s}]`, "
                f"but is `{mask}`",
                input=3,
                label=f"this is `{mask}`",
                help="True means: attend to it",
            )

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
            made.append(
                Weight("in_proj_bias", (3 * width,), trainable=self.trainable, penalized=False)
            )
        made.append(self._weight("out_proj.weight", width, width, width))
        if self.bias:
            made.append(
                Weight("out_proj.bias", (width,), trainable=self.trainable, penalized=False)
            )
        return tuple(made)

    def _weight(self, name: str, rows: int, size: int, width: int) -> Weight:
        return Weight(name, (rows, size), self.weight_init, size, width, trainable=self.trainable)

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
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(3)", "E305"),
            Mistake("(2)", "E301", "f32[4]"),
            Mistake("(2)", "E301", "f32[5, 4]", "f32[3, 4]", "f32[2, 4]"),
            Mistake("(2)", "E301", "f32[5, 4]", "f32[3, 4]", "f32[3, 4]", "bool[4]"),
            Mistake("(2)", "E302", "i64[5, 4]"),
        )


def _divisors(n: int) -> list[int]:
    return [d for d in range(1, min(n, 1024) + 1) if n % d == 0][:12]
