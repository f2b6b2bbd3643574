"""NumPy in float64: the definition of every word, against which all other backends are measured."""

from nnc.backends.reference import (
    activation,
    attention,
    conv,
    dense,
    elementwise,
    embedding,
    losses,
    merge,
    metrics,
    normalization,
    optimizers,
    penalties,
    pooling,
    recurrent,
    reduction,
    regularization,
    schedules,
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
    "losses",
    "merge",
    "metrics",
    "normalization",
    "optimizers",
    "penalties",
    "pooling",
    "recurrent",
    "reduction",
    "regularization",
    "schedules",
    "shape",
    "table",
    "units",
]

table.seal()
