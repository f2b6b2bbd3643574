"""Recurrent layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Several, Site
from nnc.compiler.ir import Graph
from nnc.compiler.vocabulary.ops.recurrence import Recurrent
from nnc.compiler.vocabulary.ops.recurrent import GRU, LSTM, SimpleRNN


@OPS.lowers(SimpleRNN, GRU, LSTM)
def recurrent(op: Recurrent, at: Site) -> Lowered:
    layer = at.layer(
        py.call(at.piece(f"recurrent:{_piece(op)}"), at.type.shape[-1], op.units, **_options(op))
    )
    given, named = list(at.inputs), dict[str, object]()
    if op.has_lengths(tuple(value.type for value in at.node.inputs)):
        named["lengths"] = given.pop()
    if op.is_random:
        named["dropout"] = _dropouts(op, at)
    called = py.call(layer, *given, **named)
    # The last output is the last hidden state, both directions joined.
    first = 0 if op.return_sequences or _takes_last(op) else 1
    states = range(1, len(op.results))
    places = (first, *states) if op.return_state else (first,)
    return Several(called, len(op.results), places)


def _dropouts(op: Recurrent, at: Site) -> py.Expr:
    """What the outputs of all layers but the last go through. It is a module of the node's own, as
    every use of a shared layer draws other numbers."""
    piece = at.piece("regularization:Dropout")
    each: list[py.Expr] = [
        py.call(piece, rate=op.dropout, key=at.key_behind(level)) for level in range(op.layers - 1)
    ]
    return at.beside("dropouts", py.call("nn.ModuleList", py.value(each)))


def features(graph: Graph) -> Iterator[str]:
    """What the layers of a program must be able to do: "lengths", "merge",
    "layers", "between" for dropout between these."""
    for node in graph.nodes:
        if isinstance(node.op, Recurrent):
            if node.op.has_lengths(tuple(value.type for value in node.inputs)):
                yield "lengths"
            if node.op.layers > 1:
                yield "layers"
            if node.op.is_random:
                yield "between"
            if node.op.merge != "concat" or _takes_last(node.op):
                yield "merge"


def _takes_last(op: Recurrent) -> bool:
    """Whether the last output is something else than the last hidden state."""
    return not op.return_sequences and (op.merge != "concat" or op.layers > 1)


def _piece(op: Recurrent) -> str:
    return "ResetBeforeGRU" if isinstance(op, GRU) and not op.reset_after else op.word


def _options(op: Recurrent) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if isinstance(op, SimpleRNN) and op.nonlinearity != "tanh":
        options["nonlinearity"] = op.nonlinearity
    options |= {name: True for name in ("bidirectional", "reverse") if getattr(op, name)}
    if not op.bias:
        options["bias"] = False
    options |= {"layers": op.layers} if op.layers > 1 else {}
    options |= {"merge": op.merge} if op.merge != "concat" else {}
    options |= {"last": True} if _takes_last(op) else {}
    return options
