"""From whole numbers to vectors, and where in a sequence they stand."""

from __future__ import annotations

from typing import Any

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site, only
from nnc.compiler.vocabulary.ops import embedding as words


@OPS.lowers(words.Embedding)
def embedding(op: words.Embedding, site: Site) -> py.Expr:
    padding: dict[str, Any] = only(op.padding is not None, padding=op.padding)
    layer = site.layer(
        "PaddedEmbedding" if padding else "Embedding",
        op.vocabulary,
        op.units,
        **padding,
        embeddings_initializer=site.initializer("weight"),
        stored={"weight": ("embeddings", (0, 1))},
    )
    return site.apply(layer)


@OPS.lowers(words.PositionalEncoding)
def positional_encoding(op: words.PositionalEncoding, site: Site) -> py.Expr:
    return site.apply(site.layer("PositionalEncoding", op.length))


@OPS.lowers(words.LearnedPositionalEncoding)
def learned_positional_encoding(op: words.LearnedPositionalEncoding, site: Site) -> py.Expr:
    layer = site.layer(
        "LearnedPositionalEncoding",
        op.length,
        initializer=site.initializer("weight"),
        stored={"weight": ("weight", (0, 1))},
    )
    return site.apply(layer)


@OPS.lowers(words.RotaryEncoding)
def rotary_encoding(op: words.RotaryEncoding, site: Site) -> py.Expr:
    layer = site.layer(
        "RotaryEncoding",
        op.length,
        **only(op.base != 10000, base=op.base),
        **only(op.interleaved, interleaved=True),
    )
    return site.apply(layer)
