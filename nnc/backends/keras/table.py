"""The tables of this backend, total over the vocabulary: importing this file proves it."""

from __future__ import annotations

from nnc.backends.keras import (  # noqa: F401  each enters its lowerings
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
    units,
)
from nnc.backends.keras.comparison import LOSSES
from nnc.backends.keras.constraints import CONSTRAINTS
from nnc.backends.keras.lowering import OPS
from nnc.backends.keras.metrics import METRICS
from nnc.backends.keras.optimizers import CLIPS, OPTIMIZERS, SCHEDULES
from nnc.backends.keras.penalties import PENALTIES

__all__ = ["OPS", "TABLES"]

TABLES = (
    OPS,
    CONSTRAINTS,
    LOSSES,
    METRICS,
    PENALTIES,
    OPTIMIZERS,
    SCHEDULES,
    CLIPS,
)
for _table in TABLES:
    _table.sealed()
