"""Which weights the loss of a program depends on."""

from __future__ import annotations

from nnc.compiler.diagnostics import Diagnostic, Failed
from nnc.compiler.ir import ActivityTerm, LossTerm, Program
from nnc.compiler.types import FLOATS


def trained(program: Program) -> set[str]:
    """The full names of the weights that training may change."""
    weights = program.graph.weights.items()
    return {name for name, w in weights if w.role == "parameter" and w.trainable}


def reached(program: Program) -> set[str]:
    """Those of them on which the loss of the train block depends in a way that has a gradient."""
    training = program.training
    if training is None:
        return set()
    terms: tuple[LossTerm | ActivityTerm, ...] = (*training.losses, *training.activities)
    values = {value.name for term in terms for value in term.predictions}
    found = {term.weight for term in training.penalties}
    for node in reversed(program.graph.nodes):
        if node.op.carries_gradient and any(
            v.name in values for v in node.outputs if v.type.dtype in FLOATS
        ):
            values |= {value.name for value in node.inputs}
            found |= {f"{node.layer}.{weight.name}" for weight in node.weights}
    return found & trained(program)


def refuse_unmoved(program: Program) -> None:
    """Raise Failed (E809) for a program whose training would change no weight."""
    if reached(program):
        return
    why = (
        "the loss depends on no weight that is trained"
        if trained(program)
        else "no weight may change"
    )
    raise Failed(
        [
            Diagnostic(
                "E809",
                f"there is nothing to train: {why}",
                help="take `trainable=false` or `stop_gradient` away, or judge another output",
            )
        ]
    )
