"""The one layout: what it looks like."""

from __future__ import annotations

import pytest

from nnc.compiler.source import NOWHERE, Source
from nnc.compiler.syntax import Binary, File, Model, Name, Number, Output, Unary
from nnc.grammar import notation
from nnc.grammar.format import format_expression, format_file
from tests.grammar.trees import expression, read

LONG = "a_rather_long_name_for_a_value"


def laid_out(text: str) -> str:
    """The layout of statements in a model, without the model and its indentation."""
    lines = format_file(read(f"model M {{\n{text}\n}}")).splitlines()
    assert lines[0] == "model M {"
    assert lines[-1] == "}"
    assert all(line.startswith("  ") or not line for line in lines[1:-1])
    return "\n".join(line[2:] for line in lines[1:-1])


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("((a))+b*(c)", "a + b * c"),
        ("(a+b)*c", "(a + b) * c"),
        ("a-(b-c)", "a - (b - c)"),
        ("(a-b)-c", "a - b - c"),
        ("(2**3)**2", "(2 ** 3) ** 2"),
        ("2**(3**2)", "2 ** 3 ** 2"),
        ("(-2)**2", "(-2) ** 2"),
        ("-(2**2)", "-2 ** 2"),
        ("-(a+b)", "-(a + b)"),
        ("- -a", "--a"),
        ("not(a and b)", "not (a and b)"),
        ("(not a)==b", "(not a) == b"),
        ("(a<b)==(b<c)", "(a < b) == (b < c)"),
        ("(a->b)->c", "(a -> b) -> c"),
        ("(a+b)->c", "a + b -> c"),
        ("[a->b,(c)]", "[a -> b, c]"),
        ("f( x,y=( a->b ), )", "f(x, y=a -> b)"),
        ("x->f()->g ( ) as h", "x -> f -> g as h"),
        ("f()", "f()"),
        ("(a,b,)->concat", "(a, b) -> concat"),
        ("if(a){b}else{(c)}", "if a { b } else { c }"),
        ("x->for i in(0)..n+1{f(i)}as l", "x -> for i in 0..n + 1 { f(i) } as l"),
        ("x->if a{f}->if b{f}else{g->h}", "x -> if a { f } -> if b { f } else { g -> h }"),
        ("x->(f->g)as h->(f)", "x -> (f -> g) as h -> (f)"),
        ("[]", "[]"),
        ('"\\u0041\\t\\u0000"', '"A\\t\\u0000"'),
    ],
)
def test_brackets_and_spaces(text: str, canonical: str) -> None:
    assert format_expression(expression(text)) == canonical
    assert laid_out(f"y = {text}") == f"y = {canonical}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (9999, "9999"),
        (10000, "10_000"),
        (1234567, "1_234_567"),
        (0.0, "0.0"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (0.001, "0.001"),
        (0.0003, "3e-4"),
        (1.5e-05, "1.5e-5"),
        (0.00012345, "1.2345e-4"),
        (5.960464477539063e-08, "5.960464477539063e-8"),
        (99999.5, "99999.5"),
        (100000.0, "1e5"),
        (123456.7, "123456.7"),
        (1e22, "1e22"),
        (5e-324, "5e-324"),
        (-0.25, "-0.25"),
        (-2e-7, "-2e-7"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert notation.number(value) == text
    assert float(text) == value
    assert isinstance(value, int) == text.lstrip("-").replace("_", "").isdigit()


def test_negative_numbers_of_other_makers_have_their_brackets() -> None:
    minus, two = Number(-3, NOWHERE), Number(2, NOWHERE)
    assert format_expression(Binary("**", minus, two, NOWHERE)) == "(-3) ** 2"
    assert format_expression(Binary("-", two, minus, NOWHERE)) == "2 - -3"
    assert format_expression(Unary("-", minus, NOWHERE)) == "--3"


def test_a_long_chain_has_a_line_for_each_call_and_words_ride_along() -> None:
    text = f"y = {LONG} -> Dense(128) -> relu -> BatchNorm as bn -> Dense(10) as a -> softmax as p"
    assert laid_out(text) == (
        f"y = {LONG}\n"
        "  -> Dense(128) -> relu -> BatchNorm as bn\n"
        "  -> Dense(10) as a -> softmax as p"
    )


def test_a_long_loop_has_its_stages_on_lines_of_their_own() -> None:
    stage = f"Dense({LONG}, activation={LONG})"
    assert laid_out(f"y = x -> for i in 0..3 {{ {stage} -> {stage} }} as l -> relu") == (
        f"y = x\n  -> for i in 0..3 {{\n    {stage}\n      -> {stage}\n  }} as l\n  -> relu"
    )


def test_a_long_call_and_a_long_list_have_a_comma_at_the_end() -> None:
    arguments = ", ".join(f"{LONG}={i}" for i in range(3))
    assert laid_out(f"y = f({arguments})") == (f"y = f(\n  {LONG}=0,\n  {LONG}=1,\n  {LONG}=2,\n)")
    names = ", ".join([LONG] * 4)
    assert laid_out(f"y = [{names}]") == "y = [\n" + f"  {LONG},\n" * 4 + "]"


def test_numbers_in_a_list_fill_their_lines() -> None:
    lines = laid_out(f"y = [{', '.join(['-0.125'] * 40)}]").splitlines()
    assert lines[0] == "y = ["
    assert lines[-1] == "]"
    assert len(lines) == 6
    assert all(80 < len(line) <= 98 for line in lines[1:4])


def test_a_long_sum_is_broken_before_its_operators() -> None:
    assert laid_out(f"y = {LONG} + {LONG} - 2 * {LONG} + {LONG}") == (
        f"y = {LONG}\n  + {LONG}\n  - 2 * {LONG}\n  + {LONG}"
    )


def test_lines_are_no_wider_than_they_may_be() -> None:
    for count in range(1, 12):
        text = format_file(read("model M { y = x " + "-> Dense(100) as layer " * count + "}"))
        assert max(map(len, text.splitlines())) <= 100


def test_input_and_output_side_by_side_are_as_wide() -> None:
    assert laid_out("input a:f32\noutput b=a") == "input  a: f32\noutput b = a"
    assert laid_out("input a:f32\n\noutput b=a") == "input a: f32\n\noutput b = a"
    assert laid_out("input a\noutput b=a") == "input a\noutput b = a"


def test_equals_signs_of_neighbours_stand_in_one_column() -> None:
    assert laid_out("left=a\nright=b") == "left  = a\nright = b"
    assert laid_out("l=a\nright=b") == "l = a\nright = b"
    assert laid_out("left=a\n# c\nright=b") == "left = a\n# c\nright = b"
    train = format_file(read("train{lr=1 optimizer=sgd()\n\ntarget t:i64 epochs=3}"))
    assert train.splitlines()[1:3] == ["  lr        = 1", "  optimizer = sgd()"]
    assert train.splitlines()[4:6] == ["  target t: i64", "  epochs    = 3"]


def test_a_statement_may_begin_with_a_bracket_only_for_what_needs_one() -> None:
    assert laid_out("(a, b) -> c as d") == "(a, b) -> c as d"
    assert laid_out("((a)) -> c as d") == "a -> c as d"
    assert laid_out("(a + b) -> c as d") == "(a + b) -> c as d"


def test_comments_stay_where_they_belong() -> None:
    text = """\
# the file

# the model
model M {  # beside the brace
  # above
  input x: f32  # after

  # apart
  y = x  # the source
    # above a stage
    -> Dense(
      # the first
      1,  # an argument
      # above an argument
      bias=false,
      # the last
    )
    -> relu  # the end
  z = [
    1,  # one
    2,
  ]
  w = x
    -> for i in 0..3 {
      relu  # in a loop
      # at its end
    } as loop
  # at the end
}  # after the brace
# the end
"""
    assert format_file(read(text)) == text


def test_comments_inside_of_values_move_out() -> None:
    assert laid_out("y = a  # one\n + b # two") == "# one\ny = a + b  # two"
    assert laid_out("y =\n # one\n x -> relu") == "# one\ny = x -> relu"


def test_empty_lines_are_kept_one_at_a_time() -> None:
    assert laid_out("\n\na = 1\n\n\n\n# c\n\nb = 2\n\n") == "a = 1\n\n# c\n\nb = 2"
    assert format_file(read('param a = 1\nparam b = 2\n\n\nparam c = 3\nmodel M{}\nuse "x"')) == (
        'param a = 1\nparam b = 2\n\nparam c = 3\n\nmodel M {}\n\nuse "x"\n'
    )


def test_windows_line_ends_and_marks_go() -> None:
    text = "\ufeff# c\r\nmodel M {\r\n\r\n  x = 1  # d\r\n\r\n  y = 2\r\n}\r\n"
    assert format_file(read(text)) == "# c\nmodel M {\n  x = 1  # d\n\n  y = 2\n}\n"


def test_a_tree_without_text_has_a_layout() -> None:
    number = Number(1, NOWHERE)
    model = Model(Name("M", NOWHERE), (Output(Name("y", NOWHERE), number, NOWHERE),), NOWHERE)
    assert format_file(File(Source("", ""), (model,))) == "model M {\n  output y = 1\n}\n"
    assert format_file(File(Source("", ""), ())) == ""
