"""What recurrent layers share: arguments, inputs and results, weights. The last but one axis of an
example is time, [T, features]."""

from __future__ import annotations

from math import prod
from typing import ClassVar, Final, Literal

from nnc.compiler.types import INTEGERS, TensorType
from nnc.compiler.vocabulary.base import PositiveInt, Probability, Rejected
from nnc.compiler.vocabulary.constraints import Constraint
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.initializers import GlorotUniform, Initializer, Orthogonal, Zeros
from nnc.compiler.vocabulary.ops.base import (
    Op,
    Types,
    Weight,
    known,
    require_float,
    require_rank,
)
from nnc.compiler.vocabulary.penalties import Penalty

MAXIMUM_LAYERS: Final = 1000


class Recurrent(Op):
    """What the recurrent layers share: their arguments, inputs, results, and names of weights.

    Weights are named as PyTorch names those of a layer of its own: weight_ih_l0, weight_hh_l0,
    bias_ih_l0, bias_hh_l0, and the same with _reverse for the second direction; with l1 for the
    second of `layers`, which reads what the first gives, both directions side by side.

    `dropout` is a `Dropout` of what each layer but the last gives, drawn by the place in [batch, T,
    features] for the name of the layer with `.l0`, `.l1` behind it.
    """

    gates: ClassVar[int]
    """Blocks of rows in each weight."""
    second_bias: ClassVar[Literal["trained", "fixed"]] = "fixed"
    positional = ("units",)
    argument_aliases = {
        "hidden_size": "units",
        "num_layers": "layers",
        "go_backwards": "reverse",
        "merge_mode": "merge",
        "use_bias": "bias",
        "kernel_initializer": "weight_init",
        "recurrent_initializer": "recurrent_init",
        "bias_initializer": "bias_init",
        "kernel_regularizer": "regularize",
        "recurrent_regularizer": "recurrent_regularize",
        "bias_regularizer": "bias_regularize",
        "kernel_constraint": "constraint",
    }

    units: PositiveInt = Field(description="size of the state")
    layers: PositiveInt = Field(1, description="how many stand on top of each other")
    dropout: Probability = Field(
        0.0, description="the share of what each of the lower layers gives that training drops"
    )
    return_sequences: bool = Field(True, description="false: the output of the last step alone")
    return_state: bool = Field(False, description="give the last state as well")
    bidirectional: bool = Field(False, description="read in both directions")
    merge: Literal["concat", "sum", "mean"] = Field(
        "concat", description="how the outputs of both directions are joined"
    )
    reverse: bool = Field(False, description="read from the end")
    bias: bool = Field(True, description="add a trained bias")
    weight_init: Initializer = Field(GlorotUniform(), description="how the input weights begin")
    recurrent_init: Initializer = Field(Orthogonal(), description="how the recurrent weights begin")
    bias_init: Initializer = Field(Zeros(), description="how the biases begin")
    regularize: Penalty | None = Field(None, description="penalty on the input weights")
    recurrent_regularize: Penalty | None = Field(None, description="that on the recurrent ones")
    bias_regularize: Penalty | None = Field(None, description="penalty on the biases")
    constraint: Constraint | None = Field(
        None, description="what the input weights are brought back to after every update"
    )
    recurrent_constraint: Constraint | None = Field(None, description="that of the recurrent ones")
    bias_constraint: Constraint | None = Field(
        None, description="the same for the biases, each element of which is a unit"
    )
    trainable: bool = Field(True, description="false: training leaves the weights as they are")

    @property
    def is_random(self) -> bool:
        return self.dropout > 0

    @property
    def directions(self) -> tuple[str, ...]:
        """The endings of the weights' names, one for each direction."""
        return ("", "_reverse") if self.bidirectional else ("",)

    def ends(self, level: int) -> tuple[str, ...]:
        """The endings of the weights' names of one of the layers: `_l0`, `_l0_reverse`."""
        return tuple(f"_l{level}{end}" for end in self.directions)

    def result_names(self) -> tuple[str, ...]:
        return self.results if self.return_state else self.results[:1]

    @staticmethod
    def has_lengths(inputs: Types) -> bool:
        """Whether the last input is the lengths."""
        return len(inputs) > 1 and inputs[-1].dtype in INTEGERS

    def infer(self, inputs: Types) -> Types:
        x = inputs[0]
        lengths = inputs[-1:] if self.has_lengths(inputs) else ()
        states = inputs[1 : len(inputs) - len(lengths)]
        require_float(self, (x,))
        require_rank(self, x, 2, "time, features")
        known(self, x.shape[1], "the number of features")
        self._check_directions()
        width = self.units * len(self.directions)
        state = x.with_shape((width * self.layers,))
        self._check_states(states, state)
        for given in lengths:
            require_rank(self, given, 0, "", len(inputs) - 1)
        last = x.with_shape((width if self.merge == "concat" else self.units,))
        output = x.with_shape((x.shape[0], *last.shape)) if self.return_sequences else last
        return (output, *(state for _ in self.results[1:])) if self.return_state else (output,)

    def _check_directions(self) -> None:
        if self.layers > MAXIMUM_LAYERS:
            message = f"`layers` of `{self.word}` must be at most {MAXIMUM_LAYERS}"
            raise Rejected("E203", message, argument="layers", label="too many")
        if self.dropout > 0 and self.layers == 1:
            raise Rejected(
                "E203",
                f"`dropout` of `{self.word}` is that between its `layers`, but there is one",
                argument="dropout",
                label="nothing to drop",
                help=f"put `Dropout({self.dropout:g})` in front of it or behind it as a stage",
            )
        if self.bidirectional and self.reverse:
            raise Rejected(
                "E203",
                f"`reverse` and `bidirectional` of `{self.word}` exclude each other",
                argument="reverse",
                label=f"a bidirectional {self.word} reads from the end as well",
            )
        if self.merge != "concat" and not self.bidirectional:
            raise Rejected(
                "E203",
                f"`merge` of `{self.word}` joins two directions, but there is one",
                argument="merge",
                label="nothing to join",
                help="add `bidirectional=true`, or leave `merge` out",
            )

    def _check_states(self, states: Types, expected: TensorType) -> None:
        names = self.results[1:]
        for number, given in enumerate(states[: len(names)], 1):
            if given != expected:
                raise Rejected(
                    "E301",
                    f"the initial state of `{self.word}` must be `{expected}`, but is `{given}`",
                    input=number,
                    label=f"this is `{given}`",
                )
        if states and len(states) != len(names):
            missing = names[len(states) :]
            raise Rejected(
                "E306",
                f"`{self.word}` takes the sequence alone, or the sequence and the "
                f"{' and the '.join(names)} state",
                input=min(len(states), len(names) + 1),
                label=f"the {missing[0]} state is missing" if missing else "one state too many",
                help="lengths of sequences are whole numbers: `i64`",
            )

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        features = known(self, inputs[0].shape[1], "the number of features")
        made: list[Weight] = []
        for level in range(self.layers):
            for end in self.ends(level):
                made += self._kernels(features, end)
                made += self._biases(end) if self.bias else []
            features = self.units * len(self.directions)
        return tuple(made)

    def _kernels(self, features: int, end: str) -> list[Weight]:
        u, rows, train = self.units, self.gates * self.units, self.trainable
        init, penalty = self.weight_init, self.regularize
        return [
            Weight(
                *(f"weight_ih{end}", (rows, features), init, features, u),
                trainable=train,
                penalty=penalty,
                constraint=self.constraint,
            ),
            Weight(
                *(f"weight_hh{end}", (rows, u), self.recurrent_init, u, u),
                trainable=train,
                penalty=self.recurrent_regularize,
                constraint=self.recurrent_constraint,
            ),
        ]

    def _biases(self, end: str) -> list[Weight]:
        u, shape = self.units, (self.gates * self.units,)
        ih, hh = (
            Weight(
                f"bias_{half}{end}",
                shape,
                self.bias_init,
                u,
                u,
                trainable=self.trainable,
                penalty=self.bias_regularize,
                constraint=self.bias_constraint,
                penalized=False,
            )
            for half in ("ih", "hh")
        )
        if self.second_bias == "fixed":
            hh = Weight(hh.name, shape, role="fixed", trainable=False, penalized=False)
        return [ih, hh]

    def cost(self, inputs: Types) -> int:
        steps, features = inputs[0].shape
        known(self, features, "the number of features")
        per_step = sum(prod(w.shape) for w in self.weights(inputs) if len(w.shape) == 2)
        return per_step * (steps if isinstance(steps, int) else 1)
