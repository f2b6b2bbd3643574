"""What an op is: a word that takes tensors and gives tensors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol, TypeAlias

from nnc.compiler.types import FLOATS, Dim, Shape, TensorType
from nnc.compiler.vocabulary.base import Array, Phrase, Rejected, Word
from nnc.compiler.vocabulary.constraints import Constraint
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.initializers import GlorotUniform, Initializer, Zeros
from nnc.compiler.vocabulary.penalties import Penalty

if TYPE_CHECKING:
    from nnc.compiler.ir import Value

Types: TypeAlias = tuple[TensorType, ...]
Layout: TypeAlias = Literal["channels_first", "channels_last"]
Role: TypeAlias = Literal["parameter", "statistic", "fixed"]


@dataclass(frozen=True, slots=True)
class Weight:
    """One stored tensor of a layer.

    `role`: a parameter is trained (unless `trainable` is false), a statistic is updated by
    training without a gradient (BatchNorm's running mean), fixed is always as its initialiser
    makes it and stands in the file because PyTorch's state dict has it (the second bias of an
    LSTM). `fan_in`, `fan_out`: connections into and out of one unit, for glorot and he.
    """

    name: str
    shape: tuple[int, ...]
    init: Initializer = field(default_factory=Zeros)
    fan_in: int = 1
    fan_out: int = 1
    role: Role = "parameter"
    trainable: bool = True
    value: Array | None = None
    """A literal value from the spec; wins over `init`."""
    zero_row: int | None = None
    """A row that `init` leaves at 0."""
    penalty: Penalty | None = None
    constraint: Constraint | None = None
    penalized: bool = True
    """Whether a penalty in the loss covers it: not biases, not the weights of normalisation."""


@dataclass(frozen=True)
class Example:
    """One use of an op with small, pairwise different dimensions; it feeds every generic test."""

    op: Op
    inputs: Types
    highest: int = 1
    """Integer inputs are drawn from 0 up to, not including, this."""
    positive: bool = False
    """Float inputs must be above 0 (log, sqrt, divisors)."""
    kinks: tuple[float, ...] = ()
    """Inputs beside -1, 0 and 1 at which the derivative jumps."""


class Op(Word):
    """A word between values: it infers types, names its weights, counts its work."""

    kind = "op"
    results: ClassVar[tuple[str, ...]] = ("output",)
    arity: ClassVar[tuple[int, int]] = (1, 1)
    """The fewest and the most inputs."""
    broadcasts: ClassVar[bool] = False
    """Whether two inputs are broadcast: the compiler gives them the same number of axes."""

    carries_gradient: ClassVar[bool] = True
    """Whether what comes before is trained by what comes after."""
    gives_input: ClassVar[bool] = False
    """Whether the result is the input as it is."""

    @property
    def is_random(self) -> bool:
        """Whether training draws numbers, so that it gives another result at each step."""
        return False

    @property
    def activity_penalty(self) -> Penalty | None:
        """What the loss adds for the result."""
        return None

    def result_names(self) -> tuple[str, ...]:
        """The names of the results this op gives with its arguments."""
        return self.results

    def infer(self, inputs: Types) -> Types:
        """Types of the results. Raises Rejected for inputs that do not fit."""
        raise NotImplementedError

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        """The stored tensors, in the order of PyTorch's state dict."""
        return ()

    def cost(self, inputs: Types) -> int:
        """Multiply-adds for one example (symbolic dimensions count 1); 0 for what does none."""
        return 0

    def moved(self, axes: tuple[int, ...]) -> Op | None:
        """The op that does the same on inputs whose example axes were permuted by `axes`.

        The results are then permuted likewise. None: the op needs the axes as the spec has them.
        `axes[i]` is the spec's axis that stands at place i.
        """
        return None

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        raise NotImplementedError


class ElementWise(Op):
    """An op that treats every element alike and keeps the type of its only input."""

    def infer(self, inputs: Types) -> Types:
        require_float(self, inputs)
        return inputs

    def moved(self, axes: tuple[int, ...]) -> Op | None:
        return self


class Activation(ElementWise):
    """A non-linearity; also what `activation=` takes."""


class Weighted(Op):
    """An op with a weight and mostly a bias, with the arguments that all of these share."""

    bias: bool | Array = Field(True, description="add a trained bias, or its literal value")
    weight: Array | None = Field(None, description="literal value of the weight")
    weight_init: Initializer = Field(GlorotUniform(), description="how the weight begins")
    bias_init: Initializer = Field(Zeros(), description="how the bias begins")
    regularize: Penalty | None = Field(None, description="penalty on the weight, added to the loss")
    bias_regularize: Penalty | None = Field(None, description="penalty on the bias")
    constraint: Constraint | None = Field(
        None, description="what the weight is brought back to after every update"
    )
    bias_constraint: Constraint | None = Field(
        None, description="the same for the bias, each element of which is a unit"
    )
    trainable: bool = Field(True, description="false: training leaves the weights as they are")
    activity_regularize: Penalty | None = Field(
        None, description="penalty on the result, after the activation: `ActivityRegularization`"
    )
    activation: Activation | None = Field(None, description="an activation applied to the result")

    @property
    def has_bias(self) -> bool:
        return self.bias is not False

    def kernel_weight(
        self, shape: tuple[int, ...], fan_in: int, fan_out: int, name: str = "weight"
    ) -> Weight:
        """The main weight with this op's initialiser, literal value, penalty and constraint."""
        return Weight(
            name,
            shape,
            self.weight_init,
            fan_in,
            fan_out,
            trainable=self.trainable,
            value=self.weight,
            penalty=self.regularize,
            constraint=self.constraint,
        )

    def bias_weight(self, size: int, name: str = "bias") -> tuple[Weight, ...]:
        """The bias as a tuple of one, or of none when there is no bias."""
        if self.bias is False:
            return ()
        value = None if self.bias is True else self.bias
        return (
            Weight(
                name,
                (size,),
                self.bias_init,
                size,
                size,
                trainable=self.trainable,
                value=value,
                penalty=self.bias_regularize,
                constraint=self.bias_constraint,
                penalized=False,
            ),
        )


