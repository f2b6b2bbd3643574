"""Brackets and braces that aren't closed, close nothing, or close another."""

from __future__ import annotations

import re
from typing import Final

from nnc.compiler.diagnostics import Diagnostic, Label
from nnc.compiler.source import Span
from nnc.compiler.syntax import Name
from nnc.compiler.types import DTYPES
from nnc.grammar.expected import found
from nnc.grammar.scene import DECLARATIONS, STATEMENTS, Bracket, Scene
from nnc.grammar.stacks import PAIRS
from nnc.grammar.terminals import END, tables

_ROUND_SHAPE: Final = re.compile(rf"\b({'|'.join(DTYPES)})\(([^()\n]*)\)$")
_CLOSING: Final = {"RPAR": "(", "RSQB": "[", "RBRACE": "{"}
_FOLLOWED_BY: Final = {"data": "LBRACE", "train": "LBRACE", "search": "LBRACE", "use": "STRING"}


def wrong_closing(scene: Scene) -> Diagnostic | None:
    """A closing bracket with no partner, or with another's."""
    opening = _CLOSING.get(scene.kind)
    if opening is None:
        return None
    if all(bracket.text != opening for bracket in scene.open):
        if scene.innermost is None or scene.innermost.text == "{":
            label = f"no `{opening}` is open here"
            return Diagnostic(
                "E012", f"stray `{scene.text}`", (Label(scene.span, label),), "remove it"
            )
        return _mismatched(scene, scene.innermost)
    if scene.innermost is None or scene.innermost.text == opening:
        return None
    if mistyped_closing(scene):
        return _mismatched(scene, scene.innermost)
    return unclosed(scene, scene.innermost)


def mistyped_closing(scene: Scene) -> bool:
    """Whether a closing bracket means the innermost open one, which is on its line.

    Its own partner is then further up, and will be closed further down.
    """
    opening = _CLOSING.get(scene.kind)
    if opening is None or scene.innermost is None or scene.innermost.text == opening:
        return False
    partner = max((b.span.start for b in scene.open if b.text == opening), default=-1)
    text, first = scene.source.text, scene.innermost.span.start
    return "\n" not in text[first : scene.token.start] and "\n" in text[partner + 1 : first]


def _mismatched(scene: Scene, bracket: Bracket) -> Diagnostic:
    right = PAIRS[bracket.text]
    labels = (Label(scene.span, f"expected `{right}`"), Label(bracket.span, "opened here"))
    return Diagnostic(
        "E012", f"`{bracket.text}` is closed by `{scene.text}`", labels, f"write `{right}`"
    )


def unclosed(scene: Scene, bracket: Bracket) -> Diagnostic:
    """A bracket that is still open where it can't be any more."""
    place = Span(scene.source, scene.end, scene.end) if scene.kind == END else scene.span
    right = PAIRS[bracket.text]
    labels = (Label(place, f"expected `{right}` before this"), Label(bracket.span, "opened here"))
    if scene.kind == END:
        labels = (Label(place, f"expected `{right}`"), labels[1])
    owner = _owner(scene, bracket)
    message = f"the `{bracket.text}`{owner} is never closed"
    return Diagnostic("E011", message, labels, f"close it with `{right}`")


def _owner(scene: Scene, bracket: Bracket) -> str:
    """` of model Net`, for a bracket that belongs to something with a name."""
    values = scene.stacks.values[: bracket.place]
    if not values:
        return ""
    if isinstance(values[-1], str) and (values[-1] in DECLARATIONS or values[-1].isidentifier()):
        return f" of `{values[-1]}`"
    if isinstance(values[-1], Name) and len(values) > 1 and values[-2] in {"model", "block"}:
        return f" of `{values[-2]} {values[-1].text}`"
    return ""


def unclosed_before(scene: Scene) -> Diagnostic | None:
    """A bracket still open where the file ends, or a declaration or statement begins."""
    if scene.innermost is None:
        return None
    if scene.kind == END:
        return unclosed(scene, scene.innermost)
    if begins_declaration(scene) and scene.indentation(scene.token.start) == 0:
        return unclosed(_at_word(scene), scene.innermost)
    if scene.kind == "LBRACE" and scene.innermost.text != "{":
        return unclosed(scene, scene.innermost)
    inner = len(scene.open) > 1 or scene.innermost.text != "{"
    if scene.starts_line and inner and begins_statement(scene):
        return unclosed(scene, scene.innermost)
    return None


