"""From whole numbers to vectors, and positions."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site
from nnc.compiler.vocabulary.ops.embedding import (
    Embedding,
    LearnedPositionalEncoding,
    PositionalEncoding,
    RotaryEncoding,
)


@OPS.lowers(Embedding)
def embedding(op: Embedding, at: Site) -> Lowered:
    # nn.Embedding looks up 32- and 64-bit numbers only.
    numbers = py.method(at.input, "long") if at.type.dtype == "u8" else at.input
    options = {} if op.padding is None else {"padding_idx": op.padding}
    return at.apply(py.call("nn.Embedding", op.vocabulary, op.units, **options), numbers)


@OPS.lowers(PositionalEncoding)
def positional_encoding(op: PositionalEncoding, at: Site) -> Lowered:
    encoding = at.piece("embedding:PositionalEncoding")
    return at.apply(py.call(encoding, op.length, at.type.shape[-1]))


@OPS.lowers(LearnedPositionalEncoding)
def learned_positional_encoding(op: LearnedPositionalEncoding, at: Site) -> Lowered:
    encoding = at.piece("embedding:LearnedPositionalEncoding")
    return at.apply(py.call(encoding, op.length, at.type.shape[-1]))


@OPS.lowers(RotaryEncoding)
def rotary_encoding(op: RotaryEncoding, at: Site) -> Lowered:
    options: dict[str, object] = {} if op.base == 10000 else {"base": op.base}
    if op.interleaved:
        options["interleaved"] = True
    encoding = at.piece("embedding:RotaryEncoding")
    return at.apply(py.call(encoding, op.length, at.type.shape[-1], **options))
