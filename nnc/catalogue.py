"""The catalogue: every word of the language with its arguments, derived from the classes.

`python -m nnc.catalogue` writes it as a page.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from nnc.compiler import vocabulary  # noqa: F401  enters every word in the register
from nnc.compiler.vocabulary import base
from nnc.compiler.vocabulary.base import Kind, Word
from nnc.compiler.vocabulary.fields import FieldInfo
from nnc.compiler.vocabulary.ops.base import Channelled, Example, Op, Weighted
from nnc.compiler.vocabulary.phrases import admits, expected, signature

KINDS: Final[Mapping[Kind, str]] = {
    "op": "Layers and functions",
    "initializer": "Initialisers",
    "penalty": "Penalties",
    "constraint": "Constraints on weights",
    "loss": "Losses",
    "metric": "Metrics",
    "optimizer": "Optimisers",
    "schedule": "Schedules of the learning rate",
    "clip": "Bounds on gradients",
    "stop": "Early ends of training",
    "checkpoint": "Checkpoints",
    "augmentation": "Augmentation",
    "source": "Sources of data",
    "columns": "Columns of a source",
    "preparation": "Preparations of data",
    "split": "Splits of data",
    "range": "Ranges of a search",
}
_FAMILIES: Final[Mapping[str, str]] = {
    "dense": "Fully connected",
    "conv": "Convolution",
    "pooling": "Pooling",
    "activation": "Activations",
    "normalization": "Normalisation",
    "regularization": "Regularisation",
    "embedding": "Embedding and position",
    "recurrent": "Recurrent",
    "attention": "Attention",
    "transformer": "Transformers",
    "merge": "Joining values",
    "reduction": "Reductions",
    "elementwise": "Functions of each element",
    "shape": "Shape",
}
"""Families in the order of a course; others follow by the alphabet."""
_SHOWN_EXAMPLES: Final = 4
_WIDTH: Final = 110


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument. `default` is None for a required one."""

    name: str
    takes: str
    default: str | None
    description: str
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One word."""

    word: str
    kind: Kind
    section: str
    signature: str
    meaning: str
    arguments: tuple[Argument, ...]
    aliases: tuple[str, ...]
    results: tuple[str, ...]
    examples: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The first sentence of the meaning."""
        return self.meaning.partition("\n\n")[0].replace("\n", " ")


def entries(name: str | None = None) -> list[Entry]:
    """Every word in the order of the catalogue, or those with a name or alias."""
    found = [cls for kind in KINDS for cls in base.words(kind)]
    if name is not None:
        found = [cls for cls in found if name in (cls.word, *cls.aliases)]
    return sorted(map(entry, found), key=_order)


def _order(entry: Entry) -> tuple[int, int, str]:
    families = list(_FAMILIES.values())
    place = families.index(entry.section) if entry.section in families else len(families)
    return list(KINDS).index(entry.kind), place, entry.section


def entry(cls: type[Word]) -> Entry:
    """The entry of a word."""
    return Entry(
        word=cls.word,
        kind=cls.kind,
        section=_section(cls),
        signature=signature(cls),
        meaning=inspect.cleandoc(cls.__doc__ or ""),
        arguments=tuple(_argument(cls, name, cls.model_fields[name]) for name in _ordered(cls)),
        aliases=cls.aliases,
        results=cls.results if issubclass(cls, Op) and len(cls.results) > 1 else (),
        examples=tuple(dict.fromkeys(_examples(cls)))[:_SHOWN_EXAMPLES],
    )


def _ordered(cls: type[Word]) -> list[str]:
    """The arguments: those with a place, the word's own, then what many words share."""
    shared = {*Weighted.model_fields, *Channelled.model_fields}
    own = [name for name in cls.model_fields if name not in shared]
    return list(dict.fromkeys((*cls.positional, *own, *cls.model_fields)))


def _section(cls: type[Word]) -> str:
    family = cls.__module__.rpartition(".")[2]
    return _FAMILIES.get(family, family.capitalize()) if cls.kind == "op" else KINDS[cls.kind]


def _argument(cls: type[Word], name: str, field: FieldInfo) -> Argument:
    required = field.is_required()
    default = field.default
    others = tuple(alias for alias, meant in cls.argument_aliases.items() if meant == name)
    shown = None if required else "none" if default is None else value_text(default, field)
    return Argument(name, expected(field), shown, field.description or "", others)


def _examples(cls: type[Word]) -> Iterator[str]:
    if issubclass(cls, Op):
        yield from map(_example, cls.examples())


def _example(example: Example) -> str:
    types = [str(type_) for type_ in example.inputs]
    given = types[0] if len(types) == 1 else f"({', '.join(types)})"
    made = ", ".join(str(type_) for type_ in example.op.infer(example.inputs))
    return f"{given} -> {call_text(example.op)} -> {made}"


def call_text(word: Word, leave_out: tuple[str, ...] = ()) -> str:
    """A word as it is written, with the arguments that differ from their defaults."""
    parts = []
    for name, field in type(word).model_fields.items():
        value = getattr(word, name)
        default = field.default
        if name not in leave_out and (field.is_required() or value != default):
            text = value_text(value, field)
            parts.append(text if name in type(word).positional[:2] else f"{name}={text}")
    parts.sort(key=lambda part: "=" in part)
    return f"{word.word}({', '.join(parts)})" if parts else word.word


