"""Characters that begin no token: other people's quotes and signs, damaged numbers and strings."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from nnc.compiler.diagnostics import Diagnostic, Label
from nnc.compiler.source import Span
from nnc.grammar import notation
from nnc.grammar.scene import Scene

# Every sign may be written by hand, pasted from a text, or come from another language.
_MEANT: Final = {
    **dict.fromkeys("→⟶➔⇒", "->"),
    **dict.fromkeys("–—−", "-"),
    **dict.fromkeys("×·∙⋅", "*"),
    **dict.fromkeys("“”„‟«»″", '"'),
    **dict.fromkeys("‘’‚`´", '"'),
    "÷": "/",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "^": "**",
    "…": "..",
    "，": ",",
    "：": ":",
    "（": "(",
    "）": ")",
    "＝": "=",
}
_FOREIGN: Final = {"&&": "and", "||": "or", "|>": "->", "|": "->", "!": "not ", "&": "and"}
_DAMAGED_NUMBER: Final = re.compile(r"\.?[0-9](?:[\w.]|(?<=[eE])[+-])*")
_QUOTED: Final = re.compile(r"'([^'\r\n]*)'")


def unknown(scene: Scene) -> Diagnostic:
    """What to say about a character that no token begins with."""
    text, start = scene.source.text, scene.token.start
    number = _DAMAGED_NUMBER.match(text, start, start + 200)
    if number:
        return _damaged_number(scene, number[0])
    quoted = _QUOTED.match(text, start, start + 1000)
    if scene.text == "'" and quoted:
        span = Span(scene.source, start, quoted.end())
        cure = f"write `{notation.string(quoted[1])}`"
        return Diagnostic("E013", "texts stand in double quotes", (Label(span),), cure)
    if scene.text == "'":
        return Diagnostic(
            "E013", "texts stand in double quotes", (Label(scene.span, "a single quote"),)
        )
    sign = text[start : start + 2] if text[start : start + 2] in _FOREIGN else scene.text
    if sign in _FOREIGN:
        span = Span(scene.source, start, start + len(sign))
        meant = "->" if sign == "|" and scene.accepts("ARROW") else _FOREIGN[sign]
        return Diagnostic("E032", _not_here(sign), (Label(span),), f"write `{meant.strip()}`")
    return _stray(scene)


def unclosed(scene: Scene) -> Diagnostic:
    """A double quote without its partner on the line."""
    start = scene.token.start
    quote = Span(scene.source, start, start + 1)
    ends = "its line ends and the text doesn't"
    cure = 'put `"` where the text ends; a line break in a text is written `\\n`'
    return Diagnostic("E013", "this text is never closed", (Label(quote, ends),), cure)


def _not_here(sign: str) -> str:
    return f"`{sign}` is not a sign of the language"


def _stray(scene: Scene) -> Diagnostic:
    character = scene.text
    label = (Label(scene.span),)
    if character in _MEANT:
        return Diagnostic("E015", _not_here(character), label, f"write `{_MEANT[character]}`")
    if character == ";":
        cure = "leave it out: a statement ends where the next begins"
        return Diagnostic("E015", _not_here(character), label, cure)
    if character == ".":
        cure = "a dot stands inside a name (`lstm.hidden`) or a number, without spaces"
        return Diagnostic("E015", "a dot on its own", label, cure)
    if character == "\\":
        cure = "leave it out: a statement may go on in the next line"
        return Diagnostic("E015", _not_here(character), label, cure)
    name = unicodedata.name(character, "")
    code = f"U+{ord(character):04X}"
    shown = f"`{character}` ({code})" if character.isprintable() else code
    what = f"{shown} {name}".strip().lower() if not character.isprintable() else shown
    what = what.replace(code.lower(), code)
    return Diagnostic("E015", f"unexpected character {what}", label, "leave it out")


def _damaged_number(scene: Scene, text: str) -> Diagnostic:
    start = scene.token.start
    span = Span(scene.source, start, start + len(text))
    if scene.word(1) == "as":
        cure = "write `as 0` or `as first`; dots come from the layers around it"
        return Diagnostic("E038", f"`{text}` can't be the name of a layer", (Label(span),), cure)
    message = f"`{text}` is not a number"
    return Diagnostic("E018", message, (Label(span),), _number_cure(text))


def _number_cure(text: str) -> str:
    if re.fullmatch(r"\.[0-9][0-9_]*([eE][+-]?[0-9]+)?", text):
        return f"write `0{text}`"
    if re.fullmatch(r"[0-9][0-9_]*\.", text):
        return f"write `{text}0`"
    dotted = re.fullmatch(r"([0-9][0-9_]*)\.([eE].*)", text)
    if dotted:
        return f"write `{dotted[1]}{dotted[2]}`"
    if re.fullmatch(r"0[xXbBoO][0-9a-fA-F_]+", text):
        return f"write it in decimal: `{_decimal(text)}`"
    product = re.fullmatch(r"([0-9][0-9_]*)([^\W\d]\w*)", text)
    if product:
        return f"a name begins with a letter; a product is `{product[1]} * {product[2]}`"
    return "as in `3`, `0.5`, `20_000` or `1e-4`"


def _decimal(text: str) -> str:
    try:
        return str(int(text, 0))
    except ValueError:
        return "255"
