"""What a syntax error is called: the most particular of many descriptions that fits."""

from __future__ import annotations

import re
from typing import Final

from nnc.compiler.diagnostics import Diagnostic, Label
from nnc.compiler.source import Source, Span
from nnc.compiler.syntax import Input, Name
from nnc.compiler.types import DTYPES
from nnc.grammar import brackets, characters, habits, literals
from nnc.grammar.expected import expected, found
from nnc.grammar.scene import Scene
from nnc.grammar.terminals import END, LIMIT, MOST_TOKENS, UNCLOSED, UNKNOWN, tables

_COMPARISONS: Final = frozenset(("EQUAL", "UNEQUAL", "LESS", "AT_MOST", "MORE", "AT_LEAST"))
_TYPE: Final = re.compile(r"\w+(?:\[[^\]\n]*\])?")
_ARROW_OR_EQUAL: Final = "to compare write `==`, to apply a layer `->`"
_SMALLER: Final = "weights belong in a .safetensors file, and repeated layers in a loop"


def explain(scene: Scene) -> Diagnostic:
    """The one diagnostic for a token that doesn't fit."""
    if scene.kind == UNKNOWN:
        return characters.unknown(scene)
    if scene.kind == LIMIT:
        return _too_long(scene.span)
    if scene.kind == UNCLOSED:
        return characters.unclosed(scene)
    if brackets.swallowed_name(scene) and scene.word(1) not in tables().keywords:
        scene = scene.back()
    for describe in _DESCRIPTIONS:
        diagnostic = describe(scene)
        if diagnostic:
            return diagnostic
    return _unexpected(scene)


def _missing_colon(scene: Scene) -> Diagnostic | None:
    """`input x f32[2]`, `input x = f32[2]`, `target y i64`."""
    statement = scene.word(2)
    if scene.kind == "ASSIGN" and statement in {"input", "target"}:
        cure = f"write `{statement} {_name(scene, 1)}: f32[…]`; what is computed is an `output`"
        return _colon(scene.span, f"an {statement} has a type, after `:`", cure)
    if statement == "target" and scene.accepts("COLON"):
        return _colon(scene.span, "expected `:`", f"write `target {_name(scene, 1)}: f32[1]`")
    before = scene.part(2)
    last = before[-1] if isinstance(before, list) and before else None
    if isinstance(last, Input) and last.type is None and scene.word(1) in DTYPES:
        span = scene.value_span(1)
        written = _TYPE.match(span.source.text, span.start, span.start + 100)
        cure = f"write `input {last.name.text}: {written[0] if written else span.text}`"
        return _colon(span, "expected `:` before this", cure)
    return None


def _colon(span: Span, label: str, cure: str) -> Diagnostic:
    return Diagnostic("E034", "a `:` is missing before the type", (Label(span, label),), cure)


def _name(scene: Scene, place: int) -> str:
    name = scene.part(place)
    return name.text if isinstance(name, Name) else "x"


def _equals(scene: Scene) -> Diagnostic | None:
    """`=` for `==`, `==` for `=`, `:` for `=`, `=>` for `->`."""
    follows = scene.source.text[scene.token.end : scene.token.end + 1]
    if scene.kind == "ASSIGN" and follows == ">":
        return _arrow(Span(scene.source, scene.token.start, scene.token.end + 1))
    if scene.kind in {"MORE", "AT_LEAST"} and scene.word(1) == "-":
        return _arrow(Span(scene.source, scene.value_span(1).start, scene.token.end))
    if scene.kind == "ASSIGN" and scene.accepts("EQUAL"):
        label = Label(scene.span, "`=` gives a name, and this is inside a value")
        return Diagnostic("E033", "unexpected `=`", (label,), _ARROW_OR_EQUAL)
    if scene.kind in {"EQUAL", "COLON"} and scene.accepts("ASSIGN"):
        pasted = Span(scene.source, scene.token.start, scene.token.end + (follows == "="))
        label = Label(pasted, "expected `=`")
        return Diagnostic("E033", f"unexpected `{pasted.text}`", (label,), "write `=`")
    return None


def _arrow(span: Span) -> Diagnostic:
    return Diagnostic("E035", f"`{span.text}` is not an arrow", (Label(span),), "write `->`")


def _missing_arrow(scene: Scene) -> Diagnostic | None:
    """`x Dense(2)`: the word before the token is on the line of the value before it."""
    if scene.kind in {"_FOR", "_IF"} and scene.accepts("ARROW") and not scene.starts_line:
        return _no_arrow(scene.span)
    if not scene.word(1).replace(".", "_").isidentifier() or not scene.accepts("ARROW"):
        return None
    word = scene.value_span(1)
    if isinstance(scene.part(2), list) and scene.part(2) and literals.continues_line(word):
        return _no_arrow(word)
    return None


