"""Collects what the files declare: the model, blocks, parameters, sections. Each name once."""

from __future__ import annotations

from nnc.compiler import syntax
from nnc.compiler.diagnostics import Label, did_you_mean
from nnc.compiler.passes.state import State
from nnc.compiler.source import Span


def declare(state: State) -> None:
    """Fill `model`, `blocks`, `parameters` and `sections`."""
    places: dict[str, Span] = {}
    for number, file in enumerate(state.files):
        for declaration in file.declarations:
            _declare(state, declaration, places, used=number > 0)
    if state.model is None and not state.report.errors:
        main = state.files[0].source
        state.report.error(
            "E108",
            "this file has no model",
            Span(main, len(main.text), len(main.text)),
            "a spec needs a `model`",
            help="write `model Name { input x: f32[2]  output y = x -> Dense(1) }`",
        )
    _check_settings(state)


def _declare(
    state: State, declaration: syntax.Declaration, places: dict[str, Span], *, used: bool
) -> None:
    match declaration:
        case syntax.Block() if _new(state, declaration.name, places, "block"):
            state.blocks[declaration.name.text] = declaration
        case syntax.Parameter() if _new(state, declaration.name, places, "parameter"):
            state.parameters[declaration.name.text] = declaration
        case syntax.Model():
            _model(state, declaration, used=used)
        case syntax.Section():
            _section(state, declaration, used=used)
        case _:
            pass


def _new(state: State, name: syntax.Name, places: dict[str, Span], what: str) -> bool:
    if name.text in places:
        state.report.error(
            "E103",
            f"the name `{name.text}` is given twice",
            name.span,
            f"this {what} has the name of another",
            also=[Label(places[name.text], "first given here")],
            help="choose another name",
        )
        return False
    places[name.text] = name.span
    return True


def _model(state: State, model: syntax.Model, *, used: bool) -> None:
    if used:
        return
    if state.model is not None:
        state.report.error(
            "E109",
            "a file holds one model",
            model.name.span,
            "a second model",
            also=[Label(state.model.name.span, "the first one")],
            help="make it a `block`, or put it into a file of its own",
        )
        return
    state.model = model


def _section(state: State, section: syntax.Section, *, used: bool) -> None:
    if used:
        return
    if section.keyword in state.sections:
        state.report.error(
            "E109",
            f"a file holds one `{section.keyword}` block",
            section.span,
            "a second one",
            also=[Label(state.sections[section.keyword].span, "the first one")],
            help="join the two",
        )
        return
    state.sections[section.keyword] = section


def _check_settings(state: State) -> None:
    main = state.files[0].source
    for name in state.settings:
        if name not in state.parameters:
            state.report.error(
                "E107",
                f"this spec has no parameter `{name}` to set",
                Span(main, 0, 0),
                help=did_you_mean(name, state.parameters)
                or (f"write `param {name} = …` at its top" if name.isidentifier() else None),
            )
