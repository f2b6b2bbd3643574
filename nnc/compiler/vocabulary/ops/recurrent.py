"""Recurrent layers: the last but one axis of an example is time, [T, features]."""

from __future__ import annotations

from pydantic import Field

from nnc.compiler.vocabulary.base import Mistake, PositiveInt, Rejected
from nnc.compiler.vocabulary.initializers import GlorotUniform, Initializer, Orthogonal, Zeros
from nnc.compiler.vocabulary.ops.base import (
    Example,
    Op,
    Types,
    Weight,
    example,
    known,
    require_float,
    require_rank,
)
from nnc.compiler.vocabulary.penalties import Penalty


class LSTM(Op):
    """Long short-term memory (Hochreiter and Schmidhuber 1997): [T, features] -> [T, units].

    i, f, o = sigmoid(W x + R h + b), g = tanh(W x + R h + b), c' = f·c + i·g, h' = o·tanh(c'); one
    bias a gate. Results: the outputs of all steps (or of the last), then with `return_state` the
    last h and the last c. `bidirectional` joins [forward, backward] in outputs and states.
    `reverse` reads from the end; its outputs stand in the order of the input. Inputs 2 and 3 are
    the initial h and c, zero without them. weight_ih_l0: [4·units, features], weight_hh_l0:
    [4·units, units], bias_ih_l0: [4·units], rows in the order i, f, g, o; bias_hh_l0 is always 0,
    and stands there because PyTorch has it.
    """

    word = "LSTM"
    aliases = ("lstm",)
    positional = ("units",)
    argument_aliases = {
        "hidden_size": "units",
        "go_backwards": "reverse",
        "kernel_initializer": "weight_init",
        "recurrent_initializer": "recurrent_init",
        "bias_initializer": "bias_init",
    }
    results = ("output", "hidden", "cell")
    arity = (1, 3)

    units: PositiveInt = Field(description="size of the state")
    return_sequences: bool = Field(True, description="false: the output of the last step alone")
    return_state: bool = Field(False, description="give the last hidden and cell state as well")
    bidirectional: bool = Field(False, description="read in both directions")
    reverse: bool = Field(False, description="read from the end")
    weight_init: Initializer = Field(GlorotUniform(), description="how the input weights begin")
    recurrent_init: Initializer = Field(Orthogonal(), description="how the recurrent weights begin")
    bias_init: Initializer = Field(Zeros(), description="how the biases begin")
    regularize: Penalty | None = Field(None, description="penalty on the input weights")
    trainable: bool = Field(True, description="false: training leaves the weights as they are")

    @property
    def directions(self) -> tuple[str, ...]:
        """The endings of the weights' names, one for each direction."""
        return ("", "_reverse") if self.bidirectional else ("",)

    def result_names(self) -> tuple[str, ...]:
        return self.results if self.return_state else self.results[:1]

    def infer(self, inputs: Types) -> Types:
        x = inputs[0]
        require_float(self, inputs)
        require_rank(self, x, 2, "time, features")
        known(self, x.shape[1], "the number of features")
        if self.bidirectional and self.reverse:
            raise Rejected(
                "E203",
                "`reverse` and `bidirectional` of `LSTM` exclude each other",
                argument="reverse",
                label="a bidirectional LSTM reads from the end as well",
            )
        width = self.units * len(self.directions)
        state = x.with_shape((width,))
        if len(inputs) == 2:
            raise Rejected(
                "E306",
                "`LSTM` takes the sequence alone, or the sequence, the hidden and the cell state",
                input=1,
                label="the cell state is missing",
            )
        for number, given in enumerate(inputs[1:], 1):
            if given != state:
                raise Rejected(
                    "E301",
                    f"the initial state of `LSTM` must be `{state}`, but is `{given}`",
                    input=number,
                    label=f"this is `{given}`",
                )
        output = x.with_shape((x.shape[0], width)) if self.return_sequences else state
        return (output, state, state) if self.return_state else (output,)

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        features = known(self, inputs[0].shape[1], "the number of features")
        made: list[Weight] = []
        for end in self.directions:
            made += self._direction(features, end)
        return tuple(made)

    def _direction(self, features: int, end: str) -> list[Weight]:
        u, train = self.units, self.trainable
        return [
            Weight(
                f"weight_ih_l0{end}",
                (4 * u, features),
                self.weight_init,
                features,
                u,
                trainable=train,
                penalty=self.regularize,
            ),
            Weight(f"weight_hh_l0{end}", (4 * u, u), self.recurrent_init, u, u, trainable=train),
            Weight(
                f"bias_ih_l0{end}", (4 * u,), self.bias_init, u, u, trainable=train, penalized=False
            ),
            Weight(f"bias_hh_l0{end}", (4 * u,), role="fixed", trainable=False, penalized=False),
        ]

    def cost(self, inputs: Types) -> int:
        steps, features = inputs[0].shape
        per_step = 4 * self.units * (known(self, features, "the number of features") + self.units)
        return per_step * len(self.directions) * (steps if isinstance(steps, int) else 1)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(units=3), "f32[5, 4]"),
            example(cls(units=3, return_sequences=False), "f32[T, 4]"),
            example(cls(units=3, reverse=True), "f32[5, 2]"),
            example(cls(units=3, return_state=True), "f32[5, 4]", "f32[3]", "f32[3]"),
            example(cls(units=3, bidirectional=True, return_state=True), "f32[T, 4]"),
            example(cls(units=2, bidirectional=True, return_sequences=False), "f32[5, 3]"),
            example(cls(units=2, bidirectional=True), "f32[5, 3]", "f32[4]", "f32[4]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(0)", "E203"),
            Mistake("(3)", "E301", "f32[4]"),
            Mistake("(3)", "E306", "f32[5, 4]", "f32[3]"),
            Mistake("(3)", "E301", "f32[5, 4]", "f32[4]", "f32[4]"),
            Mistake("(3, reverse=true, bidirectional=true)", "E203"),
            Mistake("(3)", "E303", "f32[5, F]"),
        )
