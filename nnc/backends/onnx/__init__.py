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
    optimizers,
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
from nnc.backends.onnx.constraints import CONSTRAINTS
from nnc.backends.onnx.metrics import METRICS
from nnc.backends.onnx.penalties import PENALTIES
from nnc.backends.onnx.updates import CLIPS, OPTIMIZERS

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
    "optimizers",
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

TABLES = (table.ops, CONSTRAINTS, LOSSES, METRICS, PENALTIES, OPTIMIZERS, CLIPS)
for _table in TABLES:
    _table.sealed()
