"""The search block: ranges for parameters, and how they are searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from nnc.compiler import ir, syntax
from nnc.compiler.diagnostics import did_you_mean
from nnc.compiler.passes.arguments import Option, report_rejected
from nnc.compiler.passes.settings import Settings
from nnc.compiler.passes.state import State
from nnc.compiler.vocabulary.base import Rejected

if TYPE_CHECKING:
    from nnc.compiler.vocabulary.search import Range

METHODS: Final = ("random", "grid", "bayesian", "evolution")
SETTINGS: Final = ("trials", "method", "minimize", "maximize")


def search(state: State) -> None:
    """Fill `search`."""
    section = state.sections.get("search")
    if section is None:
        return
    settings = Settings(state, section)
    binds = [item for item in section.body if isinstance(item, syntax.Bind)]
    named = [bind for bind in binds if bind.names[0].text in SETTINGS]
    settings.collect(named, SETTINGS, "the search block")
    ranges: dict[str, Range] = {}
    for bind in binds:
        if bind not in named:
            _range(state, settings, bind, ranges)
    goal = "maximize" if "maximize" in settings.given else "minimize"
    if {"maximize", "minimize"} <= settings.given.keys():
        settings.evaluator.error(
            "E505",
            "a search has one goal: `minimize` or `maximize`",
            settings.place("maximize"),
            "leave one of them out",
        )
    state.search = ir.Search(
        ranges,
        settings.whole("trials", 20),
        cast(Any, settings.option("method", METHODS, "random")),
        cast(Any, goal),
        _monitor(settings, goal),
    )


def _monitor(settings: Settings, goal: str) -> str:
    bind = settings.given.get(goal)
    if bind is None:
        return "val_loss"
    value = settings.evaluator.constant(bind.value, settings.scope)
    if isinstance(value, Option):
        return value.name
    if isinstance(value, str):
        return value
    settings.evaluator.error(
        "E505",
        f"`{goal}` names what is measured, such as `val_loss`",
        bind.value.span,
        "not a name",
    )
    return "val_loss"


def _range(state: State, settings: Settings, bind: syntax.Bind, ranges: dict[str, Range]) -> None:
    name = bind.names[0]
    if name.text not in state.parameters:
        settings.evaluator.error(
            "E502",
            f"there is no parameter `{name.text}` to search",
            name.span,
            "unknown parameter",
            help=did_you_mean(name.text, [*state.parameters, *SETTINGS])
            or f"write `param {name.text} = …` at the top",
        )
        return
    bound = settings.as_word(bind.value, "range", "a range such as `choice(16, 32)`")
    if bound is None:
        return
    word = cast("Range", bound.word)
    try:
        word.check()
    except Rejected as rejected:
        report_rejected(state.report, bound, rejected)
        return
    ranges[name.text] = word
