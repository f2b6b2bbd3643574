"""`.nn` text -> the surface tree.

The tables are Lark's, made from nn.lark; the machine that follows them is here. It keeps its own
stacks, so that no nesting can overflow Python's, builds the tree while it reads, and goes on after
a mistake at the next statement.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final, TypeAlias

from nnc.compiler.diagnostics import Failed, Report
from nnc.compiler.source import Source, Span
from nnc.compiler.syntax import Comment, Declaration, File
from nnc.grammar.stacks import PAIRS, Abandoned, Stacks, Tokens
from nnc.grammar.terminals import Token, tables, tokens
from nnc.grammar.tree import NESTING, Tree

LARGEST_SOURCE: Final = 8_000_000
"""Characters of a source."""

DEEPEST: Final = 100
"""Levels of brackets, and of operators within one another: every pass over a tree may recurse."""

MOST_ERRORS: Final = 20
"""After so many mistakes the parse stops: the rest is likely to follow from them."""

_STACK: Final = 2_000
_STEPS: Final = {
    **dict.fromkeys(("_CALL", "LPAR", "LSQB", "LBRACE"), 1),
    **dict.fromkeys(("RPAR", "RSQB", "RBRACE"), -1),
    **dict.fromkeys(("MINUS", "NOT", "POWER"), 0),
}

_Action: TypeAlias = tuple[str, int, tuple[int, ...], Callable[..., Any] | None, bool]


def parse(source: Source) -> File:
    """The tree of a `.nn` text. Raises `Failed` with every mistake that can be told apart."""
    if len(source.text) > LARGEST_SOURCE:
        raise Failed([_mistakes().too_large(source, LARGEST_SOURCE)])
    report = Report()
    machine = _Machine(source, report)
    try:
        with _collector_paused():
            machine.run()
    except Abandoned as abandoned:
        if abandoned.diagnostic:
            report.add(abandoned.diagnostic)
    if not machine.declarations and not len(report):
        report.add(_mistakes().empty(source))
    if len(report):
        raise Failed(sorted(report, key=lambda d: d.span.start if d.span else 0))
    return File(source, machine.declarations, tuple(machine.comments))


def _mistakes() -> ModuleType:
    """What describes mistakes is loaded when there is one: a good spec needn't wait for it."""
    from nnc.grammar import mistakes

    return mistakes


@contextmanager
def _collector_paused() -> Iterator[None]:
    """A parse makes millions of objects and no cycles: looking for cycles doubles its time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Machine:
    """An LALR(1) machine: a stack of states, and beside it what each of its symbols stands for."""

    def __init__(self, source: Source, report: Report) -> None:
        self.comments: list[Comment] = []
        self.declarations: tuple[Declaration, ...] = ()
        self._source = source
        self._report = report
        self._tokens = Tokens(tokens(source, self.comments))
        self._stacks = Stacks([0], [], [], [])
        self._open = 0
        self._end = 0
        self._recoveries = 0
        tree = Tree(source, report)
        self._actions: list[_Action] = []
        self._units: list[str | None] = []
        for rule in tables().rules:
            build = getattr(tree, rule.method) if rule.method else None
            kept = tuple(-1 if index is None else index for index in rule.kept)
            nests = rule.method in NESTING
            self._actions.append((rule.origin, rule.size, kept, build, nests))
            self._units.append(rule.origin if rule.size == 1 and build is None else None)

    def run(self) -> None:
        """Read the whole source. Raises `Abandoned` where it can't be read to its end."""
        rows, choices, text = tables().states, tables().choices, self._source.text
        states, values, starts, depths = self._stacks
        for kind, start, end in self._tokens:
            while True:
                row = rows[states[-1]]
                action = row.get(kind)
                if action is None:
                    other = next(
                        (choice for choice in choices.get(kind, ()) if choice in row), None
                    )
                    if other is not None:
                        kind = other
                    else:
                        kind, start, end = self._recover(Token(kind, start, end))
                elif action >= 0:
                    break
                elif (origin := self._units[~action]) is not None:
                    states[-1] = rows[states[-2]][origin]
                else:
                    self._reduce(~action)
            if kind in _STEPS:
                self._check_depth(kind, start, end)
            states.append(action)
            values.append(text[start:end])
            starts.append(start)
            depths.append(0)
            self._end = end
        self.declarations = values[0]

    def _reduce(self, number: int) -> None:
        """Replace the parts of a rule, on top of the stacks, by what they make."""
        origin, count, kept, build, nests = self._actions[number]
        states, values, starts, depths = self._stacks
        parts = values[-count:] if count else []
        if count == 0:
            states.append(0)
            values.append(None)
            starts.append(self._end)
            depths.append(0)
        elif count > 1:
            depths[-count:] = [max(depths[-count:])]
            del states[1 - count :], values[1 - count :], starts[1 - count :]
        if build is None:
            values[-1] = parts[kept[0]]
        else:
            parts.append(None)
            span = Span(self._source, starts[-1], self._end)
            values[-1] = build(span, *[parts[index] for index in kept])
            if nests:
                self._nest(span)
        states[-1] = tables().states[states[-2]][origin]

    def _nest(self, span: Span) -> None:
        depths = self._stacks.depths
        depths[-1] += 1
        if depths[-1] > DEEPEST:
            raise Abandoned(_mistakes().too_deep(span, DEEPEST))

    def _check_depth(self, kind: str, start: int, end: int) -> None:
        """Stop before brackets or operators lie deeper in one another than any pass can follow."""
        self._open += _STEPS[kind]
        if self._open > DEEPEST or len(self._stacks.states) > _STACK:
            raise Abandoned(_mistakes().too_deep(Span(self._source, start, end), DEEPEST))

    def _recover(self, token: Token) -> Token:
        """Report what is wrong at a token; the token to go on with, after the stacks were cut."""
        from nnc.grammar.recovery import recover
        from nnc.grammar.scene import Scene

        scene = Scene(self._source, self._stacks, token, self._end)
        self._report.add(_mistakes().explain(scene))
        self._recoveries += 1
        if self._recoveries == MOST_ERRORS:
            raise Abandoned
        token = recover(scene, self._tokens)
        self._open = sum(value in PAIRS for value in self._stacks.values if isinstance(value, str))
        return token
