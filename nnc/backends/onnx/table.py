"""The table of ONNX: for every op, the nodes that compute it in evaluation.

The package's `__init__` imports every family, which fills the table, and seals it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from nnc.backends.base import Table
from nnc.backends.onnx.assembly import Handle, Place

Lowering: TypeAlias = Callable[[Any, Place], Handle | tuple[Handle, ...]]
"""(op, where it stands) -> its results. A lowering may return one of its inputs: then it has no
nodes."""

ops: Table[Lowering] = Table("onnx", "op")
