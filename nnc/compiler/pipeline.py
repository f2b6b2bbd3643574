"""The way from parsed files to a program, as one visible tuple of passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from nnc.compiler import ir, syntax
from nnc.compiler.diagnostics import Diagnostic
from nnc.compiler.passes.data import data
from nnc.compiler.passes.declare import declare
from nnc.compiler.passes.elaborate import elaborate
from nnc.compiler.passes.lint import lint
from nnc.compiler.passes.search import search
from nnc.compiler.passes.state import State
from nnc.compiler.passes.training import training

PIPELINE: Final[tuple[Callable[[State], None], ...]] = (
    declare,
    elaborate,
    training,
    data,
    search,
    lint,
)


def run(
    files: Sequence[syntax.File], settings: Mapping[str, Any] | None = None
) -> tuple[ir.Program | None, list[Diagnostic]]:
    """The program, or None when a diagnostic is an error; and every diagnostic, warnings included.

    `files` are the spec and then every file that it uses; `settings` are values for its parameters.
    """
    state = State(tuple(files), settings or {})
    for step in PIPELINE:
        step(state)
    found = list(state.report)
    if state.graph is None or state.report.errors:
        return None, found
    program = ir.Program(
        state.graph, state.seed, state.training, state.data, state.search, dict(state.values)
    )
    return program, found
