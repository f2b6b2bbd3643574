"""What a loss is, which values it takes, and how types that do not fit are told."""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple, TypeAlias

from nnc.compiler.types import FLOATS, INTEGERS, TensorType
from nnc.compiler.vocabulary.base import Rejected, Word
from nnc.compiler.vocabulary.fields import Field

Types: TypeAlias = tuple[TensorType, ...]
Values: TypeAlias = Literal["real", "share", "distribution", "sign", "count", "label"]
"""What a target is made of: any number, 0 to 1, shares that sum to 1, -1 and 1, a number of
events, or labels with the blank after the last."""


class Example(NamedTuple):
    """A word with types of the values it takes; the generic tests walk over these."""

    word: Word
    types: tuple[str, ...]


class Loss(Word):
    """A function of outputs of the model and mostly of a target that gives one number."""

    kind = "loss"
    takes: ClassVar[tuple[str, ...]] = ("prediction", "target")
    """What the values are called, in the order in which they are written."""
    fuses: ClassVar[str | None] = None
    """The activation with which the loss is computed from the logits in one step."""
    positive: ClassVar[tuple[int, ...]] = ()
    """The places of predictions that must be above 0."""
    ends: ClassVar[tuple[str, ...] | None] = None
    """Activations at the end of a prediction that make sense; None: all of them."""
    values: ClassVar[Values] = "real"

    @property
    def takes_logits(self) -> bool | None:
        """Whether the spec says that the prediction is logits; None when it does not say."""
        return None

    @property
    def no_mean(self) -> str | None:
        """Why the loss is no mean over examples that count alike, so that the parts of a batch
        don't add up to it: an argument, or the word itself; None for such a mean."""
        given = self.arguments()
        if given.get("reduction", "mean") != "mean":
            return "reduction"
        weighing = ("class_weights", "ignore")
        return next((name for name in weighing if given.get(name) is not None), None)

    def check(self, types: Types) -> None:
        """Raise Rejected when the values do not fit; `input` is the place of one in `takes`."""
        raise NotImplementedError

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Types that fit; they feed every generic test."""
        raise NotImplementedError


class Reduced(Loss):
    """A loss with a number for each element or example."""

    reduction: Literal["mean", "sum"] = Field(
        "mean", description="what becomes of the numbers of all examples: their mean or their sum"
    )


class ElementWise(Reduced):
    """A loss of single elements: prediction and target have one shape."""

    def check(self, types: Types) -> None:
        same_shape(self, types)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(cls(), ("f32[3]", "f32[3]")),
            Example(cls(reduction="sum"), ("f32", "f32")),
            Example(cls(), ("f32[T, 2]", "f32[T, 2]")),
        )


def no_floats(word: Word, types: Types, place: int = 0) -> Rejected:
    """What is said of a prediction that is not made of floating-point numbers."""
    return Rejected(
        "E501",
        f"`{word.word}` needs a prediction of floating-point numbers, not `{types[place]}`",
        input=place,
        label=f"this is `{types[place]}`",
    )


def same_shape(word: Word, types: Types) -> None:
    """Raise Rejected unless all are floats of one shape: frameworks broadcast here without a
    word."""
    first = types[0]
    if first.dtype not in FLOATS:
        raise no_floats(word, types)
    for place, type_ in enumerate(types[1:], 1):
        if type_.dtype not in FLOATS or type_.shape != first.shape:
            raise Rejected(
                "E501",
                f"`{word.word}` can't compare `{first}` with `{type_}`",
                input=place,
                label=f"this is `{type_}`",
                help=f"declare it as `{first}`",
            )


def on_last_axis(word: Word, types: Types, what: str) -> None:
    """Raise Rejected unless the prediction has floats along a last axis."""
    if types[0].dtype not in FLOATS:
        raise no_floats(word, types)
    if types[0].rank == 0:
        raise Rejected(
            "E501",
            f"`{word.word}` needs {what} on the last axis",
            input=0,
            label=f"this is `{types[0]}`",
        )


def is_class(types: Types) -> bool:
    """Whether the target has class numbers for a prediction with the classes on the last axis."""
    return types[1].dtype in INTEGERS and types[1].shape == types[0].shape[:-1]


def classes(word: Word, types: Types, *, shares: bool = True) -> None:
    """Raise Rejected unless the target has class numbers, or with `shares` a distribution over the
    classes of the last axis."""
    on_last_axis(word, types, "a score for each class")
    prediction, target = types
    if is_class(types):
        return
    if shares and target.dtype in FLOATS and target.shape == prediction.shape:
        return
    numbers = TensorType("i64", prediction.shape[:-1])
    raise Rejected(
        "E501",
        f"`{word.word}` can't compare `{prediction}` with `{target}`",
        input=1,
        label=f"this is `{target}`",
        help=f"declare it as `{numbers}` (class numbers)"
        + (f" or `{prediction}` (a distribution)" if shares else ""),
    )
