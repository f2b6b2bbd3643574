"""Recurrent layers."""

from __future__ import annotations

from typing import Any

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Lowered, Place, Rows, Site, only
from nnc.compiler.vocabulary.ops.recurrent import GRU, LSTM, Recurrent, SimpleRNN

_MERGES = {"concat": "concat", "sum": "sum", "mean": "ave"}
_BLOCKS = (1, 0, 2)
"""Block k of Keras' GRU (z, r, n) is block `_BLOCKS[k]` of the canonical rows (r, z, n)."""


@OPS.lowers(SimpleRNN, GRU, LSTM)
def recurrent(op: Recurrent, site: Site) -> Lowered:
    if op.return_state and not any(site.read[1:]):
        output = recurrent(op.replace(return_state=False), site)
        assert not isinstance(output, tuple)
        return (output,)
    layer = _bidirectional(op, site) if op.bidirectional else _single(op, site)
    called = py.call(layer, site.input, **_given(op, site))
    if not op.return_state:
        return _in_order(op, called)
    names = op.results[1:]
    if not op.bidirectional:
        if not (op.reverse and op.return_sequences):
            return called
        output, *states = site.unpack(called, "backwards", *names)
        return _in_order(op, output), *states
    backward = (f"{name}_back" for name in names)
    output, *states = site.unpack(called, "both", *names, *backward)
    count = len(names)
    joined = (py.call("ops.concatenate", states[i::count], axis=-1) for i in range(count))
    return output, *joined


def _in_order(op: Recurrent, output: py.Expr) -> py.Expr:
    """Keras gives what it reads backwards in the order in which it read it."""
    if op.reverse and op.return_sequences:
        return py.call("ops.flip", output, axis=1)
    return output


def _given(op: Recurrent, site: Site) -> dict[str, Any]:
    """Initial states and the mask of valid steps."""
    has_lengths = _has_lengths(op, site)
    states = site.inputs[1:-1] if has_lengths else site.inputs[1:]
    given: dict[str, Any] = {}
    if states and op.bidirectional:
        halves = (py.Slice(upper=py.literal(op.units)), py.Slice(lower=py.literal(op.units)))
        parts = [py.subscript(x, (py.Slice(), half)) for half in halves for x in states]
        given["initial_state"] = py.value(parts)
    elif states:
        given["initial_state"] = py.value(list(states))
    if has_lengths:
        valid = py.call(site.piece("valid_steps"), site.input, site.inputs[-1])
        given["mask"] = site.step(valid, "valid")
    return given


def _has_lengths(op: Recurrent, site: Site) -> bool:
    return op.has_lengths(tuple(value.type for value in site.node.inputs))


def _options(op: Recurrent, site: Site) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if isinstance(op, SimpleRNN):
        options |= only(op.nonlinearity != "tanh", activation=op.nonlinearity)
    if isinstance(op, GRU):
        options["reset_after"] = op.reset_after
    if isinstance(op, LSTM):
        options["unit_forget_bias"] = False
    options["return_sequences"] = op.return_sequences
    options |= _beginnings(op, site)
    # Without sequences the last output is asked for, which padding must not make 0.
    options |= only(_has_lengths(op, site) and op.return_sequences, zero_output_for_mask=True)
    options |= only(op.return_state, return_state=True)
    return options | only(op.reverse, go_backwards=True)


def _beginnings(op: Recurrent, site: Site) -> dict[str, Any]:
    """How the weights begin."""
    features = site.weight("weight_ih_l0").shape[1]
    fans = (features, op.gates * op.units)
    options = site.begins("kernel_initializer", "weight_ih_l0", "glorot_uniform", fans)
    fans = (op.units, op.gates * op.units)
    options |= site.begins("recurrent_initializer", "weight_hh_l0", "orthogonal", fans)
    if not op.bias:
        return options | {"use_bias": False}
    return options | site.begins("bias_initializer", "bias_ih_l0", "zeros")


def _stored(op: Recurrent, prefix: str, end: str) -> dict[str, Place]:
    order = _BLOCKS if isinstance(op, GRU) else ()
    cell = f"{prefix}cell"
    stored: dict[str, Place] = {
        f"weight_ih_l0{end}": (f"{cell}.kernel", (1, 0), Rows(order)),
        f"weight_hh_l0{end}": (f"{cell}.recurrent_kernel", (1, 0), Rows(order)),
    }
    if not op.bias:
        return stored
    if isinstance(op, GRU) and op.reset_after:
        for row, half in enumerate(("ih", "hh")):
            stored[f"bias_{half}_l0{end}"] = (f"{cell}.bias", (0,), Rows(order, row))
    else:
        stored[f"bias_ih_l0{end}"] = (f"{cell}.bias", (0,), Rows(order))
    return stored


def _single(op: Recurrent, site: Site) -> py.Expr:
    stored = _stored(op, "", "")
    return site.layer(f"layers.{op.word}", op.units, **_options(op, site), stored=stored)


def _bidirectional(op: Recurrent, site: Site) -> py.Expr:
    stored = _stored(op, "forward_layer.", "") | _stored(op, "backward_layer.", "_reverse")
    # The wrapper does not hand its own `trainable` on.
    frozen = only(not op.trainable, trainable=False)
    inner = py.call(f"layers.{op.word}", op.units, **_options(op, site), **frozen)
    mode = _MERGES[op.merge]
    return site.layer("layers.Bidirectional", inner, merge_mode=mode, stored=stored)
