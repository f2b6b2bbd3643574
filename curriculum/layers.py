"""Layers that train: the same updates on every backend."""

from __future__ import annotations

from curriculum.lesson import Claim, Found
from curriculum.room import Room
from nnc.backends import initial
from nnc.verify import feed
from nnc.verify.trajectory import verify_steps

STEPS = 20


def dense(room: Room) -> Found:
    lecture = (
        "[N, d] and [N, L, d]; initialisers, penalties and constraints: equal on every backend"
    )
    return _alike(room, "dense", lecture)


def norms(room: Room) -> Found:
    name = "batch, layer, instance, group and RMS normalisation"
    return _alike(room, "norms", f"{name}: training and evaluation equal on every backend")


def recurrent(room: Room) -> Found:
    lecture = (
        "sequences or last state, stacked, bidirectional, initial state: equal on every backend"
    )
    return _alike(room, "recurrent", lecture)


def attention(room: Room) -> Found:
    lecture = (
        "self- and cross-attention, masks, causal, encoder and decoder: equal on every backend"
    )
    return _alike(room, "transformer", lecture)


def _alike(room: Room, spec: str, lecture: str) -> Found:
    """Updates with random examples from the same weights, beside the reference, in float64."""
    program = room.program(f"curriculum/{spec}")
    steps = 3 if room.short else STEPS
    names = [backend.name for backend in room.backends if backend.name != "reference"]
    found = verify_steps(
        program,
        steps=steps,
        feed=feed.at_random(program, 4, 0, steps),
        weights=dict(initial.weights(program.graph, program.seed)),
        backends=names,
        precisions=("float64",),
    )
    for path in found.paths:
        apart = max((step.difference for step in path.steps), default=0.0)
        told = f"{path.backend}, {len(path.steps)} updates in float64: at most {apart:.0e} apart"
        yield Claim(lecture, told, path.agrees and bool(path.steps) and apart < 1e-9)
