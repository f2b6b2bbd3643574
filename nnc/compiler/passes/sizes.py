"""How many layers stages give at the least, read off the text: what is far too large is told before
it is expanded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, assert_never

from nnc.compiler import syntax

_ENOUGH: Final = 10**9
"""Larger numbers are not told apart."""


class LeastSizes:
    """Counts each block once. Conditions and bounds that aren't written as numbers count as the
    smallest that they can be."""

    def __init__(self, blocks: Mapping[str, syntax.Block], deepest: int) -> None:
        self._blocks = blocks
        self._deepest = deepest
        self._depth = 0
        self._known: dict[str, int] = {}
        self._loops: dict[int, int] = {}

    def block(self, name: str) -> int:
        """The layers of one use of a block; 0 for one that uses itself or is nested too deeply."""
        if name not in self._known and self._depth < self._deepest:
            self._depth += 1
            self._known[name] = 0
            self._known[name] = _few(map(self._statement, self._blocks[name].body))
            self._depth -= 1
        return self._known.get(name, 0)

    def turn(self, loop: syntax.Loop) -> int:
        """The layers of one turn of a loop."""
        if id(loop) not in self._loops:
            self._loops[id(loop)] = self._stages(loop.stages)
        return self._loops[id(loop)]

    def _statement(self, statement: object) -> int:
        match statement:
            case syntax.Output() | syntax.Bind() | syntax.Run():
                return self._expression(statement.value)
            case _:
                return 0

    def _expression(self, expression: object) -> int:
        match expression:
            case syntax.Chain():
                return self._expression(expression.source) + self._stages(expression.stages)
            case syntax.Binary():
                return self._expression(expression.left) + self._expression(expression.right)
            case syntax.Conditional():
                return min(
                    self._expression(expression.then), self._expression(expression.otherwise)
                )
            case _:
                return 0

    def _stages(self, stages: tuple[syntax.Stage, ...]) -> int:
        return _few(map(self._stage, stages))

    def _stage(self, stage: syntax.Stage) -> int:
        match stage:
            case syntax.Apply():
                return self.block(stage.call.name) if stage.call.name in self._blocks else 1
            case syntax.Group():
                return self._stages(stage.stages)
            case syntax.Loop():
                return min(_turns(stage) * self.turn(stage), _ENOUGH)
            case syntax.Choice():
                return min(self._stages(stage.then), self._stages(stage.otherwise))
            case _:
                assert_never(stage)


def _few(counts: Iterable[int]) -> int:
    return min(sum(counts), _ENOUGH)


def _turns(loop: syntax.Loop) -> int:
    """The turns of a loop whose bounds are written as numbers, else 0."""
    start, stop = loop.start, loop.stop
    if isinstance(start, syntax.Number) and isinstance(stop, syntax.Number):
        return max(int(stop.value) - int(start.value), 0)
    return 0
