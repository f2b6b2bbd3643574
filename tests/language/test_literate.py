"""The literate tests themselves: that they can fail, and that updating writes the right place."""

from __future__ import annotations

import pytest

from nnc.compiler.diagnostics import Diagnostic, Label
from nnc.compiler.ir import Program
from nnc.compiler.source import Source, Span
from tests.language.literate import cases, rewritten

MARKDOWN = """\
# First

A spec.

```nn
one
```

It gives:

```diagnostics
old
```

## Second

```nn
two
```
"""


def complain(text: str, name: str) -> tuple[Program | None, list[Diagnostic]]:
    """A compiler that finds fault with every spec."""
    span = Span(Source(name, text), 0, len(text))
    return None, [Diagnostic("E999", f"no `{text.strip()}`", (Label(span, "here"),))]


def test_fences_belong_to_the_spec_above() -> None:
    first, second = cases(MARKDOWN)
    assert (first.name, first.spec.text, first.line) == ("First:5", "one\n", 5)
    assert [(f.kind, f.text) for f in first.given] == [("diagnostics", "old\n")]
    assert (second.name, second.given) == ("Second:17", [])


def test_a_result_is_what_the_compiler_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnc.compile_text", complain, raising=False)
    (result,) = cases(MARKDOWN)[0].results()
    assert result.startswith("error[E999]: no `one`\n --> spec.nn:1:1\n")


def test_diagnostics_that_nobody_announced_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnc.compile_text", complain, raising=False)
    with pytest.raises(AssertionError, match="should give no diagnostics"):
        cases(MARKDOWN)[1].results()


def test_rewriting_changes_the_fence_and_nothing_else() -> None:
    fence = cases(MARKDOWN)[0].given[0]
    assert rewritten(MARKDOWN, {fence: "new\n"}) == MARKDOWN.replace("old\n", "new\n")
    assert rewritten(MARKDOWN, {fence: fence.text}) == MARKDOWN


@pytest.mark.parametrize(
    ("markdown", "message"),
    [
        ("```diagnostics\n```\n", "before any spec"),
        ("```nn\n```\n\n```shape\n```\n", "no such fence as `shape`"),
    ],
)
def test_a_fence_without_a_meaning_is_refused(markdown: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cases(markdown)
