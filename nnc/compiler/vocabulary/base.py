"""What a word of the language is, and the register in which every word stands.

A word is a frozen class validated by pydantic: its fields are its arguments, its docstring is its
contract. Everything else - parsing of arguments, catalogue, JSON schema, generic tests - derives
from the class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any, ClassVar, Final, Literal, Self, TypeAlias

from nnc.compiler.types import MAXIMUM_SIZE
from nnc.compiler.vocabulary.fields import Field, Fields
from nnc.compiler.vocabulary.index import INDEX

Kind: TypeAlias = Literal[
    "op",
    "initializer",
    "penalty",
    "constraint",
    "loss",
    "optimizer",
    "schedule",
    "clip",
    "stop",
    "checkpoint",
    "augmentation",
    "metric",
    "source",
    "columns",
    "preparation",
    "split",
    "range",
]


class Phrase(str):
    """Annotates a type with what a user calls its values: "a whole number above 0"."""


PositiveInt = Annotated[int, Field(gt=0, le=MAXIMUM_SIZE), Phrase("a whole number above 0")]
Count = Annotated[int, Field(ge=0, le=MAXIMUM_SIZE), Phrase("a whole number, 0 or above")]
Axis = Annotated[int, Field(ge=-16, le=15), Phrase("the number of an axis of one example")]
Real = Annotated[float, Field(allow_inf_nan=False), Phrase("a number")]
PositiveReal = Annotated[float, Field(gt=0, allow_inf_nan=False), Phrase("a number above 0")]
NonNegativeReal = Annotated[float, Field(ge=0, allow_inf_nan=False), Phrase("a number, 0 or above")]
Probability = Annotated[float, Field(ge=0, lt=1), Phrase("a number from 0 up to but not 1")]
Size: TypeAlias = PositiveInt | tuple[PositiveInt, ...]
"""One number for all spatial axes, or one for each."""
Array: TypeAlias = Annotated[
    tuple[Any, ...], Phrase("a list of numbers, nested as deep as the weight has axes")
]
"""A literal array: nested tuples of numbers; its shape is checked against the weight's."""


class Rejected(Exception):
    """A word refuses its arguments or its inputs; the compiler makes the diagnostic.

    `argument` names the argument to blame, `input` the number of the input; without either the
    word itself is to blame. `label` is what stands at the caret.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        argument: str | None = None,
        input: int | None = None,
        label: str = "",
        help: str | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.argument = argument
        self.input = input
        self.label = label
        self.help = help
        self.notes = notes


class Word(Fields):
    """Base of every word. A class that gives `word` is entered in the register under its kind."""

    kind: ClassVar[Kind]
    word: ClassVar[str]
    """The canonical name, as users write it."""
    aliases: ClassVar[tuple[str, ...]] = ()
    """Other names that are understood: the Keras and the PyTorch name."""
    positional: ClassVar[tuple[str, ...]] = ()
    """The arguments that may be given without their name, in order."""
    gathers: ClassVar[str | None] = None
    """The argument that takes all values given without a name as one list: `columns(0, 1)`."""
    argument_aliases: ClassVar[Mapping[str, str]] = {}
    """Other names of arguments -> the canonical one."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "word" in cls.__dict__:
            _enter(cls)

    @classmethod
    def argument_names(cls) -> tuple[str, ...]:
        """The arguments in the order in which they are shown: first those that need no name."""
        return tuple(dict.fromkeys((*cls.positional, *cls.model_fields)))

    def arguments(self) -> dict[str, Any]:
        """Every argument by its name, defaults included."""
        return {name: getattr(self, name) for name in self.argument_names()}

    def replace(self, **changes: Any) -> Self:
        """The same word with some arguments changed, validated again."""
        return type(self)(**{**self.arguments(), **changes})

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        """Arguments that must be refused, with the code they give; they feed a generic test."""
        return ()


class Mistake:
    """A call that must be refused: its text after the name, `(units=0)`, and the code it gives."""

    def __init__(self, arguments: str, code: str, *inputs: str) -> None:
        self.arguments = arguments
        self.code = code
        self.inputs = inputs
        """Types of the inputs, `f32[3, 8, 8]`; without any, those of the first example."""


_PACKAGE: Final = __name__.rpartition(".")[0]
_REGISTER: dict[Kind, dict[str, type[Word]]] = {}


def _enter(cls: type[Word]) -> None:
    names = _REGISTER.setdefault(cls.kind, {})
    for name in (cls.word, *cls.aliases):
        if name in names:
            raise TypeError(f"{cls.__qualname__}: the {cls.kind} `{name}` exists already")
        names[name] = cls


def registered() -> Mapping[Kind, Mapping[str, type[Word]]]:
    """The words loaded so far: kind -> name or alias -> class."""
    return _REGISTER


def find(kind: Kind, name: str) -> type[Word] | None:
    """The word of a kind by its name or alias; its family is loaded at the first use."""
    family = INDEX.get(kind, {}).get(name)
    if family is not None:
        import_module(f"{_PACKAGE}.{family}")
    return _REGISTER.get(kind, {}).get(name)


def names(kind: Kind, *, aliases: bool = True) -> Iterator[str]:
    """The names of a kind in alphabetical order."""
    if aliases:
        return iter(sorted(INDEX.get(kind, {})))
    return iter(sorted(cls.word for cls in words(kind)))


def words(kind: Kind | None = None) -> list[type[Word]]:
    """Every word (of a kind), once, family by family in the order of definition."""
    kinds = [kind] if kind else list(INDEX)
    for family in dict.fromkeys(f for k in kinds for f in INDEX.get(k, {}).values()):
        import_module(f"{_PACKAGE}.{family}")
    found = dict.fromkeys(
        cls for k, known in _REGISTER.items() if k in kinds for cls in known.values()
    )
    return sorted(found, key=lambda cls: cls.__module__)
