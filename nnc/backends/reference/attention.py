"""Attention."""

from __future__ import annotations

import math

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.dense import linear
from nnc.backends.reference.regularization import dropped
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Array, Tensor
from nnc.compiler.vocabulary.ops.attention import (
    Attention,
    MultiHeadAttention,
    ScaledDotProductAttention,
)


@ops.lowers(ScaledDotProductAttention)
def scaled_dot_product_attention(op: ScaledDotProductAttention, call: Call) -> Tensor:
    q, k, v = (call.inputs[min(number, len(call.inputs) - 1)] for number in range(3))
    scores = q @ tape.swap(k) * op.factor(call.types)
    return _weights(op, call, scores) @ v


@ops.lowers(MultiHeadAttention)
def multi_head_attention(op: MultiHeadAttention, call: Call) -> Tensor:
    q, k, v = (_heads(x, op.heads) for x in _projected(op, call))
    scores = q @ tape.swap(k) / math.sqrt(q.shape[-1])
    seen = _weights(op, call, scores) @ v
    n, _, t, _ = seen.shape
    joined = tape.reshape(tape.transpose(seen, (0, 2, 1, 3)), (n, t, call.x.shape[-1]))
    y = linear(joined, call.weights["out_proj.weight"])
    return y + call.weights["out_proj.bias"] if op.bias else y


def _projected(op: MultiHeadAttention, call: Call) -> list[Tensor]:
    """Query, key and value of all heads side by side: [N, length, width]."""
    width = call.x.shape[-1]
    query = call.x
    key = call.inputs[1] if len(call.inputs) > 1 else query
    value = call.inputs[2] if len(call.inputs) > 2 else key
    parts = [slice(i * width, (i + 1) * width) for i in range(3)]
    if "in_proj_weight" in call.weights:
        weights = [call.weights["in_proj_weight"][part] for part in parts]
    else:
        weights = [call.weights[f"{name}_proj_weight"] for name in "qkv"]
    made = [linear(x, w) for x, w in zip((query, key, value), weights, strict=True)]
    if not op.bias:
        return made
    bias = call.weights["in_proj_bias"]
    return [x + bias[part] for x, part in zip(made, parts, strict=True)]


def _heads(x: Tensor, heads: int) -> Tensor:
    """[N, length, width] -> [N, heads, length, width / heads]."""
    n, length, width = x.shape
    apart = tape.reshape(x, (n, length, heads, width // heads))
    return tape.transpose(apart, (0, 2, 1, 3))


def _mask(op: Attention, call: Call, scores: Tensor) -> Array:
    """True where a query attends to a key, broadcast against [N, …, T, S]."""
    t, s = scores.shape[-2:]
    seen = np.tril(np.ones((t, s), bool)) if op.causal else np.ones((t, s), bool)
    if len(call.inputs) < 4:
        return seen
    mask = call.inputs[3].value
    while mask.ndim < scores.rank:
        mask = mask[:, None]
    return np.asarray(seen & mask)


def _weights(op: Attention, call: Call, scores: Tensor) -> Tensor:
    """How much each query takes of each key, some of it dropped in training."""
    weights = _softmax(scores, _mask(op, call, scores))
    return dropped(op.dropout, weights, call.draw) if call.training and op.is_random else weights


def _softmax(scores: Tensor, mask: Array) -> Tensor:
    """The softmax over the keys that are seen; 0 everywhere when there is none."""
    largest = np.where(mask, scores.value, -np.inf).max(axis=-1, keepdims=True)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    e = tape.where(mask, tape.exp(tape.where(mask, scores - tape.constant(shift), 0.0)), 0.0)
    norm = tape.total(e, -1, keep=True)
    return e / tape.where(norm.value > 0, norm, 1.0)
