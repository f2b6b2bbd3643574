"""Recurrent layers."""

from __future__ import annotations

from typing import Any

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Lowered, Place, Rows, Site, only
from nnc.compiler.vocabulary.ops.recurrence import Recurrent
from nnc.compiler.vocabulary.ops.recurrent import GRU, LSTM, SimpleRNN

_MERGES = {"concat": "concat", "sum": "sum", "mean": "ave"}
_BLOCKS = (1, 0, 2)
"""Block k of Keras' GRU (z, r, n) is block `_BLOCKS[k]` of the canonical rows (r, z, n)."""


@OPS.lowers(SimpleRNN, GRU, LSTM)
def recurrent(op: Recurrent, site: Site) -> Lowered:
    if op.return_state and not any(site.read[1:]):
        output = recurrent(op.replace(return_state=False), site)
        assert not isinstance(output, tuple)
        return (output,)
    if op.layers > 1:
        return _stacked(op, site)
    layer = _bidirectional(op, site) if op.bidirectional else _single(op, site)
    called = py.call(layer, site.input, **_begun(op, site, 0), **_masked(op, site))
    if not op.return_state:
        return _as_meant(op, site, called)
    names = op.results[1:]
    if not op.bidirectional:
        if _is_as_given(op, site):
            return called
        output, *states = site.unpack(called, "outputs", *names)
        return _as_meant(op, site, output), *states
    backward = (f"{name}_back" for name in names)
    output, *states = site.unpack(called, "both", *names, *backward)
    count = len(names)
    joined = (py.call("ops.concatenate", states[i::count], axis=-1) for i in range(count))
    return _as_meant(op, site, output), *joined


def _is_as_given(op: Recurrent, site: Site) -> bool:
    """Whether the outputs that Keras gives are those of the spec."""
    return not op.return_sequences or not (op.reverse or _has_lengths(op, site))


def _as_meant(op: Recurrent, site: Site, output: py.Expr) -> py.Expr:
    """Keras gives what it reads backwards in the order in which it read it. And it ties the mask of
    valid steps to the outputs, which layers behind would read by themselves: a function of it loses
    the mask."""
    if _is_as_given(op, site):
        return output
    return py.call("ops.flip", output, axis=1) if op.reverse else py.call("ops.copy", output)


def _stacked(op: Recurrent, site: Site) -> Lowered:
    """A layer for each level; the upper ones read all steps of those below, both directions side
    by side."""
    x, masked, names = site.input, _masked(op, site), op.results[1:]
    ends: list[tuple[py.Expr, ...]] = []
    for level in range(op.layers):
        top = level == op.layers - 1
        one = op if top else op.replace(return_sequences=True, merge="concat")
        layer = (_bidirectional if op.bidirectional else _single)(one, site, level)
        called: py.Expr = py.call(layer, x, **_begun(op, site, level), **masked)
        if op.return_state:
            last = [f"{name}_l{level}{end}" for end in op.directions for name in names]
            called, *states = site.unpack(called, f"output_l{level}", *last)
            ends.append(tuple(states))
        called = _as_meant(one, site, called)
        x = called if top else site.step(_dropped(op, site, called, level), f"steps_l{level}")
    if not op.return_state:
        return x
    count = len(names)
    states_of = ([end for level in ends for end in level[i::count]] for i in range(count))
    return x, *(py.call("ops.concatenate", states, axis=-1) for states in states_of)


def _dropped(op: Recurrent, site: Site, x: py.Expr, level: int) -> py.Expr:
    """What a level gives, some of it dropped in training."""
    if not op.is_random:
        return x
    key, suffix = site.key_behind(level), f"dropout_l{level}"
    return site.apply(site.layer("Dropout", op.dropout, key=key, suffix=suffix), x)


def _begun(op: Recurrent, site: Site, level: int) -> dict[str, Any]:
    """The initial states of a level."""
    states = site.inputs[1:-1] if _has_lengths(op, site) else site.inputs[1:]
    if not states:
        return {}
    count = len(op.directions)
    if op.layers * count == 1:
        return {"initial_state": py.value(list(states))}
    halves = (_part(op, level * count + number) for number in range(count))
    parts = [py.subscript(x, (py.Slice(), half)) for half in halves for x in states]
    return {"initial_state": py.value(parts)}


