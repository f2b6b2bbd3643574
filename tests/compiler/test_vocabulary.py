"""Laws over the register: a new word is tested the moment it exists."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import nnc
from nnc.compiler.ir import single
from nnc.compiler.types import DTYPES, TensorType
from nnc.compiler.vocabulary import base, generate
from nnc.compiler.vocabulary import index as index_module
from nnc.compiler.vocabulary.base import Mistake, Word
from nnc.compiler.vocabulary.losses.base import Loss
from nnc.compiler.vocabulary.metrics import Metric
from nnc.compiler.vocabulary.ops.base import Op, parse_type
from nnc.compiler.vocabulary.phrases import expected

OPS = [cls for cls in base.words("op") if issubclass(cls, Op)]
WORDS = base.words()
MISTAKES = [(cls, mistake) for cls in OPS for mistake in cls.mistakes()]


def by_word(value: object) -> str | None:
    if isinstance(value, Mistake):
        return f"{value.arguments}{'|'.join(value.inputs)}"
    return value.word if isinstance(value, type) and issubclass(value, Word) else None


def test_the_index_is_up_to_date() -> None:
    text = Path(index_module.__file__).read_text(encoding="utf-8")
    assert text == generate.index(), "run `make index`"


def test_the_register_is_filled() -> None:
    assert {"Dense", "LSTM", "relu"} <= {cls.word for cls in OPS}


@pytest.mark.parametrize("cls", WORDS, ids=by_word)
def test_a_word_says_what_it_is(cls: type[Word]) -> None:
    assert cls.__dict__.get("__doc__"), "the docstring is the contract"
    for name, field in cls.model_fields.items():
        assert field.description, f"{cls.word}: {name} has no description"
        assert expected(field)
    assert set(cls.positional) <= set(cls.model_fields)
    assert set(cls.argument_aliases.values()) <= set(cls.model_fields)
    assert not set(cls.argument_aliases) & set(cls.model_fields)


@pytest.mark.parametrize("cls", OPS, ids=by_word)
def test_examples_infer(cls: type[Op]) -> None:
    examples = cls.examples()
    assert examples
    for example in examples:
        assert type(example.op) is cls
        results = example.op.infer(example.inputs)
        assert len(results) == len(example.op.result_names())
        names = [weight.name for weight in example.op.weights(example.inputs)]
        assert len(set(names)) == len(names)
        assert example.op.cost(example.inputs) >= 0


@pytest.mark.parametrize("cls", OPS, ids=by_word)
def test_dimensions_of_an_example_differ(cls: type[Op]) -> None:
    """Square shapes hide transposition bugs."""
    for example in cls.examples():
        if not example.op.weights(example.inputs):
            continue
        sizes = [d for d in example.inputs[0].shape if isinstance(d, int)]
        assert len(set(sizes)) == len(sizes), example


@pytest.mark.parametrize("cls", OPS, ids=by_word)
def test_a_moved_op_gives_moved_results(cls: type[Op]) -> None:
    for example in cls.examples():
        ranks = {x.rank for x in example.inputs}
        if len(ranks) != 1 or not (rank := ranks.pop()):
            continue
        axes = (*range(1, rank), 0)
        moved = example.op.moved(axes)
        if moved is None:
            continue
        permuted = tuple(permute(x, axes) for x in example.inputs)
        results = example.op.infer(example.inputs)
        assert moved.infer(permuted) == tuple(permute(r, axes) for r in results)


def permute(x: TensorType, axes: tuple[int, ...]) -> TensorType:
    return x.with_shape([x.shape[axis] for axis in axes])


@pytest.mark.parametrize(("cls", "mistake"), MISTAKES, ids=by_word)
def test_mistakes_are_refused_once(cls: type[Op], mistake: Mistake) -> None:
    types = mistake.inputs or tuple(map(str, cls.examples()[0].inputs))
    inputs = "\n".join(f"input x{i}: {text}" for i, text in enumerate(types))
    source = ", ".join(f"x{i}" for i in range(len(types)))
    chain = source if len(types) == 1 else f"({source})"
    text = f"model M {{\n{inputs}\noutput y = {chain} -> {cls.word}{mistake.arguments}\n}}"
    program, diagnostics = nnc.compile_text(text)
    errors = [d for d in diagnostics if d.severity == "error"]
    assert program is None
    assert [d.code for d in errors] == [mistake.code], [d.message for d in errors]
    span = errors[0].span
    assert span is not None
    assert span.text


@pytest.mark.parametrize("cls", OPS, ids=by_word)
def test_every_op_refuses_something(cls: type[Op]) -> None:
    assert cls.mistakes()


@pytest.mark.parametrize("cls", [*base.words("loss"), *base.words("metric")], ids=by_word)
def test_what_losses_and_metrics_take_fits(cls: type[Word]) -> None:
    assert issubclass(cls, Loss | Metric)
    assert cls.examples()
    for word, types in cls.examples():
        assert isinstance(word, cls)
        assert len(types) == len(cls.takes)
        word.check(tuple(map(parse_type, types)))


def test_types_of_examples_are_read_right() -> None:
    assert str(parse_type("f32[3, T]")) == "f32[3, T]"
    assert [str(parse_type(d)) for d in DTYPES] == list(DTYPES)


def test_a_graph_of_one_node() -> None:
    example = next(cls for cls in OPS if cls.word == "LSTM").examples()[3]
    graph = single(example.op, example.inputs)
    assert [o.value.name for o in graph.outputs] == ["lstm.output", "lstm.hidden", "lstm.cell"]
    assert next(iter(graph.weights)) == "lstm.weight_ih_l0"


def test_words_are_frozen() -> None:
    dense = OPS[0].examples()[0].op
    assert inspect.isclass(type(dense))
    with pytest.raises(Exception, match="frozen"):
        dense.layout = "x"  # type: ignore[attr-defined]
