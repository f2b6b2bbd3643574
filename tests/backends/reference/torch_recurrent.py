"""Recurrent layers in PyTorch's own modules, over packed sequences where there are lengths."""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import rnn

from nnc.compiler.vocabulary.ops import recurrent
from nnc.compiler.vocabulary.ops.recurrence import Recurrent

Weights: TypeAlias = dict[str, torch.Tensor]


def recurrent_layer(op: Recurrent, w: Weights, x: torch.Tensor, *given: torch.Tensor) -> Any:
    """Outputs and states of all layers and both directions, each by a layer of its own."""
    lengths = None
    if given and not given[-1].is_floating_point():
        *given, lengths = given  # type: ignore[assignment]
        lengths = lengths.long().clamp(1, x.shape[1])
    count = len(op.directions)
    first = [s.unflatten(1, (op.layers, count, op.units)) for s in given]
    first = first or [x.new_zeros(len(x), op.layers, count, op.units)] * len(op.results[1:])
    outputs, states = [x], []
    for level in range(op.layers):
        x, outputs = torch.cat(outputs, -1), []
        for number, name in enumerate(op.directions):
            mine = [state[:, level, number] for state in first]
            backward = op.reverse or number == 1
            y, last = _run(op)(op, w, f"_l{level}{name}", *_read(x, lengths, backward), mine)
            outputs.append(_turned(y, lengths) if backward else y)
            states.append(last)
    if not op.return_sequences:
        outputs = [last[0] for last in states[-count:]]
    joined = {"concat": lambda ys: torch.cat(ys, -1), "sum": sum, "mean": lambda ys: sum(ys) / 2}
    output = joined[op.merge](outputs)
    last = [torch.cat(parts, 1) for parts in zip(*states, strict=True)]
    return (output, *last) if op.return_state else output


def _run(op: Recurrent) -> Any:
    return _reset_before if isinstance(op, recurrent.GRU) and not op.reset_after else _layer


def _read(x: torch.Tensor, lengths: Any, backward: bool) -> tuple[torch.Tensor, Any]:
    """The sequences as a direction reads them, and their lengths."""
    return (_turned(x, lengths) if backward else x), lengths


def _turned(x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
    """Each sequence backwards within its length."""
    if lengths is None:
        return x.flip(1)
    pairs = zip(x, lengths.tolist(), strict=True)
    return torch.stack([torch.cat([row[:n].flip(0), row[n:]]) for row, n in pairs])


def _layer(
    op: Recurrent, w: Weights, end: str, x: torch.Tensor, lengths: Any, first: Any
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    options = {"nonlinearity": op.nonlinearity} if isinstance(op, recurrent.SimpleRNN) else {}
    kind = nn.RNN if options else getattr(nn, op.word)
    layer = kind(x.shape[2], op.units, bias=op.bias, batch_first=True, **options)
    names = [n for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh") if n + end in w]
    weights = {f"{name}_l0": w[name + end] for name in names}
    states = [s[None].contiguous() for s in first]
    state = tuple(states) if len(states) > 1 else states[0]
    sequence: Any = x
    if lengths is not None:
        sequence = rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    y, last = torch.func.functional_call(layer, weights, (sequence, state))
    if lengths is not None:
        y = rnn.pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])[0]
    return y, [s[0] for s in (last if isinstance(last, tuple) else (last,))]


def _reset_before(
    op: Recurrent, w: Weights, end: str, x: torch.Tensor, lengths: Any, first: Any
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Each example of its own, as long as it is."""
    rows, last = [], []
    bias = w.get(f"bias_ih{end}")
    for number, sequence in enumerate(x):
        h, steps = first[0][number], []
        length = len(sequence) if lengths is None else int(lengths[number])
        for step in sequence[:length]:
            r, z, n = F.linear(step, w[f"weight_ih{end}"], bias).chunk(3)
            of_r, of_z, of_n = w[f"weight_hh{end}"].chunk(3)
            r, z = torch.sigmoid(r + of_r @ h), torch.sigmoid(z + of_z @ h)
            h = (1 - z) * torch.tanh(n + of_n @ (r * h)) + z * h
            steps.append(h)
        rows.append(F.pad(torch.stack(steps), (0, 0, 0, len(sequence) - length)))
        last.append(h)
    return torch.stack(rows), [torch.stack(last)]
