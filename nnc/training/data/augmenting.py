"""Training batches changed at random."""

from __future__ import annotations

from functools import partial

from nnc.backends import recipes
from nnc.backends.pieces.draws import hashed
from nnc.backends.recipes import Call
from nnc.compiler.ir import Program
from nnc.training.data.dataset import Array, Change, Rows
from nnc.training.data.feed import function


def changes(program: Program) -> list[Change]:
    """The changes of a program in their order."""
    last = {"last": True} if program.graph.layout == "channels_last" else {}
    found: list[Change] = []
    for name, change, key in recipes.changes(program):
        call = change.call
        options = {**call.options, **(last if change.images else {})}
        found.append((name, partial(_changed, Call(call.function, call.arguments, options), key)))
    return found


def _changed(call: Call, key: int, x: Array, places: Rows, epoch: int) -> Array:
    made: Array = function(call)(x, places, hashed(epoch, key), *call.arguments, **call.options)
    return made
