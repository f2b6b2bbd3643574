"""Recurrent layers: the last but one axis of an example is time, [T, features]."""

from __future__ import annotations

from typing import Literal

from nnc.compiler.vocabulary.base import Mistake
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.ops.base import Example, Weight, example
from nnc.compiler.vocabulary.ops.recurrence import Recurrent


class SimpleRNN(Recurrent):
    """A recurrent layer without gates (Elman 1990): h' = tanh(W x + R h + b), one bias;
    with `nonlinearity=relu`, max(0, ·) takes the place of tanh. [T, features] -> [T, units].

    Results: the outputs of all steps (or of the last), then with `return_state` the last h.
    `reverse` reads from the end; its outputs stand in the order of the input. `bidirectional` reads
    both ways: `merge` joins the outputs, [forward, backward] side by side, their sum or their mean;
    states always stand side by side. Inputs: the sequence; then the initial h, zero without; then
    the length, one whole number an example, known by its type: `(x, n) -> SimpleRNN(8)`, `(x, h, n)
    -> SimpleRNN(8)`. Steps from the length on are padding: they are not read, in either direction,
    their outputs are 0, and the last step is the last within the length. A length below 1 counts as
    1, one above T as T. Each of several `layers` reads what the one below gives, both directions
    side by side; states are those of all layers, the lowest in front.

    `dropout`: in training a `Dropout` of the outputs of each layer but the last, drawn by the place
    in [batch, T, features].

    weight_ih_l0: [units, features], weight_hh_l0: [units, units], bias_ih_l0: [units]; bias_hh_l0
    is always 0, and stands there because PyTorch has it. The second direction's end in _reverse,
    those of the second layer have l1.
    """

    word = "SimpleRNN"
    aliases = ("RNN", "simple_rnn")
    argument_aliases = {**Recurrent.argument_aliases, "activation": "nonlinearity"}
    results = ("output", "hidden")
    arity = (1, 3)
    gates = 1

    nonlinearity: Literal["tanh", "relu"] = Field("tanh", description="what makes the new state")

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        both = cls(units=2, bidirectional=True, merge="sum", return_sequences=False)
        return (
            example(cls(units=3), "f32[5, 4]"),
            example(cls(units=3, nonlinearity="relu", return_state=True), "f32[T, 4]", "f32[3]"),
            example(cls(units=3, bias=False, reverse=True), "f32[5, 2]"),
            example(both.replace(return_state=True), "f32[T, 3]", "f32[4]"),
            example(cls(units=3, return_state=True), "f32[5, 4]", "f32[3]", "i64", highest=7),
            example(both.replace(merge="mean"), "f32[T, 3]", "i32", highest=7),
            example(both.replace(layers=2), "f32[T, 3]", "i32", highest=7),
            example(both.replace(layers=2, dropout=0.3, nonlinearity="relu"), "f32[T, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(3, nonlinearity=sigmoid)", "E203"),
            Mistake("(3, merge=sum)", "E203"),
            Mistake("(3)", "E306", "f32[5, 4]", "f32[3]", "f32[3]"),
            Mistake("(3)", "E301", "f32[5, 4]", "i64[5]"),
        )


class GRU(Recurrent):
    """Gated recurrent units (Cho et al. 2014), as PyTorch and Keras compute them: [T, features] ->
    [T, units].

    r, z = sigmoid(W x + b + R h + c), n = tanh(W x + b + r·(R h + c)), h' = (1 - z)·n + z·h, with
    two trained biases. `reset_after=false` gives the first published cell, which has one bias:
    n = tanh(W x + b + R (r·h)).

    Results: the outputs of all steps (or of the last), then with `return_state` the last h.
    `reverse` reads from the end; its outputs stand in the order of the input. `bidirectional` reads
    both ways: `merge` joins the outputs, [forward, backward] side by side, their sum or their mean;
    states always stand side by side. Inputs: the sequence; then the initial h, zero without; then
    the length, one whole number an example, known by its type: `(x, n) -> GRU(8)`, `(x, h, n) ->
    GRU(8)`. Steps from the length on are padding: they are not read, in either direction, their
    outputs are 0, and the last step is the last within the length. A length below 1 counts as 1,
    one above T as T. Each of several `layers` reads what the one below gives, both directions side
    by side; states are those of all layers, the lowest in front.

    `dropout`: in training a `Dropout` of the outputs of each layer but the last, drawn by the place
    in [batch, T, features].

    weight_ih_l0: [3·units, features], weight_hh_l0: [3·units, units], bias_ih_l0 and bias_hh_l0:
    [3·units], rows in the order r, z, n. The second direction's end in _reverse, those of the
    second layer have l1.
    """

    word = "GRU"
    aliases = ("gru",)
    results = ("output", "hidden")
    arity = (1, 3)
    gates = 3
    second_bias = "trained"

    reset_after: bool = Field(
        True, description="apply the reset gate after the matrix product, not before"
    )

    def _biases(self, end: str) -> list[Weight]:
        biases = super()._biases(end)
        return biases if self.reset_after else biases[:1]

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        both = cls(units=2, bidirectional=True, return_state=True)
        before = cls(units=3, reset_after=False)
        return (
            example(cls(units=3), "f32[5, 4]"),
            example(cls(units=3, bias=False, reverse=True), "f32[T, 4]"),
            example(cls(units=3, return_state=True), "f32[5, 4]", "f32[3]", "i64", highest=7),
            example(both.replace(merge="mean"), "f32[5, 3]", "f32[4]", "i64", highest=7),
            example(both.replace(merge="sum", return_sequences=False), "f32[T, 3]"),
            example(before, "f32[T, 4]"),
            example(before.replace(reverse=True), "f32[5, 4]", "f32[3]", "i64", highest=7),
            example(both.replace(reset_after=False), "f32[5, 3]", "f32[4]", "i32", highest=7),
            example(both.replace(reset_after=False, bias=False, merge="sum"), "f32[5, 3]"),
            example(before.replace(layers=2), "f32[T, 4]"),
            example(
                both.replace(layers=2, reset_after=False, return_sequences=False),
                *("f32[5, 3]", "f32[8]", "i32"),
                highest=7,
            ),
            example(cls(units=3, layers=3, reverse=True), "f32[5, 4]", "i64", highest=7),
            example(
                cls(units=3, layers=3, reverse=True, dropout=0.4), "f32[5, 4]", "i64", highest=7
            ),
            example(before.replace(layers=2, dropout=0.2, bidirectional=True), "f32[T, 4]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(3, reset_after=1)", "E203"),
            Mistake("(3)", "E301", "f32[5, 4]", "f32[4]"),
            Mistake("(3)", "E306", "f32[5, 4]", "f32[3]", "f32[3]"),
            Mistake("(3)", "E301", "f32[5, 4]", "i64", "f32[3]"),
        )


