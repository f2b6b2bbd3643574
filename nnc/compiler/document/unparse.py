"""A program -> the surface tree of its flat `.nn` text: one chain of one stage for each node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nnc.compiler import ir, syntax
from nnc.compiler.document import outputs
from nnc.compiler.document.arguments import defaults, options, ordered
from nnc.compiler.source import NOWHERE
from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary.base import Word
from nnc.compiler.vocabulary.ops.base import Channelled
from nnc.compiler.vocabulary.schedules import ConstantRate


def to_syntax(program: ir.Program) -> syntax.File:
    """The canonical tree, without places; arguments equal to their default are left out."""
    return _Unparser(program).file()


class _Unparser:
    def __init__(self, program: ir.Program) -> None:
        self._program = program
        graph = program.graph
        self._defaults = {"layout": graph.layout}
        self._taken = {value.name for value in graph.values()} | {n.name for n in graph.nodes}
        self._taken |= {output.name for output in graph.outputs}
        self._parameters = dict(program.parameters) if program.search else {}
        self._shadows = self._taken | self._parameters.keys()
        """Names that mean something else than an option would."""
        self._spoken: dict[str, str] = {}
        """Values whose own names text can't hold (`0.conv`), and how they are called instead."""

    def file(self) -> syntax.File:
        program = self._program
        declarations: list[syntax.Declaration] = [
            syntax.Parameter(_name(name), self._value(value), NOWHERE)
            for name, value in self._parameters.items()
        ]
        if program.data is not None:
            declarations.append(syntax.Section("data", tuple(self._data(program.data)), NOWHERE))
        declarations.append(syntax.Model(_name(program.graph.name), tuple(self._model()), NOWHERE))
        if program.training is not None:
            body = tuple(self._training(program.training))
            declarations.append(syntax.Section("train", body, NOWHERE))
        if program.search is not None:
            body = tuple(self._search(program.search))
            declarations.append(syntax.Section("search", body, NOWHERE))
        return syntax.File(NOWHERE.source, tuple(declarations))

    # ---- the model ------------------------------------------------------------------------

    def _model(self) -> Iterator[syntax.Statement]:
        graph = self._program.graph
        if graph.layout != "channels_first":
            yield syntax.Layout(_name(graph.layout), NOWHERE)
        for value in graph.inputs:
            yield syntax.Input(_name(value.name), _type(value.type), NOWHERE)
        for node in graph.nodes:
            yield self._node(node)
        pairs = [(_name(out.name), self._reference(out.value)) for out in graph.outputs]
        yield from outputs.in_order(pairs, self._taken)

    def _node(self, node: ir.Node) -> syntax.Statement:
        call = self._call(node.op) if node.owns_weights else _call(node.layer)
        sources = tuple(self._reference(value) for value in node.inputs)
        source = sources[0] if len(sources) == 1 else syntax.Tuple(sources, NOWHERE)
        chain = syntax.Chain(source, (_stage(call, node.name),), NOWHERE)
        if not node.name[0].isdecimal():
            return syntax.Run(chain, NOWHERE)
        for value in node.outputs:
            self._spoken[value.name] = outputs.fresh(value.name, self._taken)
        names = tuple(_name(self._spoken[value.name]) for value in node.outputs)
        return syntax.Bind(names, chain, NOWHERE)

    def _reference(self, value: ir.Value) -> syntax.Reference:
        return syntax.Reference(self._spoken.get(value.name, value.name), NOWHERE)

    # ---- words and values -----------------------------------------------------------------

    def _call(self, word: Word, *first: syntax.Expression) -> syntax.Call:
        arguments = [syntax.Argument(None, value, NOWHERE) for value in first]
        return _call(word.word, *arguments, *self._arguments(word))

    def _arguments(self, word: Word) -> Iterator[syntax.Argument]:
        cls = type(word)
        usual = {**defaults(cls)}
        if isinstance(word, Channelled):
            usual |= self._defaults
        given = {
            name: value
            for name, value in ordered(word).items()
            if name not in usual or not _same(value, usual[name])
        }
        if cls.gathers in given:
            for item in given.pop(cls.gathers):
                yield syntax.Argument(None, self._value(item), NOWHERE)
        bare = True
        few = len(cls.positional) == len(ordered(word))
        for place, (name, value) in enumerate(given.items()):
            # Without a name: what must be given, the first, and all of a word that has no others.
            bare = bare and cls.positional[place : place + 1] == (name,)
            bare = bare and (few or place == 0 or name not in usual)
            known = options(cls, name)
            made = self._value(value, known)
            yield syntax.Argument(None if bare else name, made, NOWHERE, None if bare else NOWHERE)

    def _value(self, value: Any, known: frozenset[str] = frozenset()) -> syntax.Expression:
        if isinstance(value, bool):
            return syntax.Boolean(value, NOWHERE)
        if isinstance(value, int | float):
            return _number(value)
        if isinstance(value, Word):
            return self._word(value)
        if isinstance(value, str):
            bare = value in known and value not in self._shadows
            return syntax.Reference(value, NOWHERE) if bare else syntax.String(value, NOWHERE)
        return syntax.List(tuple(self._value(item, known) for item in value), NOWHERE)

    def _word(self, word: Word) -> syntax.Expression:
        call = self._call(word)
        return call if call.arguments else syntax.Reference(word.word, NOWHERE)

    # ---- sections -------------------------------------------------------------------------

    def _training(self, training: ir.Training) -> Iterator[syntax.Bind | syntax.Target]:
        for value in training.targets:
            yield syntax.Target(_name(value.name), _type(value.type), NOWHERE)
        terms = [_scaled(t.factor, self._compared(t.loss, t)) for t in training.losses]
        terms += [_scaled(factor, self._call(p)) for p, factor in training.loss_penalties]
        yield _bind("loss", _sum(terms))
        yield _bind("optimizer", self._word(training.optimizer))
        if training.schedule != ConstantRate():
            yield _bind("schedule", self._word(training.schedule))
        for name, word in (("clip", training.clip), ("stop", training.stop)):
            if word is not None:
                yield _bind(name, self._word(word))
        if training.metrics:
            metrics = tuple(self._compared(use.metric, use) for use in training.metrics)
            yield _bind("metrics", syntax.List(metrics, NOWHERE))
        yield _bind("epochs", _number(training.epochs))
        whole = training.batch is None
        batch = syntax.Reference("all", NOWHERE) if whole else _number(training.batch or 0)
        yield _bind("batch", batch)
        if self._program.seed:
            yield _bind("seed", _number(self._program.seed))
        if training.log_every != 1:
            yield _bind("log_every", _number(training.log_every))
        if training.augment:
            changes = tuple(
                self._call(use.augmentation, syntax.Reference(use.input, NOWHERE))
                for use in training.augment
            )
            yield _bind("augment", syntax.List(changes, NOWHERE))
        if training.checkpoint is not None:
            yield _bind("checkpoint", self._word(training.checkpoint))

    def _compared(self, word: Word, use: ir.LossTerm | ir.MetricUse) -> syntax.Call:
        """`word(outputs…, target, …)`."""
        outputs = use.outputs if isinstance(use, ir.LossTerm) else (use.output,)
        names = (*outputs, *((use.target.name,) if use.target else ()))
        return self._call(word, *(syntax.Reference(name, NOWHERE) for name in names))

    def _data(self, data: ir.Data) -> Iterator[syntax.Bind]:
        if data.source is not None:
            yield _bind("source", self._word(data.source))
        for field in data.fields:
            value: syntax.Expression = self._call(field.columns)
            steps = tuple(
                syntax.Apply(self._call(step), None, NOWHERE) for step in field.preparations
            )
            chain = syntax.Chain(value, steps, NOWHERE) if steps else value
            yield syntax.Bind(tuple(map(_name, field.names)), chain, NOWHERE)
        if data.split is not None:
            yield _bind("split", self._word(data.split))

    def _search(self, search: ir.Search) -> Iterator[syntax.Bind]:
        for name, range_ in search.ranges.items():
            yield _bind(name, self._word(range_))
        yield _bind("trials", _number(search.trials))
        yield _bind("method", self._value(search.method, frozenset({search.method})))
        yield _bind(search.goal, self._value(search.monitor))


