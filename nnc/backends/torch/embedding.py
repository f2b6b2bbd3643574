"""From whole numbers to vectors, and positions."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site
from nnc.compiler.vocabulary.ops.embedding import Embedding, PositionalEncoding


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
