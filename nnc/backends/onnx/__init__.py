"""ONNX models, written directly from the IR."""

from nnc.backends.onnx import (
    activation,
    adaptive,
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
    resize,
    shape,
    table,
    units,
)

__all__ = [
    "activation",
    "adaptive",
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
    "resize",
    "shape",
    "table",
    "units",
]

table.ops.sealed()
