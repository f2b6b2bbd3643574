"""Attention: one operator for the middle since opset 23, its formula before."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np

from nnc.backends.onnx.assembly import Handle, Place, Rows
from nnc.backends.onnx.draws import Drawing
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.attention import (
    Attention,
    MultiHeadAttention,
    ScaledDotProductAttention,
)

ROLES = ("query", "key", "value")


@ops.lowers(ScaledDotProductAttention)
def scaled_dot_product_attention(op: ScaledDotProductAttention, place: Place) -> Handle:
    query, key, value = _given(place)
    factor = op.factor(place.node.input_types)
    rank = place.type.rank + 1
    if _is_one_operator(op, place):
        heads: dict[str, Any] = {"q_num_heads": 1, "kv_num_heads": 1} if rank == 3 else {}
        mask = _mask(place, 4)
        causal = int(op.causal)
        return place.add(
            "Attention", query, key, value, mask, scale=factor, is_causal=causal, **heads
        )
    perm = [*range(rank - 2), rank - 1, rank - 2]
    turned = place.add("Transpose", key, role="key", perm=perm)
    # Scaled behind the product: in front of it onnxruntime (1.31) loses an input that is a product
    # with a number itself.
    product = place.add("MatMul", query, turned, role="product")
    scores = place.add("Mul", product, place.number(factor, "scale"), role="scores")
    shares = _shares(op, place, scores, _mask(place, rank), rank)
    return place.add("MatMul", shares, value)


@ops.lowers(MultiHeadAttention)
def multi_head_attention(op: MultiHeadAttention, place: Place) -> Handle:
    middle = _operator if _is_one_operator(op, place) else _formula
    joined = middle(op, place, _projected(op, place), _mask(place, 4))
    if not op.bias:
        return place.add("MatMul", joined, place.transposed("out_proj.weight"))
    product = place.add("MatMul", joined, place.transposed("out_proj.weight"), role="out_product")
    return place.add("Add", product, place.weight("out_proj.bias"))


def _projected(op: MultiHeadAttention, place: Place) -> list[Handle]:
    """Query, key and value after their projections: [batch, length, width] each."""
    given = _given(place)
    packed = any(weight.name == "in_proj_weight" for weight in place.node.weights)
    if packed and given[0] is given[1] is given[2]:
        return _together(op, place)
    return [_alone(op, place, number, given[number], packed) for number in range(3)]


def _given(place: Place) -> list[Handle]:
    """Query, key and value."""
    return [place.inputs[min(number, len(place.inputs) - 1)] for number in range(3)]


def _together(op: MultiHeadAttention, place: Place) -> list[Handle]:
    """Self-attention: one product for all three."""
    made = place.add("MatMul", place.x, place.transposed("in_proj_weight"), role="in_product")
    if op.bias:
        made = place.add("Add", made, place.weight("in_proj_bias"), role="in_projection")
    return list(place.several("Split", made, results=ROLES, role="split", axis=-1, num_outputs=3))


def _alone(op: MultiHeadAttention, place: Place, number: int, x: Handle, packed: bool) -> Handle:
    role, width = ROLES[number], place.type.shape[1]
    assert isinstance(width, int)
    start, stop = number * width, (number + 1) * width
    if packed:
        weight = Rows("in_proj_weight", start, stop)
        matrix = place.transposed_rows(f"{role}.weight.T", weight)
    else:
        matrix = place.transposed(f"{role[0]}_proj_weight")
    product = place.add("MatMul", x, matrix, role=f"{role}_product" if op.bias else role)
    if not op.bias:
        return product
    bias = place.rows(f"{role}.bias", Rows("in_proj_bias", start, stop))
    return place.add("Add", product, bias, role=role)


def _is_one_operator(op: Attention, place: Place) -> bool:
    """Whether ONNX's Attention does it. In onnxruntime that takes no mask that is the same for
    every position; and it drops nothing."""
    masks_keys_alone = len(place.inputs) == 4 and place.node.inputs[3].type.rank == 1
    return place.opset >= 23 and not masks_keys_alone and not _drops(op, place)


def _drops(op: Attention, place: Place) -> bool:
    return place.moment is not None and op.is_random


def _mask(place: Place, rank: int) -> Handle | None:
    """The mask with so many axes: [batch, 1, T or 1, S] is one for all heads."""
    if len(place.inputs) < 4:
        return None
    axes = list(range(1, rank - place.node.inputs[3].type.rank))
    if not axes:
        return place.inputs[3]
    return place.add("Unsqueeze", place.inputs[3], place.whole(axes, "mask_axes"), role="mask")


def _operator(
    op: MultiHeadAttention,
    place: Place,
    projections: Sequence[Handle],
    mask: Handle | None,
) -> Handle:
    return place.add(
        "Attention",
        *projections,
        mask,
        role="attention",
        q_num_heads=op.heads,
        kv_num_heads=op.heads,
        is_causal=int(op.causal),
    )


def _formula(
    op: MultiHeadAttention,
    place: Place,
    projections: Sequence[Handle],
    mask: Handle | None,
) -> Handle:
    width = place.type.shape[1]
    assert isinstance(width, int)
    depth = width // op.heads
    shape = place.whole([0, 0, op.heads, depth], "heads")
    split = [
        place.add("Reshape", x, shape, role=f"{role}_split")
        for x, role in zip(projections, ROLES, strict=True)
    ]
    query, key, value = (
        place.add("Transpose", x, role=f"{role}_heads", perm=perm)
        for x, role, perm in zip(
            split, ROLES, ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]), strict=True
        )
    )
    scaled = place.add("Mul", query, place.number(1 / sqrt(depth), "scale"), role="scaled")
    scores = place.add("MatMul", scaled, key, role="scores")
    shares = _shares(op, place, scores, mask, 4)
    heads = place.add("MatMul", shares, value, role="heads_out")
    moved = place.add("Transpose", heads, role="heads_last", perm=[0, 2, 1, 3])
    return place.add("Reshape", moved, place.whole([0, 0, width], "width"), role="joined")


def _shares(op: Attention, place: Place, scores: Handle, mask: Handle | None, rank: int) -> Handle:
    """How much each position takes of each key, some of it dropped in training; `rank` axes."""
    shares = _softmax(place, scores, _allowed(op, place, mask))
    if not _drops(op, place):
        return shares
    return place.add("Mul", shares, Drawing(place, shares, rank).mask(op.dropout), role="dropped")


def _softmax(place: Place, scores: Handle, allowed: Handle | None) -> Handle:
    """Softmax over the keys. A row without any key is all 0: -1e30 in place of -inf keeps it finite
    until then."""
    if allowed is None:
        return place.add("Softmax", scores, role="shares", axis=-1)
    low = place.number(-1e30, "low")
    masked = place.add("Where", allowed, scores, low, role="masked")
    shares = place.add("Softmax", masked, role="softmax", axis=-1)
    return place.add("Where", allowed, shares, place.number(0.0, "none"), role="shares")


def _allowed(op: Attention, place: Place, mask: Handle | None) -> Handle | None:
    """Which key each position may see: given mask and causality together."""
    if not op.causal:
        return mask
    before = _causal(place)
    return before if mask is None else place.add("And", mask, before, role="allowed")


def _causal(place: Place) -> Handle:
    """Whether key s is not after position t: [T, S]."""
    rows, columns = (
        _positions(place, number, role)
        for number, role in ((0, "query"), (min(1, len(place.inputs) - 1), "key"))
    )
    column = place.add("Unsqueeze", rows, place.whole([1], "time_axis"), role="time")
    return place.add("GreaterOrEqual", column, columns, role="causal")


def _positions(place: Place, number: int, role: str) -> Handle:
    """0, 1, … up to the length of an input."""
    type_ = place.node.inputs[number].type
    length = type_.shape[-2]
    if isinstance(length, int):
        return place.constant(np.arange(length), f"{role}_positions")
    size = place.size(number, type_.rank - 2, f"{role}_length")
    scalar = place.add("Squeeze", size, place.whole([0], f"{role}_axis"), role=f"{role}_count")
    start, step = place.whole(0, f"{role}_start"), place.whole(1, f"{role}_step")
    return place.add("Range", start, scalar, step, role=f"{role}_positions")
