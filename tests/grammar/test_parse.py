"""Text becomes the tree that it says."""

from __future__ import annotations

import pytest

from nnc.compiler.source import Source, Span
from nnc.compiler.syntax import (
    Apply,
    Assert,
    Binary,
    Bind,
    Block,
    Call,
    Chain,
    Choice,
    Conditional,
    Expression,
    Group,
    Input,
    Layer,
    Layout,
    Loop,
    Model,
    Number,
    Output,
    Parameter,
    Run,
    Section,
    Stage,
    String,
    Target,
    Tuple,
    Type,
    Unary,
    Use,
)
from nnc.grammar.parse import parse
from tests.grammar.trees import SPECS, a, bare, body, expression, mistakes, read, stages


def grouped(text: str) -> str:
    """An expression with a bracket around every operation."""

    def show(tree: Expression) -> str:
        match tree:
            case Binary(operator, left, right):
                return f"({show(left)} {operator} {show(right)})"
            case Unary(operator, operand):
                return f"({operator} {show(operand)})"
        return tree.span.text

    return show(expression(text))


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a + b * c", "(a + (b * c))"),
        ("a - b - c", "((a - b) - c)"),
        ("a / b * c // d % e @ f", "(((((a / b) * c) // d) % e) @ f)"),
        ("2 ** 3 ** 2", "(2 ** (3 ** 2))"),
        ("-2 ** 2", "(- (2 ** 2))"),
        ("2 ** -1", "(2 ** (- 1))"),
        ("-a * b", "((- a) * b)"),
        ("- -a", "(- (- a))"),
        ("not a == b", "(not (a == b))"),
        ("not not a and b", "((not (not a)) and b)"),
        ("a or b and c or d", "((a or (b and c)) or d)"),
        ("a + 1 <= b * 2", "((a + 1) <= (b * 2))"),
        ("(a + b) * c", "((a + b) * c)"),
        ("((a))", "a"),
    ],
)
def test_precedence(text: str, meaning: str) -> None:
    assert grouped(text) == meaning


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("20_000", 20_000),
        ("1.0", 1.0),
        ("1e-4", 1e-4),
        ("2.5E+3", 2500.0),
        ("007", 7),
        (f"{10**300}", 10**300),
    ],
)
def test_numbers(text: str, value: float) -> None:
    number = expression(text)
    assert isinstance(number, Number)
    assert (type(number.value), number.value) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('""', ""),
        (r'"a\"b\\c\n\t\r"', 'a"b\\c\n\t\r'),
        (r'"\u00e9\ud83d\ude00"', "é😀"),
        ('"日本 # no comment"', "日本 # no comment"),
        ('"\ufffd"', "\ufffd"),
    ],
)
def test_strings(text: str, value: str) -> None:
    string = expression(text)
    assert isinstance(string, String)
    assert string.value == value


def label(stage: Stage) -> str:
    """The name that a stage gives."""
    assert not isinstance(stage, Choice)
    return stage.name.text if stage.name else ""


def test_a_chain_binds_loosest_and_has_its_names() -> None:
    chain = a(
        Chain,
        expression("a + b -> Dense(2, bias=false) as fc -> relu as 0 -> gate.0.inner as a.b"),
    )
    assert chain.source.span.text == "a + b"
    assert list(map(label, chain.stages)) == ["fc", "0", "a.b"]
    dense, relu, inner = (a(Apply, stage).call for stage in chain.stages)
    assert [argument.name for argument in dense.arguments] == [None, "bias"]
    assert dense.span.text == "Dense(2, bias=false)"
    assert dense.name_span.text == "Dense"
    assert dense.arguments[1].span.text == "bias=false"
    assert a(Span, dense.arguments[1].name_span).text == "bias"
    assert relu.span == relu.name_span
    assert inner.name == "gate.0.inner"


def test_every_kind_of_stage() -> None:
    group, loop, choice, either = stages(
        "(a -> b) as g -> for i in 0..n - 1 { c -> d(i) } as l"
        " -> if i == 0 { a } -> if c { a -> b } else { d }"
    )
    assert label(a(Group, group)) == "g"
    assert label(loop) == "l"
    assert loop.span.text == "for i in 0..n - 1 { c -> d(i) } as l"
    assert a(Loop, loop).start.span.text == "0"
    assert a(Loop, loop).stop.span.text == "n - 1"
    assert a(Choice, choice).otherwise == ()
    assert len(a(Choice, either).then) == 2
    assert len(a(Choice, either).otherwise) == 1


