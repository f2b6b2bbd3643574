"""The tables of this backend, total over the vocabulary: importing this file proves it."""

from __future__ import annotations

from nnc.backends.keras import (  # noqa: F401  each enters its lowerings
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
from nnc.backends.keras.lowering import OPS

__all__ = ["OPS", "TABLES"]

TABLES = (OPS,)
for _table in TABLES:
    _table.sealed()
