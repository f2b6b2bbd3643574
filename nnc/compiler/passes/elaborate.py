"""From the model's statements to a graph: expands blocks, loops and conditions, infers every type
on the way.

Expansion and inference are one pass because `if channels(x) != width` needs types to expand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from nnc.compiler import ir, syntax
from nnc.compiler.diagnostics import Label
from nnc.compiler.passes import lint
from nnc.compiler.passes.arguments import POISON, Option, Poison
from nnc.compiler.passes.build import Builder, TooLarge
from nnc.compiler.passes.expressions import Evaluator, Flowing
from nnc.compiler.passes.scope import Flow, Scope
from nnc.compiler.passes.stages import Stages
from nnc.compiler.passes.state import State
from nnc.compiler.passes.typing import input_type
from nnc.compiler.source import Span
from nnc.compiler.types import TensorType

LAYOUTS: Final = ("channels_first", "channels_last")


def elaborate(state: State) -> None:
    """Fill `values`, `graph` and `outputs`. Without errors the graph is whole."""
    elaborator = Elaborator(state)
    elaborator.parameters()
    if state.model is None:
        return
    try:
        elaborator.model(state.model)
    except TooLarge:
        return


class Elaborator:
    """Walks statements; stages are walked by `Stages`."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.report = state.report
        self.globals = Scope()
        self.stages = Stages(self)
        self.evaluator = Evaluator(state.report, self.stages)
        self.evaluator.trace = self._trace
        self.builder = Builder(self.evaluator)
        self.inputs: dict[str, ir.Value] = {}
        self.outputs: dict[str, ir.Output] = {}
        self.hints: dict[str, str] = {}
        self.instances: list[ir.Instance] = []
        self.calls: list[tuple[str, Span]] = []
        self.reuse = False

    def _trace(self) -> list[Label]:
        return [Label(span, f"in this use of `{name}`") for name, span in reversed(self.calls[-3:])]

    # ---- parameters -------------------------------------------------------------------

    def parameters(self) -> None:
        """Evaluate the file's parameters in their order; a setting from outside wins."""
        for name, parameter in self.state.parameters.items():
            value = self._setting(name, parameter)
            if isinstance(value, Option):
                value = value.name
            self.globals.bind(name, value, parameter.name.span, "parameter")
            if not isinstance(value, Poison):
                self.state.values[name] = value

    def _setting(self, name: str, parameter: syntax.Parameter) -> Any:
        assert parameter.default is not None
        default = self.evaluator.constant(parameter.default, self.globals)
        if name not in self.state.settings:
            return default
        value = self.state.settings[name]
        numbers = isinstance(value, int | float) and isinstance(default, int | float)
        fits = type(value) is type(default) or (
            numbers and not isinstance(value, bool) and isinstance(default, float)
        )
        if isinstance(default, Poison | Option) or fits:
            return value
        return self.evaluator.error(
            "E107",
            f"the parameter `{name}` can't be set to `{value}`",
            parameter.span,
            "its value here is of another type",
            help="give a value of the same type",
        )

    # ---- the model --------------------------------------------------------------------

    def model(self, model: syntax.Model) -> None:
        scope = Scope(parent=self.globals)
        scope.announce(model.body)
        for statement in model.body:
            self.statement(statement, scope, model=True)
        if not self.outputs and not self.report.errors:
            self.evaluator.error(
                "E110",
                f"the model `{model.name.text}` has no output",
                model.name.span,
                "nothing comes out of it",
                help="write `output name = …`",
            )
        lint.unused(self.report, scope, self.stages.shared)
        self.state.outputs = self.outputs
        self.state.graph = ir.Graph(
            model.name.text,
            tuple(self.inputs.values()),
            tuple(self.builder.nodes),
            tuple(self.outputs.values()),
            self.stages.layout,
            _hints(self.hints, self.builder.nodes),
            tuple(self.instances),
        )

    def statement(self, statement: syntax.Statement, scope: Scope, *, model: bool) -> None:
        match statement:
            case syntax.Input() if model:
                self._input(statement, scope)
            case syntax.Output():
                self._output(statement, scope, model=model)
            case syntax.Bind():
                self._bind(statement, scope)
            case syntax.Run():
                self.evaluator.evaluate(statement.value, scope)
            case syntax.Layer():
                self.stages.declare(statement, scope)
            case syntax.Assert():
                self._assert(statement, scope)
            case syntax.Layout():
                self._layout(statement, model=model)
            case _:
                pass

    def _new_name(self, name: syntax.Name, known: dict[str, Any], what: str) -> bool:
        if name.text not in known:
            return True
        self.evaluator.error(
            "E103",
            f"there are two {what}s called `{name.text}`",
            name.span,
            f"this {what} has the name of another",
            also=[Label(known[name.text].span, "first given here")],
            help="choose another name",
        )
        return False

    def _input(self, statement: syntax.Input, scope: Scope) -> None:
        name = statement.name
        if not self._new_name(name, self.inputs, "input"):
            return
        if statement.type is None:
            self.evaluator.error(
                "E111",
                f"the input `{name.text}` has no type",
                name.span,
                "a model's input needs one",
                help=f"write `input {name.text}: f32[2]`; the batch is not written",
            )
            scope.bind(name.text, POISON, name.span, "input")
            return
        type_ = input_type(self.evaluator, statement.type, scope)
        if type_ is None:
            scope.bind(name.text, POISON, name.span, "input")
            return
        value = ir.Value(name.text, type_, name.span)
        self.inputs[name.text] = value
        self.builder.paths.take(name.text, name.span)
        scope.bind(name.text, Flowing((value,)), name.span, "input")

    def _output(self, statement: syntax.Output, scope: Scope, *, model: bool) -> None:
        flow = self.evaluator.flow(statement.value, scope)
        name = statement.name
        if not isinstance(flow, Poison) and len(flow) != 1:
            flow = self._several(flow, name, statement.value.span)
        scope.bind(name.text, flow, name.span, "output").used = True
        if not model or not self._new_name(name, self.outputs, "output"):
            return
        if isinstance(flow, Poison):
            self.outputs[name.text] = ir.Output(name.text, POISONED, name.span)
            return
        self.hints.setdefault(flow[0].name, name.text)
        self.outputs[name.text] = ir.Output(name.text, flow[0], name.span)

    def _several(self, flow: Flow, name: syntax.Name, span: Span) -> Poison:
        results = ", ".join(value.name.rpartition(".")[2] for value in flow)
        return self.evaluator.error(
            "E306",
            f"`{name.text}` is one value, but {len(flow)} come out of this chain",
            span,
            f"gives {results}",
            help=f"name them all and choose: `{results} = …`",
        )

    def _bind(self, statement: syntax.Bind, scope: Scope) -> None:
        before = len(self.builder.nodes)
        value = self.evaluator.evaluate(statement.value, scope)
        made = len(self.builder.nodes) > before
        names = statement.names
        if isinstance(value, Option):
            value = self.evaluator.unknown(value.name, statement.value.span, scope)
        if isinstance(value, Poison):
            for name in names:
                scope.bind(name.text, POISON, name.span, "value").used = True
            return
        if len(names) == 1:
            scope.bind(names[0].text, value, names[0].span, "value")
            # a value that was made elsewhere keeps the name that it has there
            if made and isinstance(value, Flowing) and len(value) == 1:
                self.hints.setdefault(value[0].name, names[0].text)
            return
        self._bind_several(statement, value, scope)

    def _bind_several(self, statement: syntax.Bind, value: Any, scope: Scope) -> None:
        names = statement.names
        count = len(value) if isinstance(value, tuple) else 1
        fits = count == len(names)
        if not fits:
            self.evaluator.error(
                "E306",
                f"{len(names)} names for {count} {'result' if count == 1 else 'results'}",
                names[0].span.to(names[-1].span),
                f"{len(names)} names",
                also=[Label(statement.value.span, f"gives {count}")],
            )
        group: list[Any] = []
        for place, name in enumerate(names):
            part = value[place] if fits else POISON
            content = Flowing((part,)) if isinstance(part, ir.Value) else part
            group.append(scope.bind(name.text, content, name.span, "value"))
            if isinstance(part, ir.Value):
                self.hints.setdefault(part.name, name.text)
        lint.tie(self.stages.shared, group)

    def _assert(self, statement: syntax.Assert, scope: Scope) -> None:
        if self.evaluator.condition(statement.condition, scope) is False:
            self.evaluator.error(
                "E406",
                statement.message or "an assertion of the spec does not hold",
                statement.condition.span,
                "this is false",
            )

    def _layout(self, statement: syntax.Layout, *, model: bool) -> None:
        name = statement.name
        if not model:
            self.evaluator.error(
                "E112", "the layout belongs to the model", statement.span, "not to a block"
            )
        elif self.builder.nodes:
            self.evaluator.error(
                "E112", "the layout stands before the first layer", statement.span, "comes too late"
            )
        elif name.text == "channels_last":
            self.stages.layout = "channels_last"
        elif name.text != "channels_first":
            self.evaluator.error(
                "E112",
                f"there is no layout `{name.text}`",
                name.span,
                "unknown layout",
                help=f"write {' or '.join(f'`{layout}`' for layout in LAYOUTS)}",
            )

    # ---- blocks in use ----------------------------------------------------------------

    @contextmanager
    def inside(self, name: str, span: Span) -> Iterator[None]:
        """Remember that a block is in use, for messages and against recursion."""
        self.calls.append((name, span))
        try:
            yield
        finally:
            self.calls.pop()


def _hints(given: dict[str, str], nodes: list[ir.Node]) -> dict[str, str]:
    """The author's names, for values that a node gives on as well."""
    hints = dict(given)
    for node in reversed(nodes):
        if node.op.gives_input and node.output.name in hints:
            hints.setdefault(node.inputs[0].name, hints[node.output.name])
    return hints


POISONED: Final = ir.Value("", TensorType("f32", ()))
"""Stands for an output that could not be made; no graph that holds it leaves the compiler."""