LayoutArgument = Annotated[
    Layout,
    Field(description="which axis holds the channels; without it the model's layout"),
    Phrase("`channels_first` or `channels_last`"),
]


class Parts(Protocol):
    """Takes the words that a composite one is made of."""

    def add(self, op: Op, *inputs: Value, name: str | None = None) -> Value:
        """Apply a word to values; `name` is that of the layer inside the composite one."""


class Composite(Op):
    """A word that is made of other words. The compiler puts these in its place, as it does for a
    block, so that no backend meets it."""

    def expand(self, parts: Parts, *inputs: Value) -> Value:
        """The result, by way of other words. `infer` has found nothing wrong with the inputs."""
        raise NotImplementedError


class Channelled(Op):
    """An op that asks which axis holds the channels."""

    layout: LayoutArgument = "channels_first"

    def channel_axis(self, x: TensorType) -> int:
        """The channel axis of one example."""
        return 0 if self.layout == "channels_first" else x.rank - 1

    def channels(self, x: TensorType) -> int:
        """The number of channels. Raises Rejected when it is free at run time."""
        return known(self, x.shape[self.channel_axis(x)], "the number of channels")

    def spatial(self, x: TensorType) -> Shape:
        """The dimensions other than the channels."""
        axis = self.channel_axis(x)
        return x.shape[:axis] + x.shape[axis + 1 :]

    def join(self, x: TensorType, channels: Dim, spatial: Shape) -> TensorType:
        """The type with these channels and spatial dimensions in this op's layout."""
        first = self.layout == "channels_first"
        return x.with_shape((channels, *spatial) if first else (*spatial, channels))


def require_float(op: Word, inputs: Types) -> None:
    """Raise Rejected for an input whose elements are not floating-point numbers."""
    for number, x in enumerate(inputs):
        if x.dtype not in FLOATS:
            raise Rejected(
                "E302",
                f"`{op.word}` needs floating-point numbers, but was given `{x}`",
                input=number,
                label=f"this is `{x}`",
                help="declare the input as `f32[…]`, or turn numbers into vectors with Embedding",
            )


def require_rank(op: Word, x: TensorType, rank: int, shape: str, number: int = 0) -> None:
    """Raise Rejected unless one example has `rank` axes; `shape` is what they are called."""
    if x.rank != rank:
        raise Rejected(
            "E301",
            f"`{op.word}` needs examples of shape [{shape}], but was given `{x}`",
            input=number,
            label=f"this is `{x}`, with {_axes(x.rank)}, not {rank}",
            help=f"declare the input so, or put a `Reshape([{shape}])` in front" if shape else None,
        )


def known(op: Word, dim: Dim, what: str, number: int = 0) -> int:
    """The dimension as a whole number. Raises Rejected when it is free at run time."""
    if isinstance(dim, int):
        return dim
    raise Rejected(
        "E303",
        f"`{op.word}` must know {what}, but `{dim}` is free at run time",
        input=number,
        label=f"`{dim}` comes from here",
        help=f"write a whole number in place of `{dim}` in the input's type",
    )


def resolve_axis(op: Word, axis: int, rank: int, argument: str = "axis") -> int:
    """The axis counted from 0. Raises Rejected when one example has no such axis."""
    if -rank <= axis < rank:
        return axis % rank
    raise Rejected(
        "E301",
        f"`{op.word}` has no axis {axis} to work on: one example has {_axes(rank)}",
        argument=argument,
        label=f"axes go from 0 to {rank - 1}, or from -1 to -{rank}" if rank else "no such axis",
        help="the batch is not counted",
    )


def _axes(rank: int) -> str:
    return "1 axis" if rank == 1 else f"{rank} axes"


def example(op: Op, *inputs: str, **options: Any) -> Example:
    """An Example from types as text: `example(Dense(units=3), "f32[4]")`."""
    return Example(op, tuple(parse_type(text) for text in inputs), **options)


def parse_type(text: str) -> TensorType:
    """`f32[3, T]` as a TensorType; for examples only, the language's types are parsed by the
    grammar."""
    from nnc.compiler.types import DTYPES, Symbol

    head, _, rest = text.partition("[")
    dtype = next(d for d in DTYPES if d == head)
    parts = [p.strip() for p in rest.rstrip("]").split(",")] if rest else []
    return TensorType(dtype, tuple(int(p) if p.isdigit() else Symbol(p) for p in parts))
