"""Attention."""

from __future__ import annotations

from collections.abc import Iterator

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site, only
from nnc.compiler.ir import Graph
from nnc.compiler.vocabulary.ops.attention import (
    Attention,
    MultiHeadAttention,
    ScaledDotProductAttention,
)

_STORED = {
    "in_proj_weight": ("in_proj_kernel", (1, 0)),
    "q_proj_weight": ("q_proj_kernel", (1, 0)),
    "k_proj_weight": ("k_proj_kernel", (1, 0)),
    "v_proj_weight": ("v_proj_kernel", (1, 0)),
    "in_proj_bias": ("in_proj_bias", (0,)),
    "out_proj.weight": ("out_proj_kernel", (1, 0)),
    "out_proj.bias": ("out_proj_bias", (0,)),
}


@OPS.lowers(ScaledDotProductAttention)
def scaled_dot_product_attention(op: ScaledDotProductAttention, site: Site) -> py.Expr:
    layer = site.layer(
        "ScaledDotProductAttention",
        **only(op.causal, causal=True),
        **only(op.scale is not None, scale=op.scale),
    )
    return _applied(op, site, layer)


@OPS.lowers(MultiHeadAttention)
def attention(op: MultiHeadAttention, site: Site) -> py.Expr:
    first, width = site.node.weights[0], site.weight("out_proj.weight").shape[0]
    packed = first.name == "in_proj_weight"
    fans = (width, 3 * width if packed else width)
    layer = site.layer(
        "MultiHeadAttention",
        op.heads,
        **only(op.causal, causal=True),
        **only(not op.bias, use_bias=False),
        **site.begins("kernel_initializer", first.name, "glorot_uniform", fans),
        stored=_STORED,
    )
    return _applied(op, site, layer)


def features(graph: Graph) -> Iterator[str]:
    """What the layers of a program must be able to do: "dropped"."""
    if any(isinstance(node.op, Attention) and node.op.is_random for node in graph.nodes):
        yield "dropped"


def _applied(op: Attention, site: Site, layer: py.Expr) -> py.Call:
    """The layer called. What the softmax goes through is given with the call, as every use of a
    shared layer draws other numbers."""
    query, *others = site.inputs
    key = others[0] if others else query
    value = others[1] if len(others) > 1 else key
    dropout: dict[str, py.Expr] = {}
    if op.is_random:
        made = site.layer("Dropout", op.dropout, key=site.key, suffix="dropout")
        dropout["dropout"] = made
    return py.call(layer, query, key, value, *others[2:], **dropout)
