"""Words and forms of other languages, and words of this one that are misspelt or out of place."""

from __future__ import annotations

import re
from typing import Final

from nnc.compiler.diagnostics import Diagnostic, Label, nearest
from nnc.compiler.source import Span
from nnc.grammar.expected import ARITHMETIC
from nnc.grammar.scene import DECLARATIONS, STATEMENTS, Scene
from nnc.grammar.terminals import tables

_BLOCK: Final = "a reusable part is a block: `block Name(width) { … }`"
_BIND: Final = "leave it out: `x = …` gives a value its name"
_WORDS: Final = {
    **dict.fromkeys(("def", "fn", "func", "function", "lambda"), _BLOCK),
    "class": "a network is `model Name { … }`, a reusable part `block Name { … }`",
    **dict.fromkeys(("let", "var", "const", "val"), _BIND),
    "return": "the result of a model or block is `output y = …`",
    **dict.fromkeys(("import", "from", "include"), 'blocks of another file: `use "blocks.nn"`'),
    **dict.fromkeys(("elif", "elseif"), "write `else { if c { a } else { b } }`"),
    "while": "a loop counts: `for i in 0..3 { … }`",
    "is": "write `==`",
}
_CALLED: Final = re.compile(r"(\w+\([^()\n]*\))\(([^()\n]+)\)$")
_ENDS_VALUE: Final = frozenset(("PATH", "NUMBER", "STRING", "TRUE", "FALSE"))


def foreign_word(scene: Scene) -> Diagnostic | None:
    """`def f`, `return x`, `let x = 3`, `elif`: at the word or just after it."""
    if scene.kind == "PATH" and scene.text in _WORDS:
        span = scene.span
    elif scene.word(1) in _WORDS:
        span = scene.value_span(1)
    else:
        return None
    message = f"`{span.text}` is not a word of the language"
    return Diagnostic("E032", message, (Label(span),), _WORDS[span.text])


def foreign_conditional(scene: Scene) -> Diagnostic | None:
    """`a if c else b`, `else if`, and `for i in range(3)`."""
    if scene.kind == "_IF" and scene.word(1) == "else":
        cure = "write `else { if c { a } else { b } }`"
        return Diagnostic("E032", "`else` is followed by braces", (Label(scene.span),), cure)
    if scene.kind == "_IF" and not scene.starts_line and "else" in scene.after:
        cure = "write `if c { a } else { b }`"
        return Diagnostic("E032", "a condition begins with `if`", (Label(scene.span),), cure)
    if scene.kind == "LBRACE" and scene.accepts("RANGE"):
        first = max(0, scene.end - 200)
        counted = re.search(r"range\(([^(),]+)\)$", scene.source.text[first : scene.end])
        cure = f"write `0..{counted[1]}`" if counted else "as in `for i in 0..3 { … }`"
        start = first + counted.start() if counted else scene.last.start
        label = Label(Span(scene.source, start, scene.end))
        return Diagnostic("E032", "a loop counts from a number to another", (label,), cure)
    return None


def foreign_call(scene: Scene) -> Diagnostic | None:
    """`Dense(3)(x)`: a layer that is called with what flows into it. On a line of its own the
    second bracket was taken for a statement, and the token stands behind it."""
    text, end = scene.source.text, scene.token.start
    if scene.kind in {"LPAR", "_CALL"} and text[end - 1] == ")":
        end += max(text[end : end + 80].find(")"), 0) + 1
    elif not scene.starts_line:
        return None
    else:
        end = scene.end
    found = _CALLED.search(text[max(0, end - 160) : end])
    if found is None:
        return None
    called, given = found[1], found[2]
    source = f"({given})" if "," in given else given
    start = end - len(given) - 2
    label = Label(Span(scene.source, start, start + 1), "this calls what a call gives")
    cure = f"write `{source} -> {called}`"
    return Diagnostic("E035", "a layer is applied with an arrow", (label,), cure)


