"""Generated Python is what `ruff format` leaves alone, and strings stay strings."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnc.backends import pysource as py
from nnc.backends.pysource.imports import import_lines
from nnc.backends.pysource.names import identifier, is_usable
from nnc.backends.pysource.pieces import load
from nnc.compiler.source import Source, Span

RUFF = shutil.which("ruff") or str(Path(sys.executable).with_name("ruff"))


def formatted(source: str) -> str:
    """What `ruff format` with its own settings makes of the source."""
    command = [RUFF, "format", "--isolated", "--stdin-filename", "program.py", "-"]
    done = subprocess.run(
        command, input=source, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr + source
    return done.stdout


def program(*body: py.Statement, docstring: str = "A program.") -> str:
    return py.print_module(py.Module(docstring, frozenset(), body)).text


def function(*body: py.Statement) -> py.Function:
    return py.Function("f", (py.Parameter("x"),), body)


def names(length: int, count: int) -> list[py.Expr]:
    return [py.name(chr(97 + i) * length) for i in range(count)]


def lines(length: int) -> list[py.Statement]:
    """Statements of every form with operands of one length."""
    a, b, c, d = names(length, 4)
    assign: list[py.Expr] = [
        py.call("torch.nn.functional.pad", a, (1, 2, 3), value=0.5),
        py.call("f", py.call("g", a, b), keyword=py.call("h", c)),
        py.call("torch.cat", [a, b, c], dim=1),
        py.call("f", py.binary("+", a, py.binary("*", b, c)), key=py.binary("-", a, b)),
        py.binary("+", py.binary("+", a, b), c),
        py.binary("*", 0.5, py.call("f", a, b)),
        py.binary("*", py.call("f", a, b), c),
        py.binary("-", a, py.binary("-", b, c)),
        py.binary("**", a, 2),
        py.binary("**", py.call("f", a), 0.5),
        py.binary("and", py.binary("<", a, b), py.Unary("not", c)),
        py.Unary("-", py.binary("+", a, b)),
        py.Conditional(a, b, c),
        py.call("f", py.Lambda(("t",), py.binary("+", py.name("t"), a)), b),
        py.value({"a": a, "b": b, "c": [c, d]}),
        py.subscript(a, (py.Slice(), py.Slice(None, b), c)),
        py.subscript(a, py.Slice(py.binary("+", b, 1))),
        py.value((a,)),
        py.value((a, b, c)),
        py.attribute(a, "shape"),
        py.call("f", py.Starred(a), py.Starred(b, 2)),
        a,
    ]
    made: list[py.Statement] = [py.Assign((py.name("y"),), value) for value in assign]
    made += [py.Assign((py.attribute("self", "layer"),), value, "[N, 3]") for value in assign]
    made += [py.Assign((a, b), py.call("f", c)), py.Expression(py.call("f", a, b), "why")]
    made += [py.If(value, (py.Return(value),)) for value in assign[4:12]]
    made += [py.For((a, b), py.call("zip", c, d, strict=True), (py.Expression(a),))]
    made += [py.Return(py.Tuple((a, b, c))), py.Return(py.call("f", a, b))]
    return made


@pytest.mark.parametrize("length", [1, 7, 14, 19, 23, 27, 31, 38, 60])
def test_the_formatter_leaves_every_form_alone(length: int) -> None:
    source = program(function(*lines(length)), py.If(py.name("x"), tuple(lines(length)[:-10])))
    assert formatted(source) == source


def test_blank_lines_between_definitions() -> None:
    body = (py.Return(py.name("x")),)
    method = py.Function("m", (py.Parameter("self"),), body, docstring="Say x.")
    source = program(
        py.Assign((py.name("x"),), py.literal(1)),
        py.Function("f", (), body, decorators=(py.dotted("torch.no_grad"),)),
        py.Class("A", (py.dotted("nn.Module"),), (method, method), "A class.\n\nWith more."),
        py.Class("B", (), (method,)),
        py.Assign((py.name("y"),), py.literal(2), annotation=py.name("int")),
        py.Comment("said of the function below"),
        py.Function("g", (), (py.Comment("first"), *body[:0], py.Blank(), *body)),
    )
    assert formatted(source) == source


@pytest.mark.parametrize("count", [1, 3, 6])
def test_long_parameters_stand_one_a_line(count: int) -> None:
    parameters = tuple(
        py.Parameter(chr(97 + i) * 11, py.name("Tensor"), py.literal(i) if i else None)
        for i in range(count)
    )
    returns = py.subscript("tuple", (py.name("Tensor"), py.name("Tensor")))
    keyword = py.Parameter("only", kind="only", default=py.literal(None))
    made = py.Function("forward", (*parameters, keyword), (py.Return(),), returns)
    source = program(made)
    assert formatted(source) == source


@given(st.text())
def test_a_string_comes_back_and_nothing_else(text: str) -> None:
    source = py.print_expression(py.literal(text))
    assert ast.literal_eval(source) == text
    assert source.isprintable()


@given(st.text(max_size=30))
def test_the_formatter_leaves_docstrings_readable(text: str) -> None:
    source = program(docstring=text.strip() or "x")
    tree = ast.parse(source)
    assert len(tree.body) == 1
    assert isinstance(tree.body[0], ast.Expr)


@pytest.mark.parametrize(
    "text", ['a"b', "it's", "\\", "\n", "'\"", "\u202e", "é", "\x1b", "\ud800"]
)
def test_the_formatter_leaves_strings_alone(text: str) -> None:
    source = program(py.Assign((py.name("x"),), py.literal(text)))
    assert formatted(source) == source


@given(st.floats() | st.integers())
def test_numbers_come_back(number: float) -> None:
    back = eval(py.print_expression(py.literal(number)), {"float": float})  # noqa: S307 - its own output
    assert back == number or (back != back and number != number)
    assert type(back) is type(number)


@pytest.mark.parametrize("text", ["a b", "1a", "x)", "", "a\n", "os;"])
def test_what_is_no_identifier_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a Python identifier"):
        py.name(text)
    with pytest.raises(ValueError, match="not a Python identifier"):
        py.attribute("self", text)
    with pytest.raises(ValueError, match="not a Python identifier"):
        py.Call(py.name("f"), (), ((text, py.name("x")),))


@given(st.text())
def test_any_text_becomes_an_identifier(text: str) -> None:
    assert is_usable(identifier(text))


@given(st.lists(st.text(max_size=3), max_size=12))
def test_names_are_unique_as_python_compares_them(wishes: list[str]) -> None:
    scope = py.Names(["self", "torch"])
    made = [scope.fresh(wish) for wish in [*wishes, "self", "torch", "list"]]
    assert len({identifier(name) for name in made}) == len(made)
    assert not {"self", "torch", "list"} & set(made)
    assert all(map(is_usable, made))


def test_a_key_keeps_its_name() -> None:
    scope = py.Names()
    assert scope.of("layer1.0.conv1") == "layer1_0_conv1"
    assert scope.of("layer1_0.conv1") == "layer1_0_conv1_2"
    assert scope.of("layer1.0.conv1") == "layer1_0_conv1"
    assert scope.fresh("class") == "class_"
    assert scope.child().fresh("class") == "class_2"


def test_imports_are_sorted_as_isort_does() -> None:
    imports: list[py.Import | py.FromImport] = [
        py.FromImport("torch", "nn"),
        py.FromImport("torch", "Tensor"),
        py.FromImport("__future__", "annotations"),
        py.Import("torch"),
        py.Import("sys"),
        py.Import("torch.nn.functional", "F"),
        py.FromImport("pathlib", "Path"),
        py.FromImport("math", "pi"),
        py.FromImport("math", "cos"),
        py.FromImport("collections.abc", "Iterator"),
        *(py.FromImport("keras", "layer" * 3 + str(i)) for i in range(6)),
    ]
    source = "\n".join(import_lines(imports)) + "\n"
    command = [RUFF, "check", "--isolated", "--select", "I", "--stdin-filename", "p.py", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert formatted(source) == source


def test_a_piece_brings_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "some_pieces"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "one.py").write_text(
        "import os\nimport sys\n\nfrom some_pieces.two import base\n\nSIZE = 3\n\n\n"
        "# why\ndef inner():\n    return base(SIZE)\n\n\ndef outer():\n    return inner(), sys\n"
    )
    (folder / "two.py").write_text("def base(n):\n    return n\n\n\ndef other():\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    made = load("some_pieces", "one:outer")
    assert list(made.segments) == ["SIZE", "base", "inner", "outer"]
    assert made.imports == {py.Import("sys")}
    assert made.segments["inner"].text == "# why\ndef inner():\n    return base(SIZE)"
    assert "inner" not in load("some_pieces", "one:outer", given=["inner"]).segments


def test_lines_of_a_piece_depend_on_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "chosen_pieces"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "one.py").write_text(
        "import os\n\n\ndef even(n):\n    odd(n)  # when: a and not b\n    os.abort()  # when: b\n"
        "    return n\n\n\ndef odd(n):\n    return even(n)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    plain = load("chosen_pieces", "one:even")
    assert plain.segments["even"].text == "def even(n):\n    return n"
    assert set(load("chosen_pieces", "one:even", features=["a"]).segments) == {"even", "odd"}
    assert load("chosen_pieces", "one:even", features=["a", "b"]).imports == {py.Import("os")}


def test_a_file_of_pieces_says_what_features_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "exchanged_pieces"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "one.py").write_text(
        "import os\n\n# with a: list[int] -> list[os.PathLike]\n# with b: n[0] -> n[1]\n\n\n"
        "def first(n: list[int]):\n    return n[0]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    plain, other = (load("exchanged_pieces", "one:first", features=f) for f in ([], ["a", "b"]))
    assert plain.segments["first"].text == "def first(n: list[int]):\n    return n[0]"
    assert plain.imports == frozenset()
    assert other.segments["first"].text == "def first(n: list[os.PathLike]):\n    return n[1]"
    assert other.imports == {py.Import("os")}


def test_a_line_leads_back_to_the_spec() -> None:
    span = Span(Source("m.nn", "model"), 0, 5)
    printed = py.print_module(
        py.Module("M.", frozenset(), (py.Assign((py.name("x"),), py.literal(1), span=span),))
    )
    assert printed.lines == {3: span}
