"""A program -> its JSON spec: every argument written out, one order of keys, always the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from nnc.compiler import ir
from nnc.compiler.document.arguments import defaults, ordered
from nnc.compiler.vocabulary.base import Word

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

WIDTH: Final = 100
"""Columns within which a list or an object stands on one line."""


def to_json(program: ir.Program) -> str:
    """The JSON spec as text: two spaces deeper for each level, short lists on one line."""
    return "".join(_text(to_document(program), "", 0)) + "\n"


def to_document(program: ir.Program) -> dict[str, Json]:
    """The JSON spec as an object. Parameters are needed, and written, only to be searched."""
    graph = program.graph
    document: dict[str, Json] = {
        "nnc": 1,
        "name": graph.name,
        "layout": graph.layout,
        "inputs": [{"name": value.name, "type": str(value.type)} for value in graph.inputs],
        "nodes": [_node(node) for node in graph.nodes],
        "outputs": [{"name": out.name, "value": out.value.name} for out in graph.outputs],
    }
    if program.search is not None:
        document["parameters"] = {k: _value(v) for k, v in program.parameters.items()}
    if program.data is not None:
        document["data"] = _data(program.data)
    if program.training is not None:
        document["train"] = _training(program.training, program.seed)
    if program.search is not None:
        document["search"] = _search(program.search)
    return document


# ---- parts --------------------------------------------------------------------------------


def _node(node: ir.Node) -> dict[str, Json]:
    inputs: Json = [value.name for value in node.inputs]
    if not node.owns_weights:
        return {"name": node.name, "layer": node.layer, "inputs": inputs}
    attributes: Json = {k: _value(v) for k, v in ordered(node.op).items()}
    return {"name": node.name, "op": node.op.word, "inputs": inputs, "attributes": attributes}


def _training(training: ir.Training, seed: int) -> Json:
    return {
        "targets": [{"name": value.name, "type": str(value.type)} for value in training.targets],
        "loss": [_term(term) for term in training.losses],
        "penalties": [
            {"penalty": _word(penalty), "factor": factor}
            for penalty, factor in training.loss_penalties
        ],
        "optimizer": _word(training.optimizer),
        "schedule": _word(training.schedule),
        "clip": _value(training.clip),
        "stop": _value(training.stop),
        "metrics": [
            {"metric": _word(use.metric), "prediction": use.output, "target": use.target.name}
            for use in training.metrics
        ],
        "epochs": training.epochs,
        "batch": "all" if training.batch is None else training.batch,
        "seed": seed,
        "log_every": training.log_every,
        "augment": [
            {"augmentation": _word(use.augmentation), "input": use.input}
            for use in training.augment
        ],
        "checkpoint": _value(training.checkpoint),
    }


def _term(term: ir.LossTerm) -> Json:
    return {
        "loss": _word(term.loss),
        "factor": term.factor,
        "prediction": term.outputs[0] if len(term.outputs) == 1 else list(term.outputs),
        **({"target": term.target.name} if term.target else {}),
    }


def _data(data: ir.Data) -> Json:
    return {
        "source": _value(data.source),
        "fields": [
            {
                "name": field.names[0] if len(field.names) == 1 else list(field.names),
                "columns": _columns(field.columns),
                "preparations": [_word(step) for step in field.preparations],
            }
            for field in data.fields
        ],
        "split": _value(data.split),
    }


def _columns(columns: Any) -> Json:
    """Plain columns as a list, others as a word."""
    return list(columns.names) if columns.word == "columns" else _word(columns)


def _search(search: ir.Search) -> Json:
    return {
        "ranges": {name: _word(range_) for name, range_ in search.ranges.items()},
        "trials": search.trials,
        "method": search.method,
        "goal": search.goal,
        "monitor": search.monitor,
    }


def _value(value: Any) -> Json:
    """A value of an argument; a list is a tuple in the program."""
    if isinstance(value, Word):
        return _word(value)
    if isinstance(value, tuple | list):
        return [_value(item) for item in value]
    assert value is None or isinstance(value, bool | int | float | str)
    return value


def _word(word: Word) -> Json:
    """A word by its name alone when every argument has its default."""
    arguments = ordered(word)
    if arguments == defaults(type(word)):
        return word.word
    return {"word": word.word, **{name: _value(value) for name, value in arguments.items()}}


# ---- layout -------------------------------------------------------------------------------


def _text(value: Json, indent: str, taken: int) -> Iterator[str]:
    """The pieces of a value's text. `taken` are the columns of its line that others need."""
    flat = _flat(value, WIDTH - len(indent) - taken)
    if flat is not None:
        yield flat
        return
    deeper = indent + "  "
    pairs: list[tuple[str, Json]]
    if isinstance(value, dict):
        pairs = [(f"{_quoted(key)}: ", item) for key, item in value.items()]
    else:
        assert isinstance(value, list)
        pairs = [("", item) for item in value]
    left, right = "{}" if isinstance(value, dict) else "[]"
    yield left
    for place, (key, item) in enumerate(pairs):
        yield f"{',' if place else ''}\n{deeper}{key}"
        yield from _text(item, deeper, len(key) + 1)
    yield f"\n{indent}{right}"


def _flat(value: Json, room: int) -> str | None:
    """A value on one line; None when that is too long, or when it is a list of objects.

    A list's length is known to be too much before its text is made.
    """
    if isinstance(value, list | dict) and value:
        if isinstance(value, list) and isinstance(value[0], dict):
            return None
        if 3 * len(value) > room:
            return None
    elif not isinstance(value, list | dict):
        return _quoted(value)
    parts = []
    for key, item in value.items() if isinstance(value, dict) else ((None, i) for i in value):
        part = _flat(item, room)
        if part is None or len(part) > room:
            return None
        parts.append(part if key is None else f"{_quoted(key)}: {part}")
    text = ", ".join(parts)
    text = f"{{{text}}}" if isinstance(value, dict) else f"[{text}]"
    return text if len(text) <= room else None


def _quoted(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