def _no_arrow(span: Span) -> Diagnostic:
    cure = f"write `-> {span.text}`"
    return Diagnostic(
        "E035", f"a `->` is missing before `{span.text}`", (Label(span, "expected `->`"),), cure
    )


def stage_or_statement(first: Span) -> Diagnostic:
    """A statement that begins with `first` where a value on its line may go on."""
    if first.text.startswith("("):
        cure = "arguments stand before `as`: `Dense(2) as fc`"
        bracket = Span(first.source, first.start, first.start + 1)
        label = Label(bracket, "a statement begins on a line of its own")
        return Diagnostic("E010", "unexpected `(`", (label,), cure)
    return _no_arrow(first)


def _comparison(scene: Scene) -> Diagnostic | None:
    if scene.kind not in _COMPARISONS or not scene.accepts("AND") or scene.accepts(scene.kind):
        return None
    label = Label(scene.span, "a second comparison")
    return Diagnostic(
        "E010", "comparisons can't be chained", (label,), "write `a < b and b < c` for `a < b < c`"
    )


def _header(scene: Scene) -> Diagnostic | None:
    """`model Net(x)`, `model Net:`, `assert c` without its message, `as "fc"`."""
    if scene.kind in {"_CALL", "LPAR"} and scene.word(2) == "model":
        cure = (
            "only a `block` takes parameters; a model's are declared above it: `param width = 64`"
        )
        return Diagnostic("E010", "a model takes no parameters", (Label(scene.span),), cure)
    if scene.kind == "COLON" and scene.accepts("LBRACE"):
        cure = "a body stands in braces: `{ … }`"
        return Diagnostic("E010", "unexpected `:`", (Label(scene.span, "expected `{`"),), cure)
    if scene.kind == "COMMA" and scene.innermost and scene.innermost.text == "{":
        cure = "leave it out: a statement ends where the next begins"
        return Diagnostic("E010", "unexpected `,`", (Label(scene.span),), cure)
    if scene.kind == "STRING" and scene.word(1) == "as":
        cure = "write the name without quotes: `as fc`"
        return Diagnostic("E010", "a layer's name is not a text", (Label(scene.span),), cure)
    if scene.word(2) == "assert" and scene.accepts("COMMA"):
        cure = 'write `assert condition, "what is wrong when it does not hold"`'
        return Diagnostic("E010", "an `assert` says what is wrong", (Label(scene.last),), cure)
    return None


def _unexpected(scene: Scene) -> Diagnostic:
    """What was found and what may stand there."""
    wanted = expected(scene)
    if scene.starts_line and scene.last.text:
        labels = [Label(scene.last, f"expected {wanted} after this")]
        if scene.kind != END:
            labels.append(Label(scene.span, f"found {found(scene)}"))
        message = f"expected {wanted} after `{scene.last.text}`"
        return Diagnostic("E010", message, tuple(labels))
    label = Label(scene.span, f"expected {wanted}")
    return Diagnostic("E010", f"unexpected {found(scene)}", (label,))


_DESCRIPTIONS: Final = (
    habits.slash_comment,
    brackets.other_bracket,
    brackets.wrong_closing,
    brackets.unclosed_before,
    habits.foreign_word,
    habits.foreign_call,
    brackets.misplaced,
    habits.word_as_name,
    habits.statement_stage,
    habits.foreign_conditional,
    _missing_colon,
    _equals,
    _missing_arrow,
    habits.misspelt_word,
    _comparison,
    habits.operator_after_stage,
    _header,
    brackets.unseparated,
)
"""From the most certain to the least; the first that fits is said."""


def _too_long(span: Span) -> Diagnostic:
    message = f"{span.source.name} is too large: more than {MOST_TOKENS:,} words, signs and spaces"
    return Diagnostic("E031", message, (Label(span, "read up to here"),), _SMALLER)


def too_large(source: Source, limit: int) -> Diagnostic:
    size = f"{len(source.text):,} characters"
    return Diagnostic(
        "E031",
        f"{source.name} is too large: {size}",
        (Label(Span(source, 0, 0), f"at most {limit:,} characters are read"),),
        _SMALLER,
    )


def empty(source: Source) -> Diagnostic:
    return Diagnostic(
        "E030",
        f"{source.name} declares nothing",
        (Label(Span(source, 0, 0), "expected a declaration such as `model`"),),
        "model Net {\n  input x: f32[2]\n  output y = x -> Dense(1)\n}",
    )


def too_deep(span: Span, limit: int) -> Diagnostic:
    return Diagnostic(
        "E016",
        f"this is nested more than {limit} levels deep",
        (Label(span, "one level too many"),),
        "give a part of it a name on a line of its own, and use the name",
    )
