"""What is said about mistakes of syntax, and where. « and » stand around the marked place."""

from __future__ import annotations

import pytest

from tests.grammar.trees import mistakes

BODY = [
    # brackets
    ("y = x -> Dense(2\n «output» z = x", "E011", "the `(` of `Dense` is never closed", "with `)`"),
    ("y = x -> for i in 0..3 { a\n «output» z = x", "E011", "the `{` is never", "with `}`"),
    ("y = [1, 2\n «z» = 3", "E011", "the `[` is never closed", "close it with `]`"),
    ("y = f(a, b«}» -> c", "E012", "`(` is closed by `}`", "write `)`"),
    ("y = f(x)«)» -> g", "E012", "stray `)`", "remove it"),
    ("y = [1, 2«)»", "E012", "`[` is closed by `)`", "write `]`"),
    # texts
    ('y = f(«"»abc)', "E013", "this text is never closed", 'put `"`'),
    ("y = f(«'a\"b'»)", "E013", "texts stand in double quotes", r'write `"a\"b"`'),
    ("y = f(«'»abc)", "E013", "texts stand in double quotes", None),
    (r'y = f("a«\d»")', "E014", r"unknown escape `\d` in a string", r"write `\\d`"),
    (r'y = f("a«\u»00g0")', "E014", r"unknown escape `\u` in a string", "é"),
    (r'y = f(«"\ud800"»)', "E014", "half of a character in a string", "both halves"),
    ('y = f("a«\x00»")', "E015", "the string holds the control character U+0000", r"`\u0000`"),
    ('y = f("a«\ud800»")', "E015", "the string holds U+D800, which is half", None),
    # characters
    ("y = x «→» relu", "E015", "`→` is not a sign of the language", "write `->`"),
    ("y = a «≤» b", "E015", "`≤` is not a sign of the language", "write `<=`"),
    ("y = f(«“»a”)", "E015", "`“` is not a sign of the language", 'write `"`'),
    ("y = x«;»", "E015", "`;` is not a sign of the language", "leave it out"),
    ("y = x «\\»\n -> relu", "E015", "`\\` is not a sign of the language", "leave it out"),
    ("y = a«.»", "E015", "a dot on its own", "lstm.hidden"),
    ("y = a«\0»", "E015", "unexpected character U+0000", "leave it out"),
    ("y = a«\u200b»", "E015", "unexpected character U+200B zero width space", "leave it out"),
    ("y = «?»", "E015", "unexpected character `?` (U+003F)", "leave it out"),
    # words
    ("y = x «as» fc", "E010", "unexpected `as`", None),
    ("«for» = 3", "E017", "`for` is a word of the language, and not a name", "`for_`"),
    ("«output» = x", "E017", "`output` is a word of the language", "`output NAME = …`"),
    ("y = x -> relu as «if»", "E017", "`if` is a word of the language", "`if_`"),
    ("y = f(«in»=3)", "E017", "`in` is a word of the language", "`in_`"),
    ("«ouput» y = x", "E010", "unexpected `ouput`", "did you mean `output`?"),
    # numbers
    ("y = «1.»", "E018", "`1.` is not a number", "write `1.0`"),
    ("y = «.5» + x", "E018", "`.5` is not a number", "write `0.5`"),
    ("y = «1.e5»", "E018", "`1.e5` is not a number", "write `1e5`"),
    ("y = «0x1F»", "E018", "`0x1F` is not a number", "in decimal: `31`"),
    ("y = «2x»", "E018", "`2x` is not a number", "`2 * x`"),
    ("y = «1.2.3»", "E018", "`1.2.3` is not a number", "as in"),
    ("y = «1__0»", "E018", "`1__0` is not a number", "write `1_0`"),
    ("y = «1e999»", "E018", "`1e999` is too large", None),
    (f"y = «{'9' * 400}»", "E018", "this number has 400 characters", "1e12"),
    # comments
    ("«//» the first\n y = x", "E019", "a comment begins with `#`", "write `# …`"),
    ("y = x «//» the first", "E019", "a comment begins with `#`", "write `# …`"),
    ("y = x -> relu «/*» so */", "E019", "a comment begins with `#`", "write `# …`"),
    # other languages
    ("y = f(bias=«True»)", "E032", "`True` is not a word of the language", "write `true`"),
    ("y = f(bias=«None»)", "E032", "`None` is not a word of the language", "leave the argument"),
    ("y = a «&&» b", "E032", "`&&` is not a sign of the language", "write `and`"),
    ("y = «!»a", "E032", "`!` is not a sign of the language", "write `not`"),
    ("y = x «|>» relu", "E032", "`|>` is not a sign of the language", "write `->`"),
    ("«return» y", "E032", "`return` is not a word of the language", "`output y = …`"),
    ("«let» y = 3", "E032", "`let` is not a word of the language", "leave it out"),
    ("y = a «if» c else b", "E032", "a condition begins with `if`", "if c { a } else { b }"),
    ("y = if a { 1 } else «if» b { 2 }", "E032", "`else` is followed by braces", "else { if"),
    ("y = x -> for i in «range(3)» { a }", "E032", "a loop counts from a number", "`0..3`"),
    ("y = x -> for i in «3» { a }", "E032", "a loop counts from a number", "0..3"),
    # signs
    ("y = if a «=» 3 { 1 } else { 2 }", "E033", "unexpected `=`", "to compare write `==`"),
    ("y «==» 3", "E033", "unexpected `==`", "write `=`"),
    ("y «:=» 3", "E033", "unexpected `:=`", "write `=`"),
    ("y = f(units«:» 3)", "E033", "unexpected `:`", "write `=`"),
    ("input x «f32»[2, 3]", "E034", "a `:` is missing before the type", "`input x: f32[2, 3]`"),
    ("input x «i64»\n y = x", "E034", "a `:` is missing before the type", "`input x: i64`"),
    ("input x «=» f32[2]", "E034", "a `:` is missing before the type", "`input x: f32[…]`"),
    ("y = x «Dense»(2)", "E035", "a `->` is missing before `Dense`", "write `-> Dense`"),
    ("y = x «relu»\n z = x", "E035", "a `->` is missing before `relu`", "write `-> relu`"),
    ("y = x «relu» -> tanh", "E035", "a `->` is missing before `relu`", "write `-> relu`"),
    ("y = x «for» i in 0..3 { a }", "E035", "a `->` is missing before `for`", "write `-> for`"),
    ("y = x «=>» relu", "E035", "`=>` is not an arrow", "write `->`"),
    ("y = x «- >» relu", "E035", "`- >` is not an arrow", "write `->`"),
    ("y = Dense(3)«(»x)\n z = y", "E035", "a layer is applied with an arrow", "`x -> Dense(3)`"),
    ("y = f(Dense(3)«(»x))", "E035", "a layer is applied with an arrow", "`x -> Dense(3)`"),
    ("y = add(w=1)«(»a, b)\n z = y", "E035", "a layer is applied with", "`(a, b) -> add(w=1)`"),
    ("y = x -> Dense(3) «*» 2", "E010", "unexpected `*`", "`(x -> Dense(8)) * 2`"),
    ("y = x -> relu «+» x -> tanh", "E010", "unexpected `+`", "brackets"),
    ("y = x -> Dense«[»3]", "E010", "unexpected `[`", "`Dense(…)`"),
    ("y = x -> Dense«{»3}", "E010", "unexpected `{`", "`Dense(…)`"),
    ("input x: f32«(4, 5)»\n y = x", "E010", "a shape stands in square", "`f32[4, 5]`"),
    ("y = x «=» Dense(3)", "E033", "unexpected `=`", "to apply a layer `->`"),
    ("y = x«[»0]", "E010", "unexpected `[`", "`x -> Slice(0, 0, 2)`"),
    ("h = x -> relu\n h «+»= x", "E010", "unexpected `+`", "`h = h + …`"),
    ("«for» i in 0..3 { x = x -> f }", "E032", "`for` begins no statement", "h = x -> for"),
    ("y = x\n «if» a { y = x }", "E032", "`if` begins no statement", "h = if c"),
    ("y = a < b «<» c", "E010", "comparisons can't be chained", "a < b and b < c"),
    ("y = f(1 «2»)", "E010", "unexpected `2`", "put a `,` between the two"),
    ("y = f(1,«,» 2)", "E010", "unexpected `,`", None),
    ("y = 3«,»\n z = 4", "E010", "unexpected `,`", "leave it out"),
    # statements
    ("«block» B { input x }", "E036", "`block` can't stand inside `model`", "beside the model"),
    ("«target» t: i64", "E036", "`target` can't stand in `model`", "`train`"),
    ("assert a > «2»", "E010", "an `assert` says what is wrong", "assert condition"),
    ("y = x -> Dense(2) as «\"fc\"»", "E010", "a layer's name is not a text", "`as fc`"),
    ("y = x -> Dense as fc«(»10) -> relu", "E010", "unexpected `(`", "before `as`"),
    ("y = x -> Dense as «0.1»", "E038", "`0.1` can't be the name of a layer", "as 0"),
    ("«a.b» = x", "E038", "`a.b` can't be a new name: it has a dot", "write `a_b`"),
    ("y = f(«a.b»=1)", "E038", "`a.b` can't be a new name: it has a dot", "write `a_b`"),
    ("y = x -> «3»", "E010", "unexpected `3`", None),
    ("y = x «->»\n output z = x", "E010", "expected a layer after `->`", None),
    ("y = x «->»\n z = x", "E010", "expected a layer after `->`", None),
    ("y = x «+»\n z = x", "E010", "expected a value after `+`", None),
    ("«x»\n output y = x", "E010", "expected `->` or `=` after `x`", None),
    ("y = if a { 1 «}»\n z = 2", "E010", "expected `else` after `}`", None),
]  # fmt: skip

