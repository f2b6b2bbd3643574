"""Diagnostics of every form, to be rendered."""

from __future__ import annotations

from nnc.compiler.diagnostics import Diagnostic, Label
from nnc.compiler.source import NOWHERE, Source, Span

SPEC = Source(
    "model.nn",
    """\
model Demo {
  input x: f32[3, 8, 8]
  h = x -> Flatten
  output y = h -> Conv2D(8, kernal=3)
\t日本 = x -> e\u0301té -> Nope
  z = x -> for i in 0..3 {
    Dense(3)
    -> relu
  }
  w =
    x ->
    for i in 0..3 {
      Dense(3)
      -> relu
      -> relu
    } -> tanh
}
""",
)
HOSTILE = Source("a\x1b[31mb\n%,:.nn", "x = \x1b]0;title\x07 -> \u202eesrever\r\ny = \x00\r\n")
JSON = Source(
    "spec.json",
    '{"nodes": [1, {"units": -2}]}',
    (
        (0, 29, ""),
        (10, 28, "/nodes"),
        (11, 12, "/nodes/0"),
        (14, 27, "/nodes/1"),
        (24, 26, "/nodes/1/units"),
    ),
)
LONG = Source("long.nn", f"{'left + ' * 1000}-> Nope -> {'right + ' * 1000}")
EMPTY = Source("empty.nn", "")


def place(text: str, source: Source = SPEC, after: int = 0) -> Span:
    """The first place of a text in a source, from an offset on."""
    start = source.text.index(text, after)
    return Span(source, start, start + len(text))


def label(text: str, said: str = "", source: Source = SPEC) -> Label:
    return Label(place(text, source), said)


EXAMPLES = {
    "misspelt": Diagnostic(
        "E201",
        "Conv2D has no argument `kernal`",
        (label("kernal", "no such argument"),),
        help="did you mean `kernel`?",
    ),
    "conflict": Diagnostic(
        "E301",
        "Conv2D needs an image of 3 axes",
        (
            label("Conv2D(8, kernal=3)", "this needs `f32[channels, height, width]`"),
            label("Flatten", "this makes `f32[192]`"),
            label("x: f32[3, 8, 8]", "from this"),
        ),
        help="take the image before it is flattened:\n  x -> Conv2D(8, 3) -> Flatten",
        notes=("the batch is not counted",),
    ),
    "same_line": Diagnostic(
        "E203",
        "`kernal` is not an argument of Conv2D",
        (
            label("kernal", "this"),
            label("Conv2D", "of this"),
            label("h -> Conv2D(8, kernal=3)", "in this chain\nof two"),
        ),
    ),
    "unicode": Diagnostic(
        "E101",
        "no layer is called `Nope`",
        (label("Nope", "not known"), label("e\u0301té", "one letter of two"), label("日本")),
    ),
    "lines": Diagnostic(
        "E401",
        "the loop is too large",
        (label("for i in 0..3 {\n    Dense(3)\n    -> relu\n  }", "this loop"), label("h = x")),
    ),
    "many_lines": Diagnostic(
        "W102",
        "the loop does nothing",
        (
            Label(Span(SPEC, SPEC.text.index("    for") + 4, SPEC.text.index(" -> tanh")), "all"),
            label("output y", "above"),
            Label(place("}\n", after=SPEC.text.index("tanh")), "behind"),
        ),
    ),
    "other_file": Diagnostic(
        "W101",
        "`esrever` is hostile",
        (
            label("relu", "used here"),
            label("esrever", "made here", HOSTILE),
            label("y", source=HOSTILE),
        ),
    ),
    "json": Diagnostic("E202", "`units` is -2", (label("-2", "must be above 0", JSON),)),
    "long_line": Diagnostic(
        "E101",
        "no layer is called `Nope`",
        (
            label("Nope", "not known", LONG),
            label("->", "after this", LONG),
            label("left", "", LONG),
        ),
    ),
    "end": Diagnostic(
        "E002",
        "the file ends inside a model",
        (Label(Span(SPEC, len(SPEC.text), len(SPEC.text)), "expected `}`"),),
    ),
    "empty": Diagnostic("E003", "the file is empty", (Label(Span(EMPTY, 0, 0), "write a model"),)),
    "nowhere": Diagnostic(
        "E004",
        "no such\nfile: \x1b[0m`model.nn`",
        (Label(NOWHERE, "not found"),),
        notes=("really",),
    ),
    "placeless": Diagnostic("E005", "nothing was given"),
}
