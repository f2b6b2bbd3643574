"""Recurrent layers."""

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pad_packed_sequence,
)


def split_directions(state: Tensor, units: int) -> Tensor:
    """[N, directions * units] -> [directions, N, units]"""
    return torch.stack(state.split(units, dim=1))


def join_directions(state: Tensor) -> Tensor:
    """[directions, N, units] -> [N, directions * units]"""
    return state.transpose(0, 1).flatten(1)


def merged(y: Tensor, units: int, merge: str) -> Tensor:
    """The outputs of both directions, side by side, as their sum or their mean."""
    both = y.unflatten(-1, (-1, units))
    if merge == "concat":
        return y
    return both.sum(-2) if merge == "sum" else both.mean(-2)


def backwards(x: Tensor, lengths: Tensor | None) -> Tensor:
    """The steps of [N, T, features] from the last to the first, padding left behind."""
    if lengths is None:
        return x.flip(1)
    steps = torch.arange(x.shape[1], device=x.device)
    last = lengths.clamp(1, x.shape[1])[:, None] - 1
    places = torch.where(steps <= last, last - steps, steps)
    return x.gather(1, places[:, :, None].expand_as(x))


def packed(x: Tensor, lengths: Tensor | None) -> Any:
    """Sequences without their padding; a length is at least 1."""
    if lengths is None:
        return x
    whole = lengths.long().clamp(1, x.shape[1]).cpu()
    return pack_padded_sequence(x, whole, batch_first=True, enforce_sorted=False)


def padded(y: Any, steps: int) -> Tensor:
    """Packed sequences as [N, T, units] with zeros behind the ends."""
    if not isinstance(y, PackedSequence):
        return y
    return pad_packed_sequence(y, batch_first=True, total_length=steps)[0]


class Levels:
    """Runs the levels of a layer over x one after the other, with dropout in between.

    PyTorch's own dropout draws other numbers.
    """

    runs: ClassVar[dict[str, Any]] = {
        "LSTM": torch.lstm,
        "GRU": torch.gru,
        "RNN_TANH": torch.rnn_tanh,
        "RNN_RELU": torch.rnn_relu,
    }

    def __init__(self, layer: Any, dropout: nn.ModuleList | None, x: Tensor) -> None:
        self.layer, self.dropout, self.x = layer, dropout, x

    def __call__(self, steps: Any, state: Any) -> tuple[Any, Any]:
        """The outputs of all steps and the last state, as the layer gives them."""
        layer, ends = self.layer, []
        directions = 2 if layer.bidirectional else 1
        if state is None:
            count = layer.num_layers * directions
            state = self.x.new_zeros(count, len(self.x), layer.hidden_size)
            state = (state, state) if layer.mode == "LSTM" else state
        states = state if isinstance(state, tuple) else (state,)
        for level in range(layer.num_layers):
            if level and self.dropout:
                steps = self.dropped(steps, self.dropout[level - 1])
            part = slice(level * directions, (level + 1) * directions)
            weights = [w for own in layer.all_weights[part] for w in own]
            steps, last = self.run(steps, [h[part] for h in states], weights)
            ends.append(last)
        made = tuple(torch.cat(parts) for parts in zip(*ends, strict=True))
        return steps, made if len(made) > 1 else made[0]

    def run(self, steps: Any, states: list[Tensor], weights: list[Tensor]) -> Any:
        """The outputs of one level, and its last states."""
        layer, run = self.layer, self.runs[self.layer.mode]
        options = [weights, layer.bias, 1, 0.0, layer.training, layer.bidirectional]
        if isinstance(steps, PackedSequence):  # when: lengths
            data, sizes, order, back = steps  # when: lengths
            begins = [h[:, order] for h in states]  # when: lengths
            begin = begins if len(begins) > 1 else begins[0]  # when: lengths
            data, *last = run(data, sizes, begin, *options)  # when: lengths
            last = [h[:, back] for h in last]  # when: lengths
            return steps._replace(data=data), last  # when: lengths
        y, *last = run(steps, states if len(states) > 1 else states[0], *options, True)
        return y, last

    def dropped(self, steps: Any, dropout: nn.Module) -> Any:
        """The steps with some dropped, by their place in the order of the input."""
        lengths, most = None, self.x.shape[1]  # when: lengths
        if isinstance(steps, PackedSequence):  # when: lengths
            steps, lengths = pad_packed_sequence(steps, True, 0, most)  # when: lengths
        if not self.layer.reverse:
            steps = dropout(steps)
        else:
            steps = dropout(steps.flip(1)).flip(1)  # when: not lengths
            steps = dropout(backwards(steps, lengths))  # when: lengths
            steps = backwards(steps, lengths)  # when: lengths
        return steps  # when: not lengths
        return packed(steps, lengths)  # when: lengths