FILE = [
    ("model A {\n input x: f32«»\n", "E011", "the `{` of `model A` is never closed", "with `}`"),
    ("model A {\n y = x\n«train» { a = 1 }", "E011", "the `{` of `model A` is never", "`}`"),
    ("model A {\n y = x ->\n«model» B { y = x }", "E011", "the `{` of `model A` is never", "`}`"),
    ('model A {\n y = x\n«use» "a"', "E011", "the `{` of `model A` is never closed", "`}`"),
    ("block B(x, y=2 «{»\n input x }", "E011", "the `(` of `block B` is never closed", "`)`"),
    ("model A { y = x }«}»", "E012", "stray `}`", "remove it"),
    ('use «"»abc', "E013", "this text is never closed", 'put `"`'),
    ("«modle» A { y = x }", "E010", "unexpected `modle`", "did you mean `model`?"),
    ("«x» = 3", "E010", "unexpected `x`", "expected `use`, `param`"),
    ("«def» f(x):", "E032", "`def` is not a word of the language", "block Name(width)"),
    ("«class» Net:", "E032", "`class` is not a word of the language", "model Name"),
    ("«import» torch", "E032", "`import` is not a word of the language", 'use "blocks.nn"'),
    ("model «for» { y = x }", "E017", "`for` is a word of the language", "`for_`"),
    ("model A«(»x) { y = x }", "E010", "a model takes no parameters", "`block`"),
    ("model A«:»\n y = x", "E010", "unexpected `:`", "braces"),
    ("model «A»", "E010", "expected `{` after `A`", None),
    ("«model»", "E010", "expected a name after `model`", None),
    ("«input» x: f32", "E036", "`input` stands outside of a `model`", "between its braces"),
    ("data { \n«input» x }", "E036", "`input` can't stand in `data`", "a `model` or `block`"),
    ("train {\n«input» y: f32 }", "E036", "`input` can't stand in `train`", "`target y: f32[1]`"),
    ("train { epochs«:» 3 }", "E033", "unexpected `:`", "write `=`"),
    ("train { target y «f32» }", "E034", "a `:` is missing", "write `target y: f32[1]`"),
    ("train { m = [a]«]» }", "E012", "stray `]`", "remove it"),
    ("«/*» a */ model A { y = x }", "E019", "a comment begins with `#`", "write `# …`"),
    ("«»", "E030", "spec.nn declares nothing", "model Net"),
    ("«» \n # only this\n", "E030", "spec.nn declares nothing", "model Net"),
]


