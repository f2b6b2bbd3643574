"""Each op in PyTorch's own functions: a second opinion about what a word means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F

from nnc.compiler.vocabulary.ops import (
    activation,
    attention,
    dense,
    elementwise,
    embedding,
    merge,
    normalization,
    recurrent,
    reduction,
    regularization,
    shape,
    transformer,
)
from nnc.compiler.vocabulary.ops.base import Op
from tests.backends.reference.torch_recurrent import recurrent_layer
from tests.backends.reference.torch_windows import WINDOWS, channels_first
from tests.words.torch_functions import TORCH_FUNCTIONS

Weights: TypeAlias = dict[str, torch.Tensor]
Function: TypeAlias = Callable[..., Any]
"""(op, weights by their short name, inputs) -> a tensor or several."""


@channels_first
def _batch_norm(op: normalization.BatchNorm, w: Weights, x: torch.Tensor) -> torch.Tensor:
    running = (w["running_mean"], w["running_var"])
    return F.batch_norm(x, *running, w.get("weight"), w.get("bias"), False, 0.0, op.epsilon)


def _layer_norm(op: normalization.LayerNorm, w: Weights, x: torch.Tensor) -> torch.Tensor:
    return F.layer_norm(x, x.shape[-op.axes :], w.get("weight"), w.get("bias"), op.epsilon)


@channels_first
def _group_norm(op: normalization.GroupNorm, w: Weights, x: torch.Tensor) -> torch.Tensor:
    return F.group_norm(x, op.groups, w.get("weight"), w.get("bias"), op.epsilon)


@channels_first
def _instance_norm(op: normalization.InstanceNorm, w: Weights, x: torch.Tensor) -> torch.Tensor:
    return F.instance_norm(x, weight=w.get("weight"), bias=w.get("bias"), eps=op.epsilon)


def _rms_norm(op: normalization.RMSNorm, w: Weights, x: torch.Tensor) -> torch.Tensor:
    return F.rms_norm(x, x.shape[-op.axes :], w.get("weight"), op.epsilon)


def _unchanged(op: Op, w: Weights, x: torch.Tensor) -> torch.Tensor:
    """What layers that act in training only do in evaluation."""
    return x + 0


def _attention(op: attention.MultiHeadAttention, w: Weights, *inputs: torch.Tensor) -> torch.Tensor:
    query = inputs[0]
    key = inputs[1] if len(inputs) > 1 else query
    value = inputs[2] if len(inputs) > 2 else key
    if "in_proj_weight" in w:
        weights = w["in_proj_weight"].chunk(3)
    else:
        weights = (w["q_proj_weight"], w["k_proj_weight"], w["v_proj_weight"])
    biases = w["in_proj_bias"].chunk(3) if op.bias else (None,) * 3
    q, k, v = (
        F.linear(x, a, b).unflatten(-1, (op.heads, -1)).transpose(1, 2)
        for x, a, b in zip((query, key, value), weights, biases, strict=True)
    )
    seen = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool)
    if op.causal:
        seen = seen.tril()
    if len(inputs) == 4:
        mask = inputs[3]
        seen = seen & (mask[:, None, None] if mask.dim() == 2 else mask[:, None])
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
    return F.linear(y.transpose(1, 2).flatten(2), w["out_proj.weight"], w.get("out_proj.bias"))


def _dot_product(op: attention.ScaledDotProductAttention, w: Weights, *inputs: Any) -> torch.Tensor:
    query = inputs[0]
    key = inputs[1] if len(inputs) > 1 else query
    value = inputs[2] if len(inputs) > 2 else key
    seen = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool)
    if op.causal:
        seen = seen.tril()
    if len(inputs) == 4:
        mask = inputs[3][:, None] if inputs[3].dim() == 2 else inputs[3]
        seen = seen & (mask[:, None] if query.dim() == 4 else mask)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=seen, scale=op.scale)


def _encoder(op: transformer.TransformerEncoder, w: Weights, x: Any, *mask: Any) -> torch.Tensor:
    def attended(y: torch.Tensor) -> torch.Tensor:
        return _attention(op.attention(causal=op.causal), _below(w, "self_attn"), y, y, y, *mask)

    x = _around(op, w, x, 1, attended)
    return _around(op, w, x, 2, lambda y: _forward(op, w, y))


def _decoder(
    op: transformer.TransformerDecoder, w: Weights, x: Any, memory: Any, *masks: Any
) -> torch.Tensor:
    def attended(y: torch.Tensor) -> torch.Tensor:
        attention = op.attention(causal=op.causal)
        return _attention(attention, _below(w, "self_attn"), y, y, y, *masks[:1])

    def crossed(y: torch.Tensor) -> torch.Tensor:
        below = _below(w, "multihead_attn")
        return _attention(op.attention(), below, y, memory, memory, *masks[1:])

    x = _around(op, w, x, 1, attended)
    x = _around(op, w, x, 2, crossed)
    return _around(op, w, x, 3, lambda y: _forward(op, w, y))


def _below(w: Weights, layer: str) -> Weights:
    return {n.removeprefix(f"{layer}."): x for n, x in w.items() if n.startswith(f"{layer}.")}


def _around(
    op: Any, w: Weights, x: torch.Tensor, number: int, part: Callable[[Any], Any]
) -> torch.Tensor:
    def norm(y: torch.Tensor) -> torch.Tensor:
        gain = _below(w, f"norm{number}")
        return F.layer_norm(y, y.shape[-1:], gain["weight"], gain["bias"], op.epsilon)

    return x + part(norm(x)) if op.norm_first else norm(x + part(x))


def _forward(op: Any, w: Weights, x: torch.Tensor) -> torch.Tensor:
    hidden = F.linear(x, w["linear1.weight"], w["linear1.bias"])
    h = TORCH[type(op.activation)](op.activation, {}, hidden)
    return F.linear(h, w["linear2.weight"], w["linear2.bias"])


def _positions(op: embedding.PositionalEncoding, w: Weights, x: torch.Tensor) -> torch.Tensor:
    table = torch.zeros(x.shape[1:], dtype=torch.float64)
    for p in range(x.shape[1]):
        for i in range(x.shape[2]):
            angle = torch.tensor(p / 10000 ** ((i - i % 2) / x.shape[2]), dtype=torch.float64)
            table[p, i] = angle.cos() if i % 2 else angle.sin()
    return x + table


def _learned(op: embedding.LearnedPositionalEncoding, w: Weights, x: torch.Tensor) -> torch.Tensor:
    return x + F.embedding(torch.arange(x.shape[1]), w["weight"])


def _rotary(op: embedding.RotaryEncoding, w: Weights, x: torch.Tensor) -> torch.Tensor:
    """Pairs are complex numbers, which a product with a number of length 1 turns."""
    pairs = x.unflatten(-1, (-1, 2) if op.interleaved else (2, -1))
    pairs = pairs if op.interleaved else pairs.transpose(-1, -2)
    fall = torch.arange(0, x.shape[-1], 2, dtype=torch.float64) / x.shape[-1]
    angle = torch.arange(x.shape[-2], dtype=torch.float64)[:, None] * op.base**-fall
    turn = torch.polar(torch.ones_like(angle), angle)
    turned = torch.view_as_real(torch.view_as_complex(pairs.contiguous()) * turn)
    return (turned if op.interleaved else turned.transpose(-1, -2)).flatten(-2)


def _arithmetic(function: Callable[[Any, Any], Any]) -> Function:
    def both(op: merge.Arithmetic, w: Weights, *inputs: torch.Tensor) -> Any:
        left = [] if op.left is None else [op.left]
        right = [] if op.right is None else [op.right]
        return function(*left, *inputs, *right)

    return both


def _reduction(function: Function) -> Function:
    def reduced(op: reduction.Reduction, w: Weights, x: torch.Tensor) -> Any:
        rank = x.dim() - 1
        given = range(rank) if op.axes is None else op.axes
        axes = (given,) if isinstance(given, int) else tuple(given)
        return function(x, tuple(a % rank + 1 for a in axes), keepdim=op.keep_axes)

    return reduced


TORCH: dict[type[Op], Function] = {
    **TORCH_FUNCTIONS,
    **WINDOWS,
    activation.Relu: lambda op, w, x: F.relu(x),
    activation.LeakyRelu: lambda op, w, x: F.leaky_relu(x, op.slope),
    activation.Sigmoid: lambda op, w, x: torch.sigmoid(x),
    activation.Tanh: lambda op, w, x: torch.tanh(x),
    activation.Gelu: lambda op, w, x: F.gelu(x, approximate="tanh" if op.approximate else "none"),
    activation.Step: lambda op, w, x: (x > 0).to(x) + 0 * x,
    activation.Identity: lambda op, w, x: x + 0,
    activation.Softmax: lambda op, w, x: F.softmax(x, op.axis + 1 if op.axis >= 0 else op.axis),
    attention.MultiHeadAttention: _attention,
    attention.ScaledDotProductAttention: _dot_product,
    transformer.TransformerEncoder: _encoder,
    transformer.TransformerDecoder: _decoder,
    dense.Dense: lambda op, w, x: F.linear(x, w["weight"], w.get("bias")),
    elementwise.Negate: lambda op, w, x: -x,
    elementwise.Abs: lambda op, w, x: x.abs(),
    elementwise.Exp: lambda op, w, x: x.exp(),
    elementwise.Sin: lambda op, w, x: x.sin(),
    elementwise.Cos: lambda op, w, x: x.cos(),
    elementwise.Log: lambda op, w, x: x.log(),
    elementwise.Sqrt: lambda op, w, x: x.sqrt(),
    embedding.Embedding: lambda op, w, x: F.embedding(x, w["weight"], op.padding),
    embedding.PositionalEncoding: _positions,
    embedding.LearnedPositionalEncoding: _learned,
    embedding.RotaryEncoding: _rotary,
    merge.Add: _arithmetic(lambda x, y: x + y),
    merge.Subtract: _arithmetic(lambda x, y: x - y),
    merge.Multiply: _arithmetic(lambda x, y: x * y),
    merge.Divide: _arithmetic(lambda x, y: x / y),
    merge.Power: _arithmetic(lambda x, y: x**y),
    merge.MatMul: lambda op, w, x, y: torch.matmul(x, y),
    merge.Concat: lambda op, w, *xs: torch.cat(xs, op.axis + 1 if op.axis >= 0 else op.axis),
    normalization.BatchNorm: _batch_norm,
    normalization.LayerNorm: _layer_norm,
    normalization.GroupNorm: _group_norm,
    normalization.InstanceNorm: _instance_norm,
    normalization.RMSNorm: _rms_norm,
    recurrent.GRU: recurrent_layer,
    recurrent.LSTM: recurrent_layer,
    recurrent.SimpleRNN: recurrent_layer,
    reduction.Mean: _reduction(torch.mean),
    reduction.Sum: _reduction(torch.sum),
    regularization.ActivityRegularization: _unchanged,
    regularization.Dropout: _unchanged,
    regularization.SpatialDropout: _unchanged,
    regularization.AlphaDropout: _unchanged,
    regularization.GaussianDropout: _unchanged,
    regularization.GaussianNoise: _unchanged,
    shape.Flatten: lambda op, w, x: x.reshape(x.shape[0], -1),
    shape.Reshape: lambda op, w, x: x.reshape(x.shape[0], *op.shape),
    shape.Permute: lambda op, w, x: x.permute(0, *(axis % (x.dim() - 1) + 1 for axis in op.axes)),
    shape.Unsqueeze: lambda op, w, x: x.unsqueeze(op.axis + 1 if op.axis >= 0 else op.axis),
}
"""Total over the words that exist; a word without an entry fails its test."""