class LSTM(nn.LSTM):
    """An LSTM over [N, T, features] with one bias for each gate.

    PyTorch has two, of which the second, `bias_hh`, stays 0 here. Gives the outputs of
    all steps, the last hidden and the last cell state, both directions side by side.
    """

    def __init__(
        self,
        features: int,
        units: int,
        bidirectional: bool = False,
        reverse: bool = False,
        bias: bool = True,
        layers: int = 1,  # when: layers
        merge: str = "concat",  # when: merge
        last: bool = False,  # when: merge
    ) -> None:
        super().__init__(
            features,
            units,
            num_layers=layers,  # when: layers
            bias=bias,
            batch_first=True,
            bidirectional=bidirectional,
        )
        self.reverse = reverse
        self.merge, self.last = merge, last  # when: merge
        for name, weight in self.named_parameters():
            if name.startswith("bias_hh"):
                nn.init.zeros_(weight).requires_grad_(False)

    def forward(
        self,
        x: Tensor,
        hidden: Tensor | None = None,
        cell: Tensor | None = None,
        lengths: Tensor | None = None,  # when: lengths
        dropout: nn.ModuleList | None = None,  # when: between
    ) -> tuple[Tensor, Tensor, Tensor]:
        state, steps = None, x
        if hidden is not None and cell is not None:
            units = self.hidden_size
            state = (split_directions(hidden, units), split_directions(cell, units))
        if self.reverse:
            steps = x.flip(1)  # when: not lengths
            steps = backwards(x, lengths)  # when: lengths
        steps = packed(steps, lengths)  # when: lengths
        y, (hidden, cell) = super().forward(steps, state)  # when: not between
        layers = Levels(self, dropout, x)  # when: between
        y, (hidden, cell) = layers(steps, state)  # when: between
        y = padded(y, x.shape[1])  # when: lengths
        if self.reverse:
            y = y.flip(1)  # when: not lengths
            y = backwards(y, lengths)  # when: lengths
        hidden, cell = join_directions(hidden), join_directions(cell)
        width = y.shape[-1]  # when: merge
        y = hidden[:, -width:] if self.last else y  # when: merge
        y = merged(y, self.hidden_size, self.merge)  # when: merge
        return y, hidden, cell


class GRU(nn.GRU):
    """A GRU over [N, T, features].

    Gives the outputs of all steps and the last state, both directions side by side.
    """

    def __init__(
        self,
        features: int,
        units: int,
        bidirectional: bool = False,
        reverse: bool = False,
        bias: bool = True,
        layers: int = 1,  # when: layers
        merge: str = "concat",  # when: merge
        last: bool = False,  # when: merge
    ) -> None:
        super().__init__(
            features,
            units,
            num_layers=layers,  # when: layers
            bias=bias,
            batch_first=True,
            bidirectional=bidirectional,
        )
        self.reverse = reverse
        self.merge, self.last = merge, last  # when: merge

    def forward(
        self,
        x: Tensor,
        hidden: Tensor | None = None,
        lengths: Tensor | None = None,  # when: lengths
        dropout: nn.ModuleList | None = None,  # when: between
    ) -> tuple[Tensor, Tensor]:
        steps = x
        if hidden is not None:
            hidden = split_directions(hidden, self.hidden_size)
        if self.reverse:
            steps = x.flip(1)  # when: not lengths
            steps = backwards(x, lengths)  # when: lengths
        steps = packed(steps, lengths)  # when: lengths
        y, hidden = super().forward(steps, hidden)  # when: not between
        layers = Levels(self, dropout, x)  # when: between
        y, hidden = layers(steps, hidden)  # when: between
        y = padded(y, x.shape[1])  # when: lengths
        if self.reverse:
            y = y.flip(1)  # when: not lengths
            y = backwards(y, lengths)  # when: lengths
        hidden = join_directions(hidden)
        width = y.shape[-1]  # when: merge
        y = hidden[:, -width:] if self.last else y  # when: merge
        y = merged(y, self.hidden_size, self.merge)  # when: merge
        return y, hidden


class SimpleRNN(nn.RNN):
    """A recurrent layer without gates over [N, T, features], with one bias.

    PyTorch has two, of which the second, `bias_hh`, stays 0 here. Gives the outputs of
    all steps and the last state, both directions side by side.
    """

    def __init__(
        self,
        features: int,
        units: int,
        nonlinearity: str = "tanh",
        bidirectional: bool = False,
        reverse: bool = False,
        bias: bool = True,
        layers: int = 1,  # when: layers
        merge: str = "concat",  # when: merge
        last: bool = False,  # when: merge
    ) -> None:
        super().__init__(
            features,
            units,
            num_layers=layers,  # when: layers
            nonlinearity=nonlinearity,
            bias=bias,
            batch_first=True,
            bidirectional=bidirectional,
        )
        self.reverse = reverse
        self.merge, self.last = merge, last  # when: merge
        for name, weight in self.named_parameters():
            if name.startswith("bias_hh"):
                nn.init.zeros_(weight).requires_grad_(False)

    def forward(
        self,
        x: Tensor,
        hidden: Tensor | None = None,
        lengths: Tensor | None = None,  # when: lengths
        dropout: nn.ModuleList | None = None,  # when: between
    ) -> tuple[Tensor, Tensor]:
        steps = x
        if hidden is not None:
            hidden = split_directions(hidden, self.hidden_size)
        if self.reverse:
            steps = x.flip(1)  # when: not lengths
            steps = backwards(x, lengths)  # when: lengths
        steps = packed(steps, lengths)  # when: lengths
        y, hidden = super().forward(steps, hidden)  # when: not between
        layers = Levels(self, dropout, x)  # when: between
        y, hidden = layers(steps, hidden)  # when: between
        y = padded(y, x.shape[1])  # when: lengths
        if self.reverse:
            y = y.flip(1)  # when: not lengths
            y = backwards(y, lengths)  # when: lengths
        hidden = join_directions(hidden)
        width = y.shape[-1]  # when: merge
        y = hidden[:, -width:] if self.last else y  # when: merge
        y = merged(y, self.hidden_size, self.merge)  # when: merge
        return y, hidden


