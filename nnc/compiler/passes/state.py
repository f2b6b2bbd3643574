"""What the passes share: the files of a spec, what they declare, and what was made of them so
far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nnc.compiler import ir, syntax
from nnc.compiler.diagnostics import Report


@dataclass(slots=True)
class State:
    """Grows along the pipeline; each pass reads what is there and adds its part."""

    files: tuple[syntax.File, ...]
    """The spec first, then the files that it uses."""
    settings: Mapping[str, Any]
    """Values for parameters from outside (`--set`)."""
    report: Report = field(default_factory=Report)

    model: syntax.Model | None = None
    blocks: dict[str, syntax.Block] = field(default_factory=dict)
    parameters: dict[str, syntax.Parameter] = field(default_factory=dict)
    sections: dict[str, syntax.Section] = field(default_factory=dict)

    values: dict[str, Any] = field(default_factory=dict)
    """The parameters' values."""
    graph: ir.Graph | None = None
    outputs: dict[str, ir.Output] = field(default_factory=dict)
    training: ir.Training | None = None
    data: ir.Data | None = None
    search: ir.Search | None = None
    seed: int = 0
