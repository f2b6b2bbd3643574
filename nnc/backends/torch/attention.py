"""Attention."""

from __future__ import annotations

from collections.abc import Iterator

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site
from nnc.compiler.ir import Graph
from nnc.compiler.vocabulary.ops.attention import (
    Attention,
    MultiHeadAttention,
    ScaledDotProductAttention,
)


@OPS.lowers(ScaledDotProductAttention)
def scaled_dot_product_attention(op: ScaledDotProductAttention, at: Site) -> Lowered:
    query, *others = at.inputs
    key = others[0] if others else query
    value = others[1] if len(others) > 1 else key
    options: dict[str, object] = {} if op.scale is None else {"scale": op.scale}
    if len(others) > 2 or op.is_random:
        options |= {"causal": True} if op.causal else {}
    if op.is_random:
        dropped = at.piece("attention:dropped_attention")
        return py.call(
            dropped, query, key, value, at.layer(_dropout(op, at)), *others[2:], **options
        )
    if len(others) > 2:
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
    layer = at.layer(py.call(at.piece("attention:MultiHeadAttention"), width, **options))
    dropout = {"dropout": at.beside("dropout", _dropout(op, at))} if op.is_random else {}
    return py.call(layer, *at.inputs, **dropout)


def features(graph: Graph) -> Iterator[str]:
    """What the layers of a program must be able to do: "dropped"."""
    if any(isinstance(node.op, Attention) and node.op.is_random for node in graph.nodes):
        yield "dropped"


def _dropout(op: Attention, at: Site) -> py.Call:
    """What the softmax goes through. It is a module of its own, as every use of a shared layer
    draws other numbers."""
    return py.call(at.piece("regularization:Dropout"), rate=op.dropout, key=at.key)
