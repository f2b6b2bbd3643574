"""Terminals in the user's words: what was found, and what may stand in its place."""

from __future__ import annotations

from typing import Final

from nnc.grammar.scene import Scene
from nnc.grammar.terminals import END, tables

_VALUE: Final = frozenset(("NUMBER", "STRING", "TRUE", "FALSE", "PATH"))
_VALUE_STARTS: Final = _VALUE | {"LPAR", "LSQB", "MINUS", "NOT", "_IF"}
_STAGE_STARTS: Final = frozenset(("PATH", "LPAR", "_FOR", "_IF"))
_STATEMENT_STARTS: Final = frozenset(
    ("_INPUT", "_OUTPUT", "_LAYER", "_ASSERT", "_LAYOUT", "PATH", "LPAR")
)
_DECLARATION_STARTS: Final = frozenset(
    ("_USE", "_PARAM", "_BLOCK", "_MODEL", "_DATA", "_TRAIN", "_SEARCH")
)
_COMPARISONS: Final = frozenset(("EQUAL", "UNEQUAL", "LESS", "AT_MOST", "MORE", "AT_LEAST"))
ARITHMETIC: Final = frozenset(
    ("PLUS", "MINUS", "TIMES", "OVER", "FLOOR_OVER", "MODULO", "MATRIX", "POWER")
)
_OPERATORS: Final = _COMPARISONS | ARITHMETIC | {"AND", "OR"}
_MOST: Final = 4
_KINDS: Final = {
    "PATH": "a name",
    "NUMBER": "a number",
    "STRING": "a text in double quotes",
    "_CALL": "`(`",
    END: "the end of the file",
}


def found(scene: Scene) -> str:
    """The token, as a message names it."""
    if scene.kind == END:
        return "the end of the file"
    if scene.kind == "STRING" or len(scene.text) > 40:
        return "a text" if scene.kind == "STRING" else f"`{scene.text[:40]}…`"
    return f"`{scene.text}`"


def expected(scene: Scene) -> str:
    """What may stand where the token stands: `` `)`, `,` or `->` ``."""
    terminals = _OPERATORS | _DECLARATION_STARTS | _STATEMENT_STARTS | _VALUE_STARTS | set(_KINDS)
    terminals |= set(tables().literals) | set(tables().keywords.values())
    allowed = {kind for kind in terminals if scene.accepts(kind)}
    words = _taken_together(allowed)
    if words:
        allowed.discard(END)
    words += sorted(_word(kind) for kind in allowed)
    if len(words) > _MOST:
        words = words[:_MOST]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _taken_together(allowed: set[str]) -> list[str]:
    """Names for whole kinds of terminals, which are taken out of `allowed`."""
    words = []
    for starts, mark, word in (
        (_DECLARATION_STARTS, "_MODEL", "a declaration such as `model` or `train`"),
        (_STATEMENT_STARTS, "_OUTPUT", "a statement"),
        (_STAGE_STARTS, "_FOR", "a layer"),
        (_VALUE_STARTS, "STRING", "a value"),
    ):
        whole = mark in allowed and (mark != "STRING" or "NUMBER" in allowed)
        if whole:
            allowed -= starts
            words.append(word)
    if allowed & {"AND", "OR", "POWER"}:
        allowed -= _OPERATORS
        words.append("an operator")
    # What closes comes first: it is the likeliest.
    closing = [kind for kind in ("RPAR", "RSQB", "RBRACE", "COMMA", "ARROW") if kind in allowed]
    if "ASSIGN" in allowed:
        closing = [kind for kind in closing if kind != "COMMA"]
        allowed.discard("COMMA")
    allowed.difference_update(closing)
    return [_word(kind) for kind in closing] + words


def _word(kind: str) -> str:
    literal = tables().literals.get(kind)
    return _KINDS.get(kind) or f"`{literal or kind.strip('_').lower()}`"