def test_brackets_make_tuples_only_with_a_comma() -> None:
    assert isinstance(expression("(a, b -> c,)"), Tuple)
    assert isinstance(expression("(a -> c)"), Chain)
    assert isinstance(a(Chain, expression("(a -> c) -> d")).source, Chain)


def test_conditions_hold_chains_and_stand_among_operators() -> None:
    tree = a(Binary, expression("2 * if a { x -> y } else { z }"))
    assert isinstance(a(Conditional, tree.right).then, Chain)
    assert isinstance(expression("f(stride=if i == 0 { 2 } else { 1 })"), Call)
    assert isinstance(expression("if a { 1 } else { 2 }"), Conditional)


def test_declarations_and_statements() -> None:
    file = read(SPECS["everything"])
    kinds = [type(declaration) for declaration in file.declarations]
    assert kinds == [Use, Use, Parameter, Parameter, Block, Block, Model, Section]
    empty, gate, model = a(Block, file.declarations[4]), *file.declarations[5:7]
    assert [p.name.text for p in empty.parameters] == ["a", "b"]
    assert [p.default is None for p in empty.parameters] == [True, False]
    assert [type(s) for s in a(Block, gate).body] == [Input, Assert, Bind, Run, Run, Output]
    assert [type(s) for s in a(Model, model).body] == [Layout, Input, Input, Output, Output]
    image = a(Type, a(Input, a(Model, model).body[1]).type)
    assert [dimension.span.text for dimension in image.shape] == ["28", "28 * 2", "T"]


def test_sections_hold_settings_and_train_holds_targets() -> None:
    (train,) = read("train { target y: i64 a, b = f() epochs = 3 }").declarations
    assert isinstance(train, Section)
    assert train.keyword == "train"
    assert [type(s) for s in train.body] == [Target, Bind, Bind]


def test_a_layer_has_stages_and_no_source() -> None:
    (layer,) = body("layer t = Dense(2) -> relu")
    assert len(a(Layer, layer).stages) == 2


def test_a_bracket_on_a_new_line_begins_a_statement() -> None:
    bind, run = body("a = b -> relu\n (a, b) -> concat as c")
    assert a(Bind, bind).value.span.text == "b -> relu"
    assert isinstance(a(Run, run).value.source, Tuple)


_DECLARING = ("use", "param", "block", "model", "data", "train", "search", "target")
_STATING = ("input", "output", "layer", "layout", "assert", "data", "target")


@pytest.mark.parametrize("word", _DECLARING)
def test_words_of_declarations_may_be_names_in_a_model(word: str) -> None:
    assert not mistakes(f"model M {{ {word} = x -> {word} as {word}\n y = {word} + f({word}=1) }}")


@pytest.mark.parametrize("word", _STATING)
def test_words_of_statements_may_be_names_where_no_statement_begins(word: str) -> None:
    assert not mistakes(f"model M {{ input {word}: f32\n output {word} = {word} -> relu }}")
    assert not mistakes(f"model M {{ y = a.{word}.b + {word}.a -> ({word}) }}")


def test_words_that_begin_like_words_of_the_language_are_names() -> None:
    assert not mistakes("model M { iffy = format -> inner as assay -> notify(trueish=orange) }")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", " "])
def test_line_ends_mean_nothing(newline: str) -> None:
    text = newline.join(("model M {", "input x: f32", "output y = x", "-> relu", "}"))
    file = read(text)
    assert bare(file.declarations) == bare(read(text.replace(newline, "\n")).declarations)


def test_a_byte_order_mark_is_skipped_and_counted() -> None:
    file = read("\ufeffparam a = 1")
    assert file.declarations[0].span.start == 1
    assert file.declarations[0].span.text == "param a = 1"


def test_comments_are_kept_in_order_without_their_line_ends() -> None:
    file = read("# one \r\nparam a = 1 # two\n# three")
    assert [c.text for c in file.comments] == ["# one", "# two", "# three"]
    assert [c.span.start for c in file.comments] == [0, 20, 26]


def test_spans_are_of_the_source() -> None:
    source = Source("a.nn", "model M { y = (a + b) * f(x) }")
    (model,) = parse(source).declarations
    assert model.span.source is source
    assert model.span.text == source.text
    (bind,) = a(Model, model).body
    value = a(Binary, a(Bind, bind).value)
    assert value.span.text == "(a + b) * f(x)"
    assert value.left.span.text == "a + b"
