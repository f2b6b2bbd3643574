"""ONNX models, written directly from the IR."""

from nnc.backends.onnx import (
    activation,
    attention,
    conv,
    dense,
    elementwise,
    embedding,
    merge,
    normalization,
    pooling,
    recurrent,
    reduction,
    regularization,
    shape,
    table,
    units,
)

__all__ = [
    "activation",
    "attention",
    "conv",
    "dense",
    "elementwise",
    "embedding",
    "merge",
    "normalization",
    "pooling",
    "recurrent",
    "reduction",
    "regularization",
    "shape",
    "table",
    "units",
]

table.ops.sealed()
