"""The tables of this backend, total over the vocabulary: importing this file proves it."""

from __future__ import annotations

from nnc.backends.torch import (  # noqa: F401  each enters its lowerings
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
from nnc.backends.torch.comparison import LOSSES
from nnc.backends.torch.constraints import CONSTRAINTS
from nnc.backends.torch.lowering import OPS
from nnc.backends.torch.metrics import METRICS
from nnc.backends.torch.optimizers import CLIPS, OPTIMIZERS, SCHEDULES
from nnc.backends.torch.penalties import PENALTIES

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
