"""Attention."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site
from nnc.compiler.vocabulary.ops.attention import MultiHeadAttention


@OPS.lowers(MultiHeadAttention)
def multi_head_attention(op: MultiHeadAttention, at: Site) -> Lowered:
    query, key, value, _ = op.roles(at.node.input_types)
    width, key_width, value_width = (x.shape[1] for x in (query, key, value))
    options: dict[str, object] = {"heads": op.heads}
    if not width == key_width == value_width:
        options |= {"key_width": key_width, "value_width": value_width}
    if not op.bias:
        options["bias"] = False
    if op.causal:
        options["causal"] = True
    return at.apply(py.call(at.piece("attention:MultiHeadAttention"), width, **options))