def value_text(value: Any, field: FieldInfo) -> str:
    """The value of an argument as it is written."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Word):
        return call_text(value)
    if isinstance(value, tuple):
        return f"[{', '.join(value_text(item, field) for item in value)}]"
    if isinstance(value, str):
        option = not admits(field.annotation, str) or f"`{value}`" in expected(field)
        return value if option or value.isidentifier() else f'"{value}"'
    return f"{value:g}" if isinstance(value, float) else str(value)


def support(entry: Entry) -> list[tuple[str, str]]:
    """What each backend does with a word: its title, and `yes` or the reason against it.

    Empty for words that no backend sees, such as sources of data.
    """
    from nnc.backends.registry import BACKENDS

    cls = base.find(entry.kind, entry.word)
    assert cls is not None
    found = []
    for backend in BACKENDS.values():
        for table in backend.load_tables():
            if entry.kind in table.kinds:
                reason = table.refusal(cls)
                found.append((backend.title, f"no: {reason}" if reason else "yes"))
    return found


@dataclass(frozen=True, slots=True)
class Measured:
    """How far a backend was from the reference in one precision, over every example of a word: the
    largest difference as a share of the largest element."""

    backend: str
    precision: str
    values: str
    gradients: str | None


def measured(entry: Entry) -> list[Measured]:
    """What `make measure` found for a word; empty for words that have no examples to run."""
    found = _measurements().get(entry.word, {}) if entry.kind in ("op", "loss") else {}
    return [
        Measured(backend, precision, *figures, *([None] if len(figures) == 1 else []))
        for backend, precisions in found.items()
        for precision, figures in precisions.items()
    ]


@cache
def _measurements() -> dict[str, dict[str, dict[str, list[str]]]]:
    text = files("nnc").joinpath("measured.json").read_text(encoding="utf-8")
    made: dict[str, dict[str, dict[str, list[str]]]] = json.loads(text)
    return made


# ---- shown -----------------------------------------------------------------------------------


def to_list() -> str:
    """Every word on a line, by section."""
    lines: list[str] = []
    section = ""
    known = entries()
    width = max(len(entry.signature) for entry in known)
    for entry in known:
        if entry.section != section:
            section = entry.section
            lines += ["", section]
        lines.append(_shortened(f"  {entry.signature:{width}}  {entry.summary}"))
    return "\n".join(lines[1:]) + "\n"


def _shortened(line: str) -> str:
    """The line, cut behind a word when it is too long."""
    return line if len(line) <= _WIDTH else f"{line[:_WIDTH].rpartition(' ')[0]} …"


def to_text(entry: Entry) -> str:
    """One word at length."""
    lines = [entry.signature, "", entry.meaning]
    if entry.arguments:
        lines += ["", "arguments"]
        width = max(len(argument.name) for argument in entry.arguments)
        for argument in entry.arguments:
            default = "required" if argument.default is None else f"default {argument.default}"
            lines.append(f"  {argument.name:{width}}  {argument.takes}; {default}")
            if argument.description:
                lines.append(f"  {'':{width}}  {argument.description}")
    for title, names in (("results", entry.results), ("also called", entry.aliases)):
        if names:
            lines += ["", f"{title}: {', '.join(names)}"]
    if entry.examples:
        lines += ["", "examples", *(f"  {text}" for text in entry.examples)]
    backends = support(entry)
    if backends:
        lines += ["", "backends", *(f"  {name:8} {answer}" for name, answer in backends)]
    figures = measured(entry)
    if figures:
        lines += ["", "measured: largest difference from the reference, of values and of gradients"]
        lines += [f"  {m.backend:6} {m.precision}  {_figures(m)}" for m in figures]
    return "\n".join(lines) + "\n"


def _figures(measured: Measured) -> str:
    return ", ".join(filter(None, (measured.values, measured.gradients)))


def to_markdown() -> str:
    """The whole catalogue as a page."""
    parts = ["# The catalogue", _PREFACE]
    kind = section = ""
    for entry in entries():
        if entry.kind != kind:
            kind = entry.kind
            parts.append(f"## {KINDS[entry.kind]}")
        if entry.kind == "op" and entry.section != section:
            section = entry.section
            parts.append(f"### {section}")
        parts.append(_page(entry))
    return "\n\n".join(parts) + "\n"


_PREFACE: Final = """\
Every word of the language, from the classes that define it; `nnc ops NAME` shows one. Shapes are
those of one example. `Measured` is the largest difference from the reference over all examples of
a word, as a share of the largest element: of the values, then of the gradients. This page is
written by `python -m nnc.catalogue`."""


def _page(entry: Entry) -> str:
    parts = [f"#### `{entry.signature}`", entry.meaning]
    if entry.arguments:
        rows = [
            f"| `{a.name}` | {_cell(a.takes)} | {_default(a)} | {_cell(a.description)} |"
            for a in entry.arguments
        ]
        head = "| argument | takes | default | |\n| --- | --- | --- | --- |\n"
        parts.append(head + "\n".join(rows))
    notes = []
    if entry.results:
        notes.append(f"Results: {_code(entry.results)}.")
    if entry.aliases:
        notes.append(f"Also called {_code(entry.aliases)}.")
    refusals = [f"{name}: {answer}" for name, answer in support(entry) if answer != "yes"]
    notes += [f"Not on every backend. {text}." for text in refusals]
    if notes:
        parts.append(" ".join(notes))
    figures = measured(entry)
    if figures:
        shown = (f"{m.backend} {m.precision} ({_figures(m)})" for m in figures)
        parts.append(f"Measured: {'; '.join(shown)}.")
    if entry.examples:
        parts.append("```\n" + "\n".join(entry.examples) + "\n```")
    return "\n\n".join(parts)


def _default(argument: Argument) -> str:
    if argument.default is None:
        return "required"
    return "none" if argument.default == "none" else f"`{argument.default}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    sys.stdout.write(to_markdown())
