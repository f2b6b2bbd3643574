"""ONNX models, written directly from the IR."""

from nnc.backends.onnx import (
    activation,
    adaptive,
    attention,
    condition,
    conv,
    conv_transpose,
    dense,
    depthwise,
    elementwise,
    embedding,
    losses,
    merge,
    normalization,
    padding,
    pooling,
    recurrent,
    reduction,
    regularization,
    resize,
    selection,
    shape,
    table,
    units,
)
from nnc.backends.onnx.comparison import LOSSES

__all__ = [
    "TABLES",
    "activation",
    "adaptive",
    "attention",
    "condition",
    "conv",
    "conv_transpose",
    "dense",
    "depthwise",
    "elementwise",
    "embedding",
    "losses",
    "merge",
    "normalization",
    "padding",
    "pooling",
    "recurrent",
    "reduction",
    "regularization",
    "resize",
    "selection",
    "shape",
    "table",
    "units",
]

TABLES = (table.ops, LOSSES)
for _table in TABLES:
    _table.sealed()
