"""The words of the language. Importing this package enters all of them in the register of
`base`."""

from nnc.compiler.vocabulary import (
    data,
    initializers,
    losses,
    metrics,
    optimizers,
    penalties,
    schedules,
    search,
)
from nnc.compiler.vocabulary.ops import (
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
)

__all__ = [
    "activation",
    "attention",
    "conv",
    "data",
    "dense",
    "elementwise",
    "embedding",
    "initializers",
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
    "search",
    "shape",
]
