"""Recurrent layers."""

from __future__ import annotations

from typing import Any

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Lowered, Place, Site, only
from nnc.compiler.vocabulary.ops.recurrent import LSTM


@OPS.lowers(LSTM)
def lstm(op: LSTM, site: Site) -> Lowered:
    if op.return_state and not any(site.read[1:]):
        output = lstm(op.replace(return_state=False), site)
        assert not isinstance(output, tuple)
        return (output,)
    layer = _bidirectional(op, site) if op.bidirectional else _single(op, site)
    called = site.apply(layer, site.input)
    if len(site.inputs) > 1:
        called = py.call(layer, site.input, initial_state=_initial_state(op, site))
    if not op.return_state:
        return _in_order(op, called)
    if not op.bidirectional:
        if not (op.reverse and op.return_sequences):
            return called
        output, hidden, cell = site.unpack(called, "backwards", "hidden", "cell")
        return _in_order(op, output), hidden, cell
    output, *states = site.unpack(called, "both", "hidden", "cell", "hidden_back", "cell_back")
    joined = (py.call("ops.concatenate", states[i::2], axis=-1) for i in (0, 1))
    return output, *joined


def _in_order(op: LSTM, output: py.Expr) -> py.Expr:
    """Keras gives what it reads backwards in the order in which it read it."""
    if op.reverse and op.return_sequences:
        return py.call("ops.flip", output, axis=1)
    return output


def _initial_state(op: LSTM, site: Site) -> py.Expr:
    hidden, cell = site.inputs[1:]
    if not op.bidirectional:
        return py.value([hidden, cell])
    halves = (py.Slice(upper=py.literal(op.units)), py.Slice(lower=py.literal(op.units)))
    parts = [py.subscript(x, (py.Slice(), half)) for half in halves for x in (hidden, cell)]
    return py.value(parts)


def _options(op: LSTM, site: Site) -> dict[str, Any]:
    features = site.weight("weight_ih_l0").shape[1]
    options: dict[str, Any] = {
        "unit_forget_bias": False,
        "return_sequences": op.return_sequences,
    }
    fans = (features, 4 * op.units)
    options |= site.begins("kernel_initializer", "weight_ih_l0", "glorot_uniform", fans)
    fans = (op.units, 4 * op.units)
    options |= site.begins("recurrent_initializer", "weight_hh_l0", "orthogonal", fans)
    options |= site.begins("bias_initializer", "bias_ih_l0", "zeros")
    if op.return_state:
        options["return_state"] = True
    if op.reverse:
        options["go_backwards"] = True
    return options


def _stored(prefix: str, end: str) -> dict[str, Place]:
    return {
        f"weight_ih_l0{end}": (f"{prefix}cell.kernel", (1, 0)),
        f"weight_hh_l0{end}": (f"{prefix}cell.recurrent_kernel", (1, 0)),
        f"bias_ih_l0{end}": (f"{prefix}cell.bias", (0,)),
    }


def _single(op: LSTM, site: Site) -> py.Expr:
    return site.layer("layers.LSTM", op.units, **_options(op, site), stored=_stored("", ""))


def _bidirectional(op: LSTM, site: Site) -> py.Expr:
    stored = _stored("forward_layer.", "") | _stored("backward_layer.", "_reverse")
    # The wrapper does not hand its own `trainable` on.
    frozen = only(not op.trainable, trainable=False)
    inner = py.call("layers.LSTM", op.units, **_options(op, site), **frozen)
    return site.layer("layers.Bidirectional", inner, merge_mode="concat", stored=stored)
