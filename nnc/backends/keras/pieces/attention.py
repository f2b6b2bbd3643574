from __future__ import annotations

import math
from typing import Any

from keras import layers, ops


class MultiHeadAttention(layers.Layer):
    """Scaled dot-product attention in several heads; query [batch, time, width].

    The mask `attend` is true where a key may be seen: [batch, keys] or [batch, time,
    keys]. A place that sees nothing gives 0. With `causal`, place t sees the keys 0 ...
    t.
    """

    def __init__(
        self,
        heads: int,
        causal: bool = False,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.heads = heads
        self.causal = causal
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer

    def build(
        self,
        query_shape: tuple[int | None, ...],
        key_shape: tuple[int | None, ...],
        value_shape: tuple[int | None, ...],
        attend_shape: tuple[int | None, ...] | None = None,
    ) -> None:
        width = query_shape[-1] or 0
        sizes = (width, key_shape[-1], value_shape[-1])
        self.packed = len(set(sizes)) == 1
        if self.packed:
            self.in_proj_kernel = self.kernel((width, 3 * width), "in_proj_kernel")
        else:
            self.q_proj_kernel, self.k_proj_kernel, self.v_proj_kernel = (
                self.kernel((size, width), f"{role}_proj_kernel")
                for role, size in zip("qkv", sizes, strict=True)
            )
        self.out_proj_kernel = self.kernel((width, width), "out_proj_kernel")
        if self.use_bias:
            self.in_proj_bias = self.add_weight(
                shape=(3 * width,), initializer="zeros", name="in_proj_bias"
            )
            self.out_proj_bias = self.add_weight(
                shape=(width,), initializer="zeros", name="out_proj_bias"
            )

    def kernel(self, shape: tuple[int | None, ...], name: str) -> Any:
        return self.add_weight(
            shape=shape, initializer=self.kernel_initializer, name=name
        )

    def call(
        self,
        query: Any,
        key: Any,
        value: Any,
        attend: Any = None,
        dropout: Any = None,  # when: dropped
    ) -> Any:
        kernels = (
            ops.split(self.in_proj_kernel, 3, axis=1)
            if self.packed
            else (self.q_proj_kernel, self.k_proj_kernel, self.v_proj_kernel)
        )
        biases = ops.split(self.in_proj_bias, 3) if self.use_bias else (0, 0, 0)
        projected = zip((query, key, value), kernels, biases, strict=True)
        q, k, v = (
            self.split_heads(ops.matmul(x, kernel) + bias)
            for x, kernel, bias in projected
        )
        scores = ops.matmul(q / math.sqrt(q.shape[-1]), ops.transpose(k, (0, 1, 3, 2)))
        weights = attention_weights(scores, attend, self.causal)
        if dropout is not None:  # when: dropped
            weights = dropout(weights)  # when: dropped
        joined = ops.transpose(ops.matmul(weights, v), (0, 2, 1, 3))
        y = ops.matmul(ops.reshape(joined, ops.shape(query)), self.out_proj_kernel)
        return y + self.out_proj_bias if self.use_bias else y

    def split_heads(self, x: Any) -> Any:
        """[batch, time, width] -> [batch, heads, time, width / heads]."""
        batch, time, width = ops.shape(x)
        x = ops.reshape(x, (batch, time, self.heads, width // self.heads))
        return ops.transpose(x, (0, 2, 1, 3))


class ScaledDotProductAttention(layers.Layer):
    """softmax(query * key^T * scale) * value; query [batch, time, width] or [batch,
    heads, time, width].

    The mask `attend` is true where a key may be seen: [batch, keys] or [batch, time,
    keys]. A place that sees nothing gives 0. With `causal`, place t sees the keys 0 ...
    t.
    """

    def __init__(
        self, causal: bool = False, scale: float | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.causal = causal
        self.scale = scale

    def call(
        self,
        query: Any,
        key: Any,
        value: Any,
        attend: Any = None,
        dropout: Any = None,  # when: dropped
    ) -> Any:
        scale = 1 / math.sqrt(query.shape[-1]) if self.scale is None else self.scale
        scores = ops.matmul(query * scale, ops.swapaxes(key, -1, -2))
        weights = attention_weights(scores, attend, self.causal)
        if dropout is not None:  # when: dropped
            weights = dropout(weights)  # when: dropped
        return ops.matmul(weights, value)


def attention_weights(scores: Any, attend: Any, causal: bool) -> Any:
    """Softmax over the keys that may be seen; all 0 where there is none."""
    if attend is not None:
        while len(attend.shape) < len(scores.shape):
            attend = ops.expand_dims(attend, 1)
        scores = ops.where(attend, scores, -math.inf)
    if causal:
        time, keys = ops.shape(scores)[-2:]
        times, places = (ops.arange(size, dtype="int32") for size in (time, keys))
        past = times[:, None] >= places
        scores = ops.where(past, scores, -math.inf)
    top = ops.stop_gradient(ops.max(scores, axis=-1, keepdims=True))
    exponentials = ops.exp(scores - ops.where(ops.isfinite(top), top, 0.0))
    return ops.divide_no_nan(
        exponentials, ops.sum(exponentials, axis=-1, keepdims=True)
    )