def statement_stage(scene: Scene) -> Diagnostic | None:
    """`for` and `if` at the start of a statement."""
    cures = {"_FOR": "h = x -> for i in 0..3 { Dense(8) }", "_IF": "h = if c { a } else { b }"}
    braces = scene.innermost is not None and scene.innermost.text == "{"
    if scene.kind not in cures or not braces or not scene.starts_line:
        return None
    message = f"`{scene.text}` begins no statement: it is a part of one"
    return Diagnostic("E032", message, (Label(scene.span),), f"as in `{cures[scene.kind]}`")


def operator_after_stage(scene: Scene) -> Diagnostic | None:
    """`x -> Dense(3) * 2`."""
    if scene.kind not in ARITHMETIC or not scene.accepts("ARROW") or scene.starts_line:
        return None
    label = Label(scene.span, "this joins values, and a stage stands before it")
    cure = f"put the chain into brackets: `(x -> Dense(8)) {scene.text} 2`"
    if scene.after.startswith("="):
        name = scene.last.text
        cure = f"write `{name} = {name} {scene.text} …`"
    return Diagnostic("E010", f"unexpected `{scene.text}`", (label,), cure)


def slash_comment(scene: Scene) -> Diagnostic | None:
    """`// words` and `/* words */`."""
    text, start = scene.source.text, scene.token.start
    place = -1
    if text[start : start + 2] in {"//", "/*"}:
        place = start
    elif text[start - 1 : start + 1] == "/*":
        place = start - 1
    else:
        first = max(text.rfind("\n", 0, scene.end) + 1, scene.end - 200)
        words = re.search(r"//\s*[^\W\d]\w*\s+[^\W\d]\w*|/\*", text[first : start + 200])
        place = first + words.start() if words and first + words.start() < start else -1
    if place < 0:
        return None
    span = Span(scene.source, place, place + 2)
    return Diagnostic("E019", "a comment begins with `#`", (Label(span),), "write `# …`")


def word_as_name(scene: Scene) -> Diagnostic | None:
    """`for = 3`, `input = x`, `model train.x {`: a word of the language where a name belongs."""
    keywords = tables().keywords
    equals = scene.after.startswith("=") and not scene.after.startswith("==")
    if scene.kind in keywords.values() and scene.text in keywords and scene.accepts("PATH"):
        names_only = not scene.wants_value and not scene.wants_stage and not scene.accepts("RBRACE")
        if names_only or equals:
            return _word(scene.span, f"`{scene.text}_`")
    if scene.kind == "ASSIGN" and scene.word(1) in keywords:
        span = scene.value_span(1)
        cure = f"`{span.text}_`"
        if span.text in {"output", "layer", "target", "param"}:
            cure = f"`{span.text} NAME = …`, or {cure}"
        return _word(span, cure)
    return None


def _word(span: Span, cure: str) -> Diagnostic:
    message = f"`{span.text}` is a word of the language, and not a name"
    return Diagnostic("E017", message, (Label(span),), f"choose another name: {cure}")


def misspelt_word(scene: Scene) -> Diagnostic | None:
    """`modle Net {`, `ouput y = …`: a word at the start of a declaration or statement."""
    if not scene.open and scene.kind == "PATH" and scene.accepts("_MODEL"):
        return _misspelt(scene.span, DECLARATIONS, "a file holds declarations")
    if scene.kind in _ENDS_VALUE and not scene.starts_line and scene.open:
        before = scene.word(1)
        statements = ("target",) if scene.declaration == "train" else STATEMENTS[:-1]
        unknown = before.isidentifier() and before not in tables().keywords
        if unknown and nearest(before, statements):
            return _misspelt(scene.value_span(1), statements, "no statement begins so")
    return None


def _misspelt(span: Span, known: tuple[str, ...], label: str) -> Diagnostic:
    word = nearest(span.text, known)
    choice = "expected " + ", ".join(f"`{one}`" for one in known[:-1]) + f" or `{known[-1]}`"
    return Diagnostic(
        "E010",
        f"unexpected `{span.text}`",
        (Label(span, label),),
        f"did you mean `{word}`?" if word else choice,
    )