def _part(op: Recurrent, number: int) -> py.Slice:
    """The place of one direction of a level in a state."""
    begin, end = number * op.units, (number + 1) * op.units
    is_last = number == op.layers * len(op.directions) - 1
    return py.Slice(
        lower=py.literal(begin) if begin else None,
        upper=None if is_last else py.literal(end),
    )


def _masked(op: Recurrent, site: Site) -> dict[str, Any]:
    """The mask of valid steps."""
    if not _has_lengths(op, site):
        return {}
    valid = py.call(site.piece("valid_steps"), site.input, site.inputs[-1])
    return {"mask": site.step(valid, "valid")}


def _has_lengths(op: Recurrent, site: Site) -> bool:
    return op.has_lengths(tuple(value.type for value in site.node.inputs))


def _options(op: Recurrent, site: Site, level: int) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if isinstance(op, SimpleRNN):
        options |= only(op.nonlinearity != "tanh", activation=op.nonlinearity)
    if isinstance(op, GRU):
        options["reset_after"] = op.reset_after
    if isinstance(op, LSTM):
        options["unit_forget_bias"] = False
    options["return_sequences"] = op.return_sequences
    options |= _beginnings(op, site, level)
    # Without sequences the last output is asked for, which padding must not make 0.
    options |= only(_has_lengths(op, site) and op.return_sequences, zero_output_for_mask=True)
    options |= only(op.return_state, return_state=True)
    return options | only(op.reverse, go_backwards=True)


def _beginnings(op: Recurrent, site: Site, level: int) -> dict[str, Any]:
    """How the weights begin."""
    features = site.weight(f"weight_ih_l{level}").shape[1]
    fans = (features, op.gates * op.units)
    options = site.begins("kernel_initializer", f"weight_ih_l{level}", "glorot_uniform", fans)
    fans = (op.units, op.gates * op.units)
    options |= site.begins("recurrent_initializer", f"weight_hh_l{level}", "orthogonal", fans)
    if not op.bias:
        return options | {"use_bias": False}
    return options | site.begins("bias_initializer", f"bias_ih_l{level}", "zeros")


def _stored(op: Recurrent, prefix: str, end: str) -> dict[str, Place]:
    order = _BLOCKS if isinstance(op, GRU) else ()
    cell = f"{prefix}cell"
    stored: dict[str, Place] = {
        f"weight_ih{end}": (f"{cell}.kernel", (1, 0), Rows(order)),
        f"weight_hh{end}": (f"{cell}.recurrent_kernel", (1, 0), Rows(order)),
    }
    if not op.bias:
        return stored
    if isinstance(op, GRU) and op.reset_after:
        for row, half in enumerate(("ih", "hh")):
            stored[f"bias_{half}{end}"] = (f"{cell}.bias", (0,), Rows(order, row))
    else:
        stored[f"bias_ih{end}"] = (f"{cell}.bias", (0,), Rows(order))
    return stored


def _single(op: Recurrent, site: Site, level: int = 0) -> py.Expr:
    stored = _stored(op, "", *op.ends(level))
    return site.layer(
        f"layers.{op.word}",
        op.units,
        **_options(op, site, level),
        stored=stored,
        suffix=_suffix(op, level),
    )


def _bidirectional(op: Recurrent, site: Site, level: int = 0) -> py.Expr:
    forward, backward = op.ends(level)
    stored = _stored(op, "forward_layer.", forward) | _stored(op, "backward_layer.", backward)
    # The wrapper does not hand its own `trainable` on.
    frozen = only(not op.trainable, trainable=False)
    inner = py.call(f"layers.{op.word}", op.units, **_options(op, site, level), **frozen)
    return site.layer(
        "layers.Bidirectional",
        inner,
        merge_mode=_MERGES[op.merge],
        stored=stored,
        suffix=_suffix(op, level),
    )


def _suffix(op: Recurrent, level: int) -> str:
    return f"l{level}" if op.layers > 1 else ""
