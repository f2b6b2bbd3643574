"""After a mistake: where the parse may go on without making up more of them.

It goes on at the next declaration, or at the next statement of the body that it was in, when that
begins its line; and at the brace that closes the body.
"""

from __future__ import annotations

from typing import Final

from nnc.grammar.brackets import (
    begins_declaration,
    begins_statement,
    mistyped_closing,
    swallowed_name,
)
from nnc.grammar.scene import DECLARATIONS, STATEMENTS, Scene
from nnc.grammar.stacks import PAIRS, Abandoned, Stacks, Tokens
from nnc.grammar.terminals import END, LIMIT, Token, tables

_OPENING: Final = frozenset(("_CALL", "LPAR", "LSQB", "LBRACE"))
_CLOSING: Final = frozenset(("RPAR", "RSQB", "RBRACE"))
_FARTHEST: Final = 100_000
"""So many tokens are skipped to find one to go on with."""


def recover(scene: Scene, tokens: Tokens) -> Token:
    """Cut the stacks back to where the returned token fits. Raises `Abandoned` at the end."""
    late = begins_declaration(scene) and scene.text not in DECLARATIONS
    if late or swallowed_name(scene):
        tokens.put_back(scene.token)
        scene = scene.back()
    search = _Search(scene, tokens)
    token, end = scene.token, scene.end
    if mistyped_closing(scene):
        search.close_innermost()
        token, end = next(tokens), token.end
    for _ in range(_FARTHEST):
        if token.kind in {END, LIMIT}:
            break
        if search.may_go_on(token, end):
            return token
        token, end = next(tokens), token.end
    raise Abandoned


class _Search:
    """Looks at token after token for one to go on with.

    `_open` are the brackets open there: those of the stacks, which have a place on them, and those
    that were skipped, which have none.
    """

    def __init__(self, scene: Scene, tokens: Tokens) -> None:
        self._scene = scene
        self._tokens = tokens
        self._open: list[tuple[str, int | None]] = [(b.text, b.place) for b in scene.open]
        if scene.open and scene.starts_line and begins_statement(scene):
            del self._open[1:]
        self._has_body = bool(scene.open) and scene.declaration in {
            "block",
            "model",
            "data",
            "train",
            "search",
        }

    def close_innermost(self) -> None:
        self._open.pop()

    def may_go_on(self, token: Token, end: int) -> bool:
        """Whether the parse can go on at a token; if so the stacks have been cut back."""
        text = self._scene.source.text
        starts_line = "\n" in text[end : token.start] or token.start == 0
        word = text[token.start : token.end]
        if starts_line and word in DECLARATIONS and self._is_declaration(token, word):
            return self._cut(0, token)
        if starts_line and self._has_body and self._is_statement(token, word):
            return self._cut_to_body(token)
        if token.kind in _OPENING:
            self._open.append((word, None))
        elif token.kind in _CLOSING:
            return self._closes_body(word) and self._cut_to_body(token)
        return False

    def _is_declaration(self, token: Token, word: str) -> bool:
        text = self._scene.source.text
        at_margin = token.start == 0 or text[token.start - 1] in "\n\ufeff"
        if self._open and not at_margin:
            return False
        return token.kind == tables().keywords[word] or self._following() in {"LBRACE", "STRING"}

    def _is_statement(self, token: Token, word: str) -> bool:
        if any(bracket == "{" and place is None for bracket, place in self._open):
            return False
        if word in STATEMENTS and token.kind == tables().keywords[word]:
            return True
        is_name = token.kind == "PATH" or token.kind in tables().choices
        return is_name and len(self._open) == 1 and self._following() == "ASSIGN"

    def _following(self) -> str:
        following = next(self._tokens)
        self._tokens.put_back(following)
        return following.kind

    def _closes_body(self, closing: str) -> bool:
        """Take a closing bracket into account. Braces close what is open inside them."""
        brackets = [bracket for bracket, _ in self._open]
        if closing == "}" and "{" in brackets:
            while self._open[-1][0] != "{":
                self._open.pop()
        if not self._open or PAIRS[self._open[-1][0]] != closing:
            return False
        _, place = self._open.pop()
        return not self._open and place is not None and self._has_body

    def _cut_to_body(self, token: Token) -> bool:
        return self._cut(self._scene.open[0].place + 1, token)

    def _cut(self, size: int, token: Token) -> bool:
        """Keep so many parts and the list of statements or declarations after them."""
        values = self._scene.stacks.values
        size += len(values) > size and isinstance(values[size], list)
        cut = Stacks(*(list(stack[:size]) for stack in self._scene.stacks))
        cut.states.append(self._scene.stacks.states[size])
        scene = Scene(self._scene.source, cut, token, self._scene.end)
        kinds = (token.kind, *tables().choices.get(token.kind, ()))
        if not any(scene.accepts(kind) for kind in kinds):
            return False
        for stack, kept in zip(self._scene.stacks, cut, strict=True):
            del stack[len(kept) :]
        return True
