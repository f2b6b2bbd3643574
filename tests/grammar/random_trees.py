"""Random files: any tree that the grammar can make, without places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from hypothesis import strategies as st

from nnc.compiler.source import NOWHERE, Source
from nnc.compiler.syntax import (
    Apply,
    Argument,
    Assert,
    Binary,
    BinaryOperator,
    Bind,
    Block,
    Boolean,
    Call,
    Chain,
    Choice,
    Conditional,
    Declaration,
    Expression,
    File,
    Group,
    Input,
    Layer,
    Layout,
    List,
    Loop,
    Model,
    Name,
    Number,
    Output,
    Parameter,
    Reference,
    Run,
    Section,
    Stage,
    Statement,
    String,
    Target,
    Tuple,
    Type,
    Unary,
    Use,
)

_T = TypeVar("_T")
_OPERATORS: Final[tuple[BinaryOperator, ...]] = (
    *("+", "-", "*", "/", "//", "%", "@", "**"),
    *("==", "!=", "<", "<=", ">", ">=", "and", "or"),
)
_WORDS: Final = ("x", "hidden", "日本", "_a1", "channels_last_but_one", "iffy", "B")
_PATHS: Final = (*_WORDS, "data", "output", "layer", "a.0.b", "lstm.hidden", "use")
_NUMBERS: Final = (
    st.integers(0, 10**12)
    | st.floats(0, allow_infinity=False, allow_nan=False)
    | st.sampled_from([0.5, 1e-4, 3e-4, 1.0, 1e22, 20_000])
)
_TEXTS: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_NESTED: Final = 3


class _Grower:
    """Draws one part of a tree after the other; `deep` says how far down it is."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def pick(self, choices: Sequence[_T]) -> _T:
        return self._draw(st.sampled_from(choices))

    def few(self, make: Callable[[], _T], least: int = 0) -> tuple[_T, ...]:
        return tuple(make() for _ in range(self._draw(st.integers(least, least + 2))))

    def maybe(self, make: Callable[[], _T]) -> _T | None:
        return make() if self._draw(st.booleans()) else None

    def name(self) -> Name:
        return Name(self.pick(_WORDS), NOWHERE)

    def label(self) -> Name:
        return Name(self.pick((*_PATHS, "0", "12")), NOWHERE)

    # ---- expressions ----------------------------------------------------------------------

    def expression(self, deep: int = 0) -> Expression:
        if deep >= _NESTED or self._draw(st.integers(0, 3)) == 0:
            return self.leaf()

        def part() -> Expression:
            return self.expression(deep + 1)

        makers: tuple[Callable[[], Expression], ...] = (
            lambda: List(self.few(part), NOWHERE),
            lambda: Tuple(self.few(part, 2), NOWHERE),
            lambda: self.call(deep),
            lambda: Unary(self.pick(("-", "not")), part(), NOWHERE),
            lambda: Binary(self.pick(_OPERATORS), part(), part(), NOWHERE),
            lambda: Binary(self.pick(_OPERATORS), part(), part(), NOWHERE),
            lambda: Conditional(part(), part(), part(), NOWHERE),
            lambda: Chain(part(), self.stages(deep), NOWHERE),
        )
        return self.pick(makers)()

    def leaf(self) -> Expression:
        makers: tuple[Callable[[], Expression], ...] = (
            lambda: Reference(self.pick(_PATHS), NOWHERE),
            lambda: Number(self._draw(_NUMBERS), NOWHERE),
            lambda: String(self._draw(_TEXTS), NOWHERE),
            lambda: Boolean(self._draw(st.booleans()), NOWHERE),
        )
        return self.pick(makers)()

    def call(self, deep: int) -> Call:
        def argument() -> Argument:
            name = self.maybe(lambda: self.pick(_WORDS))
            return Argument(name, self.expression(deep + 1), NOWHERE, NOWHERE if name else None)

        return Call(self.pick(_PATHS), self.few(argument), NOWHERE, NOWHERE)

    def stages(self, deep: int = 0) -> tuple[Stage, ...]:
        return self.few(lambda: self.stage(deep + 1), 1)

    def stage(self, deep: int) -> Stage:
        def apply() -> Stage:
            return Apply(self.call(deep), self.maybe(self.label), NOWHERE)

        def group() -> Stage:
            return Group(self.stages(deep), self.maybe(self.label), NOWHERE)

        def loop() -> Stage:
            bounds = self.expression(deep + 1), self.expression(deep + 1)
            label = self.maybe(self.label)
            return Loop(self.name(), *bounds, self.stages(deep), label, NOWHERE)

        def choice() -> Stage:
            condition, otherwise = self.expression(deep + 1), self.maybe(lambda: self.stages(deep))
            return Choice(condition, self.stages(deep), otherwise or (), NOWHERE)

        if deep >= _NESTED:
            return apply()
        return self.pick((apply, apply, group, loop, choice))()

    # ---- statements and declarations ------------------------------------------------------

    def type(self) -> Type:
        return Type(self.name(), self.few(self.leaf), NOWHERE)

    def bind(self) -> Bind:
        return Bind(self.few(self.name, 1), self.expression(), NOWHERE)

    def statement(self) -> Statement:
        makers: tuple[Callable[[], Statement], ...] = (
            lambda: Input(self.name(), self.maybe(self.type), NOWHERE),
            lambda: Output(self.name(), self.expression(), NOWHERE),
            self.bind,
            lambda: Run(Chain(self.expression(), self.stages(), NOWHERE), NOWHERE),
            lambda: Layer(self.name(), self.stages(), NOWHERE),
            lambda: Assert(self.expression(), self._draw(_TEXTS), NOWHERE),
            lambda: Layout(self.name(), NOWHERE),
        )
        return self.pick(makers)()

    def setting(self) -> Bind | Target:
        if self._draw(st.booleans()):
            return Target(self.name(), self.type(), NOWHERE)
        return self.bind()

    def parameter(self) -> Parameter:
        return Parameter(self.name(), self.maybe(self.expression), NOWHERE)

    def declaration(self) -> Declaration:
        name = self.name()
        makers: tuple[Callable[[], Declaration], ...] = (
            lambda: Use(self._draw(_TEXTS), NOWHERE),
            lambda: Parameter(name, self.expression(), NOWHERE),
            lambda: Block(name, self.few(self.parameter), self.few(self.statement), NOWHERE),
            lambda: Model(name, self.few(self.statement), NOWHERE),
            lambda: Section("train", self.few(self.setting), NOWHERE),
            lambda: Section(self.pick(("data", "search")), self.few(self.bind), NOWHERE),
        )
        return self.pick(makers)()


@st.composite
def files(draw: st.DrawFn) -> File:
    grower = _Grower(draw)
    return File(Source("random", ""), grower.few(grower.declaration, 1))


@st.composite
def expressions(draw: st.DrawFn) -> Expression:
    return _Grower(draw).expression()