@pytest.mark.parametrize(("marked", "code", "message", "cure"), BODY, ids=lambda v: str(v)[:40])
def test_in_a_body(marked: str, code: str, message: str, cure: str | None) -> None:
    said(f"model M {{\n {marked}\n}}", code, message, cure)


@pytest.mark.parametrize(("marked", "code", "message", "cure"), FILE, ids=lambda v: str(v)[:40])
def test_in_a_file(marked: str, code: str, message: str, cure: str | None) -> None:
    said(marked, code, message, cure)


def said(marked: str, code: str, message: str, cure: str | None) -> None:
    """One diagnostic comes first, at the marked place and nowhere else."""
    start, end = marked.index("«"), marked.index("»") - 1
    first, *others = mistakes(marked.replace("«", "", 1).replace("»", "", 1))
    assert first.code == code
    assert message in first.message
    assert first.span is not None
    assert (first.span.start, first.span.end) == (start, end)
    assert cure is None if first.help is None else cure is not None and cure in first.help
    assert not others


def test_brackets_show_where_they_were_opened() -> None:
    (first,) = mistakes("model M {\n y = f(1\n}")
    assert [(label.span.text, label.text) for label in first.labels] == [
        ("}", "expected `)` before this"),
        ("(", "opened here"),
    ]


