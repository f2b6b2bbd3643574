"""Predictions back in the units of the data: what the preparations of a target did is undone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnc.backends.base import Arrays
from nnc.compiler.ir import Field, LossTerm, Program
from nnc.compiler.vocabulary.data import Impute, MinMax, ReshapeData, Scale, Standardize, Window
from nnc.training.watching import training_of

_KEEPS = (Impute, ReshapeData)
"""Preparations that leave numbers as they are."""


def restored(program: Program, fitted: Mapping[str, Any], results: Arrays) -> Arrays:
    """Outputs that are compared with a target of their own shape, in the units that the target has
    in the data; all others as they are. `fitted` is what the preparations learnt."""
    found = dict(results)
    for term in training_of(program).losses:
        chain = _chain(program, term)
        if chain is None:
            continue
        learnt = fitted["fields"].get(",".join(chain.names), [])
        whole = _undone(chain, learnt, results[term.outputs[0]])
        if whole is not None:
            found[term.outputs[0]] = whole
    return found


def _chain(program: Program, term: LossTerm) -> Field | None:
    """What prepares the target of a loss, where the one output that it judges estimates it."""
    target = term.target
    if program.data is None or target is None or len(term.outputs) > 1:
        return None
    outputs = {output.name: output.value for output in program.graph.outputs}
    alike = outputs[term.outputs[0]].type.shape == target.type.shape
    if not alike or term.loss.values != "real":
        return None
    return next((chain for chain in program.data.fields if target.name in chain.names), None)


def _undone(chain: Field, learnt: Sequence[Mapping[str, Any]], x: Any) -> Any:
    """Values before the preparations of a chain; None where one of them can't be undone."""
    steps = [step for step in chain.preparations if not isinstance(step, Window)]
    several = any(np.size(part) > 1 for known in learnt for part in known.values())
    if len(learnt) != len(steps) or (several and len(steps) < len(chain.preparations)):
        return None
    dtype, x = x.dtype, x.astype(np.float64)
    for step, known in reversed(list(zip(steps, learnt, strict=True))):
        if isinstance(step, Standardize):
            x = x * np.asarray(known["deviation"]) + np.asarray(known["mean"])
        elif isinstance(step, MinMax):
            x = x * np.asarray(known["width"]) + np.asarray(known["low"])
        elif isinstance(step, Scale):
            x = x / step.factor
        elif not isinstance(step, _KEEPS) or (several and not isinstance(step, Impute)):
            return None
    return x.astype(dtype)