def begins_declaration(scene: Scene) -> bool:
    """Whether a declaration begins at the token, or at a word before it taken for a name."""
    keywords = tables().keywords
    if scene.kind == keywords.get(scene.text) and scene.text in DECLARATIONS:
        return scene.starts_line
    if _FOLLOWED_BY.get(scene.word(1)) != scene.kind:
        return False
    return _first_on_line(scene, scene.stacks.starts[-1])


def swallowed_name(scene: Scene) -> bool:
    """Whether the token is the `=` of a statement whose name was taken for the end of the last."""
    if scene.kind != "ASSIGN" or scene.accepts("ASSIGN") or not scene.word(1).isidentifier():
        return False
    return _first_on_line(scene, scene.stacks.starts[-1])


def _first_on_line(scene: Scene, offset: int) -> bool:
    text = scene.source.text
    return not text[text.rfind("\n", 0, offset) + 1 : offset].strip("\ufeff \t")


def _at_word(scene: Scene) -> Scene:
    """The scene at the word that begins a declaration."""
    return scene if scene.text in DECLARATIONS else scene.back()


def begins_statement(scene: Scene) -> bool:
    """Whether the token begins a statement that is not further to the right than the open one."""
    if scene.text in STATEMENTS and scene.kind == tables().keywords[scene.text]:
        return True
    named = scene.kind == "PATH" and scene.after.startswith("=")
    bracket = scene.open[-1].span.start
    return named and scene.indentation(scene.token.start) <= scene.indentation(bracket)


def misplaced(scene: Scene) -> Diagnostic | None:
    """A statement in the wrong declaration, a declaration inside another."""
    keywords = tables().keywords
    if scene.kind != keywords.get(scene.text):
        return None
    if scene.text in DECLARATIONS and scene.open:
        what = f"`{scene.text}` can't stand inside `{scene.declaration}`"
        cure = "it stands on its own, beside the model"
        return Diagnostic("E036", what, (Label(scene.span),), cure)
    if scene.text not in STATEMENTS or not scene.starts_line or len(scene.open) > 1:
        return None
    if scene.open and not scene.accepts("RBRACE"):
        return None
    home = "`train`" if scene.text == "target" else "a `model` or `block`"
    if scene.open:
        what = f"`{scene.text}` can't stand in `{scene.declaration}`"
        label = Label(scene.span, f"this is a statement of {home}")
        cure = f"move it into {home}"
        if scene.text == "input" and scene.declaration == "train":
            cure = "what the data supply for the loss is a `target`: `target y: f32[1]`"
        return Diagnostic("E036", what, (label,), cure)
    what = f"`{scene.text}` stands outside of {home}"
    return Diagnostic(
        "E036", what, (Label(scene.span),), f"move it into {home}: between its braces"
    )


def other_bracket(scene: Scene) -> Diagnostic | None:
    """`Dense[3]`, `Dense{3}` for `Dense(3)`, and `f32(4)` for `f32[4]`."""
    if scene.kind in {"LSQB", "LBRACE"} and scene.accepts("_CALL") and scene.word(1).isidentifier():
        name, start = scene.word(1), scene.value_span(1).start
        cure = f"arguments stand in round brackets: `{name}(…)`"
        label = Label(scene.span, "expected `(`")
        if not scene.source.text[max(0, start - 20) : start].rstrip().endswith("->"):
            cure = f"a stage takes a part: `{name} -> Slice(0, 0, 2)`, or `Split`, or `Gather`"
            label = Label(scene.span, "values have no indices")
        return Diagnostic("E010", f"unexpected `{scene.text}`", (label,), cure)
    first = max(0, scene.end - 100)
    shape = _ROUND_SHAPE.search(scene.source.text[first : scene.end])
    if shape is None:
        return None
    place = Span(scene.source, first + shape.start(2) - 1, first + shape.end(2) + 1)
    label = Label(place, "expected `[` and `]`")
    cure = f"write `{shape[1]}[{shape[2]}]`"
    return Diagnostic("E010", "a shape stands in square brackets", (label,), cure)


def unseparated(scene: Scene) -> Diagnostic | None:
    """Two values side by side in a list or call."""
    bracket = scene.innermost
    if bracket is None or bracket.text == "{" or not scene.accepts("COMMA"):
        return None
    if scene.kind not in {"PATH", "NUMBER", "STRING", "TRUE", "FALSE", "LSQB", "LPAR", "_IF"}:
        return None
    labels = (Label(scene.span, "expected `,` before this"), Label(bracket.span, "opened here"))
    return Diagnostic("E010", f"unexpected {found(scene)}", labels, "put a `,` between the two")