def _name(text: str) -> syntax.Name:
    return syntax.Name(text, NOWHERE)


def _bind(name: str, value: syntax.Expression) -> syntax.Bind:
    return syntax.Bind((_name(name),), value, NOWHERE)


def _call(name: str, *arguments: syntax.Argument) -> syntax.Call:
    return syntax.Call(name, arguments, NOWHERE, NOWHERE)


def _stage(call: syntax.Call, path: str) -> syntax.Stage:
    """`call as path`; text can't hold `as 0.conv`, but `(call as conv) as 0` is the same."""
    outer, dot, inner = path.partition(".")
    if dot and path[0].isdecimal():
        return syntax.Group((_stage(call, inner),), _name(outer), NOWHERE)
    return syntax.Apply(call, _name(path), NOWHERE)


def _number(value: int | float) -> syntax.Expression:
    """A number as text has it: the sign is an operator."""
    if str(value).startswith("-"):
        return syntax.Unary("-", syntax.Number(-value, NOWHERE), NOWHERE)
    return syntax.Number(value, NOWHERE)


def _type(type_: TensorType) -> syntax.Type:
    shape = (
        syntax.Number(dim, NOWHERE) if isinstance(dim, int) else syntax.Reference(dim.name, NOWHERE)
        for dim in type_.shape
    )
    return syntax.Type(_name(type_.dtype), tuple(shape), NOWHERE)


def _scaled(factor: float, call: syntax.Call) -> syntax.Expression:
    return call if factor == 1 else syntax.Binary("*", _number(factor), call, NOWHERE)


def _sum(terms: list[syntax.Expression]) -> syntax.Expression:
    total = terms[0]
    for term in terms[1:]:
        total = syntax.Binary("+", total, term, NOWHERE)
    return total


def _same(value: Any, usual: Any) -> bool:
    """Whether an argument has its default; 1 and true are not the same."""
    return bool(value == usual) and isinstance(value, bool) == isinstance(usual, bool)
