"""Rewriting a model before it is deployed. One file a rewrite; `LEVELS` shows their order.

`none` leaves every layer and every name. `safe` takes away what computes nothing: results keep
every bit. `deploy` also computes with the weights beforehand, which changes the rounding of results
and nothing else. `fused` is `deploy` in operators that onnxruntime alone has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias

from nnc.backends.onnx.graph import OnnxGraph
from nnc.backends.onnx.optimize.batch_norm import fold_batch_norm
from nnc.backends.onnx.optimize.constants import fold_constants
from nnc.backends.onnx.optimize.fused import fuse_activations
from nnc.backends.onnx.optimize.gelu import fuse_gelu
from nnc.backends.onnx.optimize.layer_norm import fuse_layer_norm
from nnc.backends.onnx.optimize.pooling import pool_by_mean
from nnc.backends.onnx.optimize.transposes import join_transposes
from nnc.backends.onnx.optimize.unused import drop_unused

__all__ = ["LEVELS", "Level", "drop_unused", "optimize"]

Level: TypeAlias = Literal["none", "safe", "deploy", "fused"]
Rewrite: TypeAlias = Callable[[OnnxGraph], None]

_SAFE: Final[tuple[Rewrite, ...]] = (fold_constants, join_transposes, drop_unused)
_DEPLOY: Final[tuple[Rewrite, ...]] = (
    *(*_SAFE, fuse_layer_norm, fuse_gelu, fold_batch_norm, pool_by_mean),
    drop_unused,
)
LEVELS: Final[Mapping[Level, tuple[Rewrite, ...]]] = {
    "none": (),
    "safe": _SAFE,
    "deploy": _DEPLOY,
    "fused": (*_DEPLOY, fuse_activations),
}


def optimize(graph: OnnxGraph, level: Level) -> None:
    """Rewrite a model in place. Its inputs, its outputs and their names stay."""
    for rewrite in LEVELS[level]:
        rewrite(graph)