class ResetBeforeGRU(nn.Module):
    """A GRU over [N, T, features] whose reset gate acts before the matrix product.

    PyTorch has none. There is one bias for each gate. Gives the outputs of all steps
    and the last state, both directions side by side.
    """

    def __init__(
        self,
        features: int,
        units: int,
        bidirectional: bool = False,
        reverse: bool = False,
        bias: bool = True,
        layers: int = 1,  # when: layers
        merge: str = "concat",  # when: merge
        last: bool = False,  # when: merge
    ) -> None:
        super().__init__()
        self.units = units
        self.reverse = reverse
        self.merge, self.last = merge, last  # when: merge
        ends = ("", "_reverse") if bidirectional else ("",)
        self.directions = len(ends)
        self.ends = [f"_l0{end}" for end in ends]  # when: not layers
        levels = range(layers)  # when: layers
        self.ends = [f"_l{n}{end}" for n in levels for end in ends]  # when: layers
        shapes = {"weight_ih": [3 * units, features], "weight_hh": [3 * units, units]}
        shapes |= {"bias_ih": [3 * units]} if bias else {}
        for end in self.ends:
            if end == "_l1":  # when: layers
                shapes["weight_ih"][1] = len(ends) * units  # when: layers
            for name, shape in shapes.items():
                weight = torch.empty(shape).uniform_(-(units**-0.5), units**-0.5)
                self.register_parameter(name + end, nn.Parameter(weight))

    def forward(
        self,
        x: Tensor,
        hidden: Tensor | None = None,
        lengths: Tensor | None = None,  # when: lengths
        dropout: nn.ModuleList | None = None,  # when: between
    ) -> tuple[Tensor, Tensor]:
        if hidden is None:
            hidden = x.new_zeros(len(x), len(self.ends) * self.units)
        begins = split_directions(hidden, self.units)
        if lengths is None:  # when: lengths
            lengths = x.new_full((len(x),), x.shape[1])  # when: lengths
        lengths = lengths.clamp(min=1)  # when: lengths
        runs = []
        for number, h in enumerate(begins):
            runs.append(self.read(x, h, number))  # when: not lengths
            runs.append(self.read(x, h, number, lengths))  # when: lengths
            if len(runs) % self.directions == 0:  # when: layers
                level = runs[-self.directions :]  # when: layers
                x = torch.cat([y for y, _ in level], -1)  # when: layers
                if dropout and len(runs) < len(begins):  # when: between
                    number = len(runs) // self.directions - 1  # when: between
                    x = dropout[number](x)  # when: between
        y = x  # when: layers
        y = torch.cat([y for y, _ in runs], -1)  # when: not layers
        hidden = torch.cat([h for _, h in runs], -1)
        width = y.shape[-1]  # when: merge
        y = hidden[:, -width:] if self.last else y  # when: merge
        y = merged(y, self.units, self.merge)  # when: merge
        return y, hidden

    def read(
        self,
        x: Tensor,
        h: Tensor,
        number: int,
        lengths: Any = None,  # when: lengths
    ) -> tuple[Tensor, Tensor]:
        """The outputs of all steps and the last state of one direction."""
        end, steps = self.ends[number], list(range(x.shape[1]))
        bias = getattr(self, f"bias_ih{end}", None)
        inputs = F.linear(x, getattr(self, f"weight_ih{end}"), bias)
        weight = getattr(self, f"weight_hh{end}")
        outputs = {}
        backward = self.reverse or end.endswith("_reverse")
        for t in steps[::-1] if backward else steps:
            r, z, n = inputs[:, t].chunk(3, dim=1)
            r_state, z_state = (h @ weight[: 2 * self.units].T).chunk(2, dim=1)
            r, z = (r + r_state).sigmoid(), (z + z_state).sigmoid()
            n = (n + (r * h) @ weight[2 * self.units :].T).tanh()
            after = (1 - z) * n + z * h
            is_read = (t < lengths)[:, None]  # when: lengths
            after = torch.where(is_read, after, h)  # when: lengths
            outputs[t] = after  # when: not lengths
            outputs[t] = after * is_read  # when: lengths
            h = after
        return torch.stack([outputs[t] for t in steps], 1), h
