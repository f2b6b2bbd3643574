"""ONNX models, written directly from the IR."""

from nnc.backends.onnx import (
    activation,
    attention,
    conv,
    conv_transpose,
    dense,
    depthwise,
    elementwise,
    embedding,
    merge,
    normalization,
    padding,
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
    "conv_transpose",
    "dense",
    "depthwise",
    "elementwise",
    "embedding",
    "merge",
    "normalization",
    "padding",
    "pooling",
    "recurrent",
    "reduction",
    "regularization",
    "shape",
    "table",
    "units",
]

table.ops.sealed()
