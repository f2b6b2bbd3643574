"""Attention."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site
from nnc.compiler.vocabulary.ops.attention import MultiHeadAttention, ScaledDotProductAttention


@OPS.lowers(ScaledDotProductAttention)
def scaled_dot_product_attention(op: ScaledDotProductAttention, at: Site) -> Lowered:
    query, *others = at.inputs
    key = others[0] if others else query
    value = others[1] if len(others) > 1 else key
    options: dict[str, object] = {} if op.scale is None else {"scale": op.scale}
    if len(others) > 2:
        options |= {"causal": True} if op.causal else {}
        function = at.piece("attention:masked_attention")
        return py.call(function, query, key, value, others[2], **options)
    options |= {"is_causal": True} if op.causal else {}
    return py.call("F.scaled_dot_product_attention", query, key, value, **options)


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
