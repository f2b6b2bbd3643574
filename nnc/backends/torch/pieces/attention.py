"""Attention with PyTorch's names for the weights."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnc.backends.torch.pieces.regularization import Dropout


class MultiHeadAttention(nn.Module):
    """Attention of `heads` heads over [N, T, width]; weights as in
    nn.MultiheadAttention.

    A mask is True where to attend: [N, S] for the keys, or [N, T, S]. A query that may
    attend to nothing gets 0 from every head.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        key_width: int | None = None,
        value_width: int | None = None,
        bias: bool = True,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.causal = causal
        self.packed = key_width is None and value_width is None
        if self.packed:
            self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
            nn.init.xavier_uniform_(self.in_proj_weight)
        else:
            self.q_proj_weight = nn.Parameter(torch.empty(width, width))
            self.k_proj_weight = nn.Parameter(torch.empty(width, key_width or width))
            self.v_proj_weight = nn.Parameter(torch.empty(width, value_width or width))
            nn.init.xavier_uniform_(self.q_proj_weight)
            nn.init.xavier_uniform_(self.k_proj_weight)
            nn.init.xavier_uniform_(self.v_proj_weight)
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width)) if bias else None
        self.out_proj = nn.Linear(width, width, bias=bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        mask: Tensor | None = None,
        dropout: Dropout | None = None,  # when: dropped
    ) -> Tensor:
        key = query if key is None else key
        value = key if value is None else value
        if self.packed:
            weights = self.in_proj_weight.chunk(3)
        else:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        biases = (None,) * 3
        if self.in_proj_bias is not None:
            biases = self.in_proj_bias.chunk(3)
        q, k, v = (
            F.linear(x, weight, bias).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for x, weight, bias in zip(
                (query, key, value), weights, biases, strict=True
            )
        )
        allowed = self.allowed(mask, query.shape[1], key.shape[1])
        causal = self.causal and mask is None
        if dropout is not None:  # when: dropped
            y = dropped_attention(q, k, v, dropout, allowed, causal)  # when: dropped
            return self.out_proj(y.transpose(1, 2).flatten(2))  # when: dropped
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed, is_causal=causal)
        return self.out_proj(y.transpose(1, 2).flatten(2))

    def allowed(self, mask: Tensor | None, queries: int, keys: int) -> Tensor | None:
        """The mask for every head, and for a causal one nothing after the query."""
        if mask is None:
            return None
        mask = mask[:, None, None] if mask.dim() == 2 else mask[:, None]
        if self.causal:
            mask = mask & mask.new_ones(queries, keys).tril()
        return mask


def masked_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor,
    causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Attention without weights over [N, T, d] or [N, heads, T, d].

    The mask is True where to attend: [N, S] for the keys, or [N, T, S]. A query that
    may attend to nothing gets 0.
    """
    while mask.dim() < query.dim():
        mask = mask.unsqueeze(1)
    if causal:
        mask = mask & mask.new_ones(query.shape[-2], key.shape[-2]).tril()
    return F.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, scale=scale
    )


def dropped_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    dropout: Dropout,
    mask: Tensor | None = None,
    causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Attention without weights over [N, T, d] or [N, heads, T, d] that in training
    drops a share of what the softmax gives.

    The mask is as for `masked_attention`, or has the axes of the scores.
    """
    if not dropout.training and mask is not None:
        return masked_attention(query, key, value, mask, causal, scale)
    if not dropout.training:
        return F.scaled_dot_product_attention(
            query, key, value, is_causal=causal, scale=scale
        )
    scores = query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
    while mask is not None and mask.dim() < scores.dim():
        mask = mask.unsqueeze(1)
    if causal:
        past = scores.new_ones(scores.shape[-2:], dtype=torch.bool).tril()
        mask = past if mask is None else mask & past
    if mask is None:
        return dropout(scores.softmax(-1)) @ value
    lowest = torch.finfo(scores.dtype).min
    shares = scores.masked_fill(~mask, lowest).softmax(-1).masked_fill(~mask, 0)
    return dropout(shares) @ value
