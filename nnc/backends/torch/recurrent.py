"""Recurrent layers."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Several, Site
from nnc.compiler.vocabulary.ops.recurrent import LSTM


@OPS.lowers(LSTM)
def lstm(op: LSTM, at: Site) -> Lowered:
    options = {name: True for name in ("bidirectional", "reverse") if getattr(op, name)}
    layer = py.call(at.piece("recurrent:LSTM"), at.type.shape[-1], op.units, **options)
    # The last output is the last hidden state, both directions joined.
    first = 0 if op.return_sequences else 1
    places = (first, 1, 2) if op.return_state else (first,)
    return Several(at.apply(layer), 3, places)
