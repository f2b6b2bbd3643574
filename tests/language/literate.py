"""Markdown files that are tests: prose, a spec in a fence, and what it gives in the fences below.

A fence ```` ```nn ```` holds a spec, ```` ```json spec ```` one in JSON. The fences that follow it,
up to the next spec, hold what it gives: `diagnostics`, `shapes` or `json`. A spec without a
`diagnostics` fence must give none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import nnc
from nnc.compiler.diagnostics import Diagnostic
from nnc.compiler.ir import Program
from nnc.compiler.render import render_text

SPECS = {"nn": "spec.nn", "json spec": "spec.json"}
"""The fences that hold specs, and the file name under which each is compiled."""

_FENCE = re.compile(r"^```([^`\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Fence:
    """A fence: what it is, what it holds, and the offsets of that in the file."""

    kind: str
    text: str
    start: int
    stop: int


@dataclass(frozen=True)
class Case:
    """A spec and the fences of what it gives. `line` is that of the spec's fence."""

    name: str
    line: int
    spec: Fence
    given: list[Fence] = field(default_factory=list)

    def results(self) -> list[str]:
        """What the spec gives now, for each of the fences.

        Raises AssertionError when there are diagnostics and no fence for them.
        """
        program, diagnostics = nnc.compile_text(self.spec.text, SPECS[self.spec.kind])
        shown = render_text(diagnostics, color=False, width=100)
        announced = any(fence.kind == "diagnostics" for fence in self.given)
        assert announced or not diagnostics, f"the spec should give no diagnostics:\n\n{shown}"
        return [GIVES[fence.kind](program, diagnostics) for fence in self.given]


def cases(markdown: str) -> list[Case]:
    """The cases of a file. Raises ValueError for a fence without a meaning or without a spec."""
    found: list[Case] = []
    for match in _FENCE.finditer(markdown):
        fence = Fence(match[1].strip(), match[2], match.start(2), match.end(2))
        line = markdown.count("\n", 0, match.start()) + 1
        if fence.kind in SPECS:
            found.append(Case(f"{_heading(markdown, match.start())}:{line}", line, fence))
        elif fence.kind not in GIVES:
            raise ValueError(f"line {line}: no such fence as `{fence.kind}`")
        elif not found:
            raise ValueError(f"line {line}: `{fence.kind}` stands before any spec")
        else:
            found[-1].given.append(fence)
    return found


def rewritten(markdown: str, results: Mapping[Fence, str]) -> str:
    """The file with the text of some fences replaced."""
    for fence in sorted(results, key=lambda fence: fence.start, reverse=True):
        markdown = markdown[: fence.start] + results[fence] + markdown[fence.stop :]
    return markdown


def _heading(markdown: str, offset: int) -> str:
    headings = _HEADING.findall(_FENCE.sub("", markdown[:offset]))
    return headings[-1] if headings else "spec"


# ---- what a spec gives -----------------------------------------------------------------------


def _diagnostics(program: Program | None, diagnostics: list[Diagnostic]) -> str:
    return render_text(diagnostics, color=False, width=100)


def _shapes(program: Program | None, diagnostics: list[Diagnostic]) -> str:
    """Inputs, nodes and outputs with their types, one a line."""
    assert program is not None, "a spec with errors has no shapes"
    graph = program.graph
    rows = [(value.name, "input", str(value.type)) for value in graph.inputs]
    for node in graph.nodes:
        rows += [(value.name, node.op.word, str(value.type)) for value in node.outputs]
    rows += [(output.name, "output", str(output.value.type)) for output in graph.outputs]
    name, word = (max(len(row[i]) for row in rows) for i in (0, 1))
    return "".join(f"{row[0]:{name}}  {row[1]:{word}}  {row[2]}\n" for row in rows)


def _json(program: Program | None, diagnostics: list[Diagnostic]) -> str:
    assert program is not None, "a spec with errors has no JSON"
    return nnc.to_json(program)


GIVES: Mapping[str, Callable[[Program | None, list[Diagnostic]], str]] = {
    "diagnostics": _diagnostics,
    "shapes": _shapes,
    "json": _json,
}