def test_several_mistakes_are_found_in_one_run() -> None:
    text = """
model A {
  input x f32[2]
  a = x Dense(2)
  b = x -> Dense(2
  output c = b ->
}
train {
  epochs: 3
  lr = .1
}
param p == 3
"""
    found = [(d.code, d.span.source.position(d.span.start)[0]) for d in mistakes(text) if d.span]
    assert found[:4] == [("E034", 3), ("E035", 4), ("E011", 6), ("E010", 6)]
    assert found[4:] == [("E033", 9), ("E018", 10), ("E033", 12)]


@pytest.mark.parametrize(
    "text",
    [
        "model A {\n y = x -> for i in 0..3 {\n Dense(2 3)\n relu -> tanh\n } -> relu\n z = y\n}",
        "model A {\n y = f(\n  a=1\n  b=2\n  c=3\n )\n z = y\n}\ntrain { lr = 1 }",
        "model A {\n block B {\n  input x\n  output y = x\n }\n z = y\n}",
        "model {\n input x: f32\n output y = x\n}\ntrain { lr = 1 }",
        "input x: f32\noutput y = x -> Dense(2)\nx -> relu",
        "def net(x):\n  y = relu(x)\n  return y\n",
        "model A {\n y = x }\n z = y\n output q = z\n}\n",
    ],
)
def test_one_mistake_gives_one_message(text: str) -> None:
    assert len(mistakes(text)) == 1


def test_there_is_an_end_to_messages() -> None:
    assert len(mistakes("model A {\n" + "y = -> a\n" * 1000 + "}")) == 20


def test_the_words_for_what_is_expected() -> None:
    labels = {
        "y = x -> relu 3": "expected `}`, `->`, a statement or `(`",
        "y = f(a b": "expected `,` before this",
        "layer f -> g": "expected `=`",
        "y = x -> f as": "expected a name or a number after this",
        "input 3": "expected a name",
        "y = )": "no `(` is open here",
    }
    for text, expected in labels.items():
        assert mistakes(f"model M {{\n {text}\n}}")[0].labels[0].text == expected