class LSTM(Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber 1997): [T, features] -> [T, units].

    i, f, o = sigmoid(W x + R h + b), g = tanh(W x + R h + b), c' = f·c + i·g, h' = o·tanh(c'); one
    bias a gate.

    Results: the outputs of all steps (or of the last), then with `return_state` the last h and c.
    `reverse` reads from the end; its outputs stand in the order of the input. `bidirectional` reads
    both ways: `merge` joins the outputs, [forward, backward] side by side, their sum or their mean;
    states always stand side by side. Inputs: the sequence; then the initial h and c, zero without;
    then the length, one whole number an example, known by its type: `(x, n) -> LSTM(8)`, `(x, h, c,
    n) -> LSTM(8)`. Steps from the length on are padding: they are not read, in either direction,
    their outputs are 0, and the last step is the last within the length. A length below 1 counts as
    1, one above T as T. Each of several `layers` reads what the one below gives, both directions
    side by side; states are those of all layers, the lowest in front.

    `dropout`: in training a `Dropout` of the outputs of each layer but the last, drawn by the place
    in [batch, T, features].

    weight_ih_l0: [4·units, features], weight_hh_l0: [4·units, units], bias_ih_l0: [4·units], rows
    in the order i, f, g, o; bias_hh_l0 is always 0, and stands there because PyTorch has it. The
    second direction's end in _reverse, those of the second layer have l1.
    """

    word = "LSTM"
    aliases = ("lstm",)
    results = ("output", "hidden", "cell")
    arity = (1, 4)
    gates = 4

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        both = cls(units=2, bidirectional=True)
        return (
            example(cls(units=3), "f32[5, 4]"),
            example(cls(units=3, return_sequences=False), "f32[T, 4]"),
            example(cls(units=3, reverse=True), "f32[5, 2]"),
            example(cls(units=3, return_state=True), "f32[5, 4]", "f32[3]", "f32[3]"),
            example(cls(units=3, bidirectional=True, return_state=True), "f32[T, 4]"),
            example(both.replace(return_sequences=False), "f32[5, 3]"),
            example(both, "f32[5, 3]", "f32[4]", "f32[4]"),
            example(both.replace(merge="mean", bias=False), "f32[5, 3]"),
            example(cls(units=3, reverse=True, return_state=True), "f32[T, 4]", "i64", highest=9),
            example(
                both.replace(return_state=True, return_sequences=False, merge="sum"),
                *("f32[5, 3]", "f32[4]", "f32[4]", "i64"),
                highest=7,
            ),
            example(both, "f32[5, 3]", "u8", highest=7),
            example(cls(units=3, layers=2, return_sequences=False), "f32[T, 4]"),
            example(
                both.replace(layers=2, return_state=True),
                *("f32[5, 3]", "f32[8]", "f32[8]", "i64"),
                highest=7,
            ),
            example(both.replace(layers=2, return_sequences=False, merge="sum"), "f32[5, 3]"),
            example(cls(units=3, layers=3, dropout=0.3, reverse=True), "f32[T, 4]"),
            example(
                both.replace(layers=2, dropout=0.4, return_state=True),
                *("f32[5, 3]", "f32[8]", "f32[8]", "i64"),
                highest=7,
            ),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(0)", "E203"),
            Mistake("(3, layers=0)", "E203"),
            Mistake("(3, layers=2, dropout=1.0)", "E203"),
            Mistake("(3, dropout=0.5)", "E203", "f32[5, 4]"),
            Mistake("(3, layers=1001)", "E203", "f32[5, 4]"),
            Mistake("(3, layers=2)", "E301", "f32[5, 4]", "f32[3]", "f32[3]"),
            Mistake("(3)", "E301", "f32[4]"),
            Mistake("(3)", "E306", "f32[5, 4]", "f32[3]"),
            Mistake("(3)", "E301", "f32[5, 4]", "f32[4]", "f32[4]"),
            Mistake("(3, reverse=true, bidirectional=true)", "E203"),
            Mistake("(3)", "E303", "f32[5, F]"),
            Mistake("(3)", "E306", "f32[5, 4]", "f32[3]", "i64"),
        )
