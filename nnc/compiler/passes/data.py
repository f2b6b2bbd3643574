"""The data block: a source, and the columns and preparations that feed each input and target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from nnc.compiler import ir, syntax
from nnc.compiler.diagnostics import Label, did_you_mean
from nnc.compiler.passes.arguments import Bound
from nnc.compiler.passes.settings import Settings
from nnc.compiler.passes.state import State
from nnc.compiler.source import Span

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
        if "source" not in self._settings.given:
            self._error(
                "E506",
                "the data block has no `source`",
                self._keyword(),
                "needs one",
                help='write `source = csv("data.csv")`',
            )
        split = self._settings.word("split", "split", "a split such as `shares(test=0.2)`")
        if split is not None:
            self._check_split(split)
        fields = [self._field(bind) for bind in binds if bind not in named]
        self._check_names(binds, named)
        if source is None or any(field is None for field in fields):
            return
        self._state.data = ir.Data(
            cast("SourceWord", source.word),
            tuple(field for field in fields if field is not None),
            cast("Split", split.word) if split else None,
            self._section.span,
        )

    def _keyword(self) -> Span:
        span = self._section.span
        return Span(span.source, span.start, span.start + len("data"))

    def _check_split(self, split: Bound) -> None:
        shares = [getattr(split.word, name) or 0 for name in ("validation", "test")]
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

    def _field(self, bind: syntax.Bind) -> ir.Field | None:
        value, stages = _parts(bind.value)
        columns = self._settings.as_word(value, "columns", "columns such as `columns(0, 1)`")
        preparations = [self._preparation(stage) for stage in stages]
        if len(bind.names) != 1:
            self._error("E306", "columns give one value", bind.names[1].span, "one name too many")
            return None
        if columns is None or any(p is None for p in preparations):
            return None
        word: Any = columns.word
        names = word.names if word.word == "columns" else (word.name,)
        made = tuple(p for p in preparations if p is not None)
        return ir.Field(bind.names[0].text, names, made, bind.span)

    def _preparation(self, stage: syntax.Stage) -> Preparation | None:
        if not isinstance(stage, syntax.Apply) or stage.name is not None:
            self._error(
                "E504", "a preparation is a word such as `standardize`", stage.span, "not a word"
            )
            return None
        bound = self._settings.as_word(
            stage.call, "preparation", "a preparation such as `standardize`"
        )
        return cast("Preparation", bound.word) if bound else None


def _parts(
    value: syntax.Expression,
) -> tuple[syntax.Expression, tuple[syntax.Stage, ...]]:
    """Source and stages of a chain; anything else has no stages."""
    return (value.source, value.stages) if isinstance(value, syntax.Chain) else (value, ())
