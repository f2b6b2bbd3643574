"""The data block: a source, and the columns and preparations that feed each input and target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from nnc.compiler import ir, syntax
from nnc.compiler.diagnostics import Label, did_you_mean
from nnc.compiler.passes.arguments import Bound
from nnc.compiler.passes.settings import Settings
from nnc.compiler.passes.state import State
from nnc.compiler.source import Span
from nnc.compiler.vocabulary import base

if TYPE_CHECKING:
    from nnc.compiler.vocabulary.data import Preparation, SourceWord, Split


def data(state: State) -> None:
    """Fill `data`."""
    section = state.sections.get("data")
    if section is not None and state.graph is not None:
        _Data(state, section).read()


class _Data:
    def __init__(self, state: State, section: syntax.Section) -> None:
        self._state = state
        self._section = section
        self._settings = Settings(state, section)
        self._error = self._settings.evaluator.error
        assert state.graph is not None
        self._wanted = {value.name: value for value in state.graph.inputs}
        if state.training is not None:
            self._wanted |= {value.name: value for value in state.training.targets}

    def read(self) -> None:
        binds = [item for item in self._section.body if isinstance(item, syntax.Bind)]
        named = [bind for bind in binds if bind.names[0].text in ("source", "split")]
        self._settings.collect(named, ("source", "split"), "the data block")
        source = self._settings.word("source", "source", 'a source such as `csv("data.csv")`')
        split = self._settings.word("split", "split", "a split such as `shares(test=0.2)`")
        if split is not None:
            self._check_split(split)
        fields = [self._field(bind) for bind in binds if bind not in named]
        self._check_names(binds, named)
        known = tuple(field for field in fields if field is not None)
        if len(known) < len(fields) or not self._check_source(known):
            return
        if "source" in self._settings.given and source is None:
            return
        self._state.data = ir.Data(
            cast("SourceWord", source.word) if source else None,
            known,
            cast("Split", split.word) if split else None,
            self._section.span,
        )

    def _keyword(self) -> Span:
        span = self._section.span
        return Span(span.source, span.start, span.start + len("data"))

    def _check_split(self, split: Bound) -> None:
        shares = [getattr(split.word, name, 0) or 0 for name in ("validation", "test")]
        if sum(shares) >= 1:
            self._error(
                "E505",
                "nothing is left for training",
                split.span,
                f"validation and test take {sum(shares):g} of everything",
            )

    def _check_names(self, binds: list[syntax.Bind], named: list[syntax.Bind]) -> None:
        seen: dict[str, Span] = {}
        trained = self._state.training is not None
        for bind in binds:
            if bind in named:
                continue
            for name in bind.names:
                if name.text in seen:
                    self._error(
                        "E103",
                        f"`{name.text}` is given twice",
                        name.span,
                        "given again here",
                        also=[Label(seen[name.text], "first given here")],
                    )
                elif name.text not in self._wanted and (
                    trained or "train" not in self._state.sections
                ):
                    self._error(
                        "E502",
                        f"the spec has no input or target `{name.text}` to feed",
                        name.span,
                        "feeds nothing",
                        help=did_you_mean(name.text, self._wanted),
                    )
                seen[name.text] = name.span
        if trained:
            for wanted, value in self._wanted.items():
                if wanted not in seen:
                    self._error(
                        "E508",
                        f"the data block does not say where `{wanted}` comes from",
                        self._keyword(),
                        f"`{wanted}` is missing",
                        also=[Label(value.span, "declared here")],
                        help=f"write `{wanted} = columns(0, 1)`",
                    )

    def _check_source(self, fields: tuple[ir.Field, ...]) -> bool:
        """Whether there is a source where one is needed, and what it gives is asked for."""
        alone = [field for field in fields if field.columns.word == "series"]
        others = [field for field in fields if field not in alone]
        given = self._settings.given.get("source")
        if given is None and (others or not alone):
            self._error(
                "E506",
                "the data block has no `source`",
                self._keyword(),
                "needs one",
                help='write `source = csv("data.csv")`',
            )
            return False
        windowed = [field for field in fields if _windows(field)]
        if windowed and len(windowed) < len(fields):
            other = next(field for field in fields if field not in windowed)
            self._error(
                "E509",
                "windows are examples, and so are rows: a data block has one of them",
                other.span,
                "these are rows",
                also=[Label(windowed[0].span, "these are windows")],
                help="end every chain in a window",
            )
        return not windowed or len(windowed) == len(fields)

    def _field(self, bind: syntax.Bind) -> ir.Field | None:
        value, stages = _parts(bind.value)
        found = self._settings.as_word(value, "columns", "columns such as `columns(0, 1)`")
        bound = [self._preparation(stage) for stage in stages]
        known = [one for one in bound if one is not None]
        if found is None or len(known) < len(bound):
            return None
        columns: Any = found.word
        if columns.word == "column":
            columns = cast("Any", base.find("columns", "columns"))(names=(columns.name,))
        steps = tuple(cast("Preparation", one.word) for one in known)
        field = ir.Field(tuple(name.text for name in bind.names), columns, steps, bind.span)
        fits = [self._check_count(bind, field), *map(self._check_step, known)]
        self._check_order(known)
        return field if all(fits) else None

    def _check_count(self, bind: syntax.Bind, field: ir.Field) -> bool:
        """Whether there are as many names as values: two for a window, otherwise one."""
        count, given = (2 if _windows(field) else 1), len(bind.names)
        if field.columns.word == "series" and count == 1:
            self._error(
                "E509",
                "a series feeds nothing as it is",
                bind.value.span,
                "no window",
                help="end it in a window: `-> window(lookback=48, horizon=24)`",
            )
            return False
        if given > count:
            self._error("E306", "columns give one value", bind.names[1].span, "one name too many")
        elif given < count:
            self._error(
                "E306",
                "a window gives two values: what is given, and what is to be foretold",
                bind.names[0].span,
                "one name",
                help=f"write `{bind.names[0].text}, y = …`",
            )
        return given == count

    def _check_step(self, bound: Bound) -> bool:
        """Whether the arguments of a preparation fit one another."""
        word: Any = bound.word
        if word.word != "impute":
            return True
        if (word.strategy == "constant") == (word.value is not None):
            return True
        needs = "needs a value" if word.value is None else "takes no value"
        self._error(
            "E203",
            f"`impute({word.strategy})` {needs}",
            bound.place("value"),
            "the constant is missing" if word.value is None else "only a constant has one",
            help="write `impute(constant, value=0)`",
        )
        return False

    def _check_order(self, steps: list[Bound]) -> None:
        """Report preparations that can only come first, or last, and don't."""
        for number, bound in enumerate(steps):
            word = cast("Preparation", bound.word)
            wrong = (word.place == "first" and number > 0) or (
                word.place == "last" and number < len(steps) - 1
            )
            if wrong:
                self._error(
                    "E509",
                    f"`{word.word}` comes {word.place} in a chain of preparations",
                    bound.span,
                    f"not {word.place} here",
                )

    def _preparation(self, stage: syntax.Stage) -> Bound | None:
        if not isinstance(stage, syntax.Apply) or stage.name is not None:
            self._error(
                "E504", "a preparation is a word such as `standardize`", stage.span, "not a word"
            )
            return None
        what = "a preparation such as `standardize`"
        return self._settings.as_word(stage.call, "preparation", what)


def _windows(field: ir.Field) -> bool:
    return any(step.word == "window" for step in field.preparations)


def _parts(
    value: syntax.Expression,
) -> tuple[syntax.Expression, tuple[syntax.Stage, ...]]:
    """Source and stages of a chain; anything else has no stages."""
    return (value.source, value.stages) if isinstance(value, syntax.Chain) else (value, ())
