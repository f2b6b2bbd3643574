"""The stages of chains: ops, blocks, shared layers, loops, conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, assert_never

from nnc.compiler import ir, syntax
from nnc.compiler.diagnostics import Label
from nnc.compiler.passes import lint
from nnc.compiler.passes.arguments import POISON, Binder, Bound, Poison, cure, shown
from nnc.compiler.passes.blocks import Blocks
from nnc.compiler.passes.build import MAXIMUM_NODES, Application, TooLarge
from nnc.compiler.passes.expressions import Flowing, FlowRules
from nnc.compiler.passes.scope import Flow, Scope, SharedLayer
from nnc.compiler.source import Span
from nnc.compiler.vocabulary import base
from nnc.compiler.vocabulary.ops.base import Channelled, Composite

if TYPE_CHECKING:
    from nnc.compiler.passes.elaborate import Elaborator

MAXIMUM_TURNS: Final = 200_000
"""Turns of all loops together: a loop whose turns add nothing must end as well."""

_OPERATORS: Final = {
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "divide",
    "**": "power",
    "@": "matmul",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "==": "equal",
    "!=": "not_equal",
    "and": "logical_and",
    "or": "logical_or",
}
_WITHOUT_NUMBERS: Final = ("matmul", "logical_and", "logical_or")


class Stages(FlowRules):
    """Applies stages to flows."""

    def __init__(self, elaborator: Elaborator) -> None:
        self._elaborator = elaborator
        self._turns = 0
        self._applied: list[set[str]] = []
        self.blocks = Blocks(elaborator)
        self.shared = lint.Shared()

    # ---- what the evaluator asks --------------------------------------------------------

    def chain(self, chain: syntax.Chain, scope: Scope) -> Any:
        flow = self._elaborator.evaluator.flow(chain.source, scope)
        if isinstance(flow, Poison):
            self._skip(chain.stages, scope)
            return POISON
        return self.run(chain.stages, flow, scope)

    def arithmetic(self, expression: syntax.Binary, left: Any, right: Any, scope: Scope) -> Any:
        evaluator = self._elaborator.evaluator
        word = _OPERATORS.get(expression.operator)
        if word is None:
            return evaluator.error(
                "E407",
                f"`{expression.operator}` can't be applied to values of the model",
                expression.span,
                "known only when the model runs",
                help="it works at compile time alone: `channels(x) % 2`",
            )
        numbers: dict[str, Any] = {}
        flows: list[ir.Value] = []
        for side, value, part in (
            ("left", left, expression.left),
            ("right", right, expression.right),
        ):
            if isinstance(value, Flowing):
                if len(value) != 1:
                    return evaluator.error(
                        "E306",
                        f"`{expression.operator}` joins single values, but this has {len(value)}",
                        part.span,
                        f"{len(value)} results",
                    )
                flows.append(value[0])
            elif (
                isinstance(value, int | float)
                and not isinstance(value, bool)
                and word not in _WITHOUT_NUMBERS
            ):
                numbers[side] = float(value)
            else:
                return evaluator.error(
                    "E407",
                    f"`{expression.operator}` can't join a value of the model with {shown(value)}",
                    part.span,
                    f"this is {shown(value)}",
                )
        bound = Bound(_op(word)(**numbers), {}, expression.span)
        return self._apply(
            Application(bound, None, expression.span, self.reused), tuple(flows), scope
        )

    def unary(self, operator: str, flow: Flow, span: Span, scope: Scope) -> Any:
        bound = Bound(_op("negate" if operator == "-" else "logical_not")(), {}, span)
        return self._apply(Application(bound, None, span, self.reused), flow, scope)

    def named(self, name: str, scope: Scope) -> Flowing | None:
        values = self._elaborator.builder.values
        here: Scope | None = scope
        while here is not None:
            if here.path(name) in values:
                return values[here.path(name)]
            here = here.parent
        return values.get(name)

    def paths(self) -> list[str]:
        return list(self._elaborator.builder.values)

    def is_block(self, name: str) -> bool:
        return name in self._elaborator.state.blocks

    @property
    def reused(self) -> set[str] | None:
        """The layers that the second application of a shared layer, if we are in one, has used
        again."""
        return self._applied[-1] if self._applied else None

    # ---- stages -------------------------------------------------------------------------

    def run(self, stages: tuple[syntax.Stage, ...], flow: Flow, scope: Scope) -> Any:
        """Apply stages one after the other; POISON as soon as one does not fit."""
        for place, stage in enumerate(stages):
            made = self._stage(stage, flow, scope)
            if isinstance(made, Poison):
                self._skip(stages[place + 1 :], scope)
                self._skip_name(stage, scope)
                return POISON
            flow = made
        return flow if isinstance(flow, Flowing) else Flowing(flow)

    def _skip(self, stages: tuple[syntax.Stage, ...], scope: Scope) -> None:
        """Stages that nothing flows into: their arguments are checked, their names say nothing
        more."""
        for stage in stages:
            word = base.find("op", stage.call.name) if isinstance(stage, syntax.Apply) else None
            if isinstance(stage, syntax.Apply) and word is not None:
                self._bind(word, stage.call, scope)
            self._skip_name(stage, scope)

    def _skip_name(self, stage: syntax.Stage, scope: Scope) -> None:
        name = getattr(stage, "name", None)
        if name is not None and scope.lookup(name.text) is None:
            scope.bind(name.text, POISON, name.span, "layer name").used = True

    def _stage(self, stage: syntax.Stage, flow: Flow, scope: Scope) -> Any:
        match stage:
            case syntax.Apply():
                made = self._call(stage, flow, scope)
            case syntax.Group():
                made = self._group(stage, flow, scope)
            case syntax.Loop():
                made = self._loop(stage, flow, scope)
            case syntax.Choice():
                condition = self._elaborator.evaluator.condition(stage.condition, scope)
                if isinstance(condition, Poison):
                    return POISON
                return self.run(stage.then if condition else stage.otherwise, flow, scope)
            case _:
                assert_never(stage)
        name = stage.name
        plain = name is not None and not name.text[0].isdigit() and "." not in name.text
        if name is not None and plain and not isinstance(made, Poison):
            scope.bind(name.text, made, name.span, "layer name").used = True
        return made

    def _group(self, group: syntax.Group, flow: Flow, scope: Scope) -> Any:
        inner = Scope(scope.path(group.name.text) if group.name else scope.prefix, scope)
        made = self.run(group.stages, flow, inner)
        lint.unused(self._elaborator.report, inner, self.shared)
        return made

    def _loop(self, loop: syntax.Loop, flow: Flow, scope: Scope) -> Any:
        evaluator = self._elaborator.evaluator
        start = evaluator.whole(loop.start, scope, "the start of a loop")
        stop = evaluator.whole(loop.stop, scope, "the end of a loop")
        if isinstance(start, Poison) or isinstance(stop, Poison):
            return POISON
        self._turns += max(stop - start, 0)
        if stop - start > MAXIMUM_NODES or self._turns > MAXIMUM_TURNS:
            evaluator.error(
                "E405",
                f"this loop would take {stop - start:,} turns"
                if stop - start > MAXIMUM_NODES
                else f"the loops of this spec would take more than {MAXIMUM_TURNS:,} turns",
                loop.start.span.to(loop.stop.span),
                f"at most {MAXIMUM_NODES:,} are expanded",
                help="make the loop shorter",
            )
            raise TooLarge
        least = (stop - start) * self.blocks.sizes.turn(loop) if stop > start else 0
        self._elaborator.builder.expect(least, loop.start.span.to(loop.stop.span))
        for turn in range(start, stop):
            flow = self._turn(loop, turn, flow, scope)
            if isinstance(flow, Poison):
                return POISON
        return flow

    def _turn(self, loop: syntax.Loop, turn: int, flow: Flow, scope: Scope) -> Any:
        stages, prefix = loop.stages, scope.prefix
        if loop.name is not None:
            path = f"{loop.name.text}.{turn}"
            if len(stages) == 1 and isinstance(stages[0], syntax.Apply) and stages[0].name is None:
                only = stages[0]
                stages = (syntax.Apply(only.call, syntax.Name(path, loop.name.span), only.span),)
            else:
                prefix = scope.path(path)
        inner = Scope(prefix, scope)
        inner.bind(loop.variable.text, turn, loop.variable.span, "variable").used = True
        return self.run(stages, flow, inner)

    def _call(self, stage: syntax.Apply, flow: Flow, scope: Scope) -> Any:
        name = stage.call.name
        shared = scope.layer(name)
        if shared is not None:
            return self._shared(shared, stage, flow)
        if name in self._elaborator.state.blocks:
            return self.blocks.use(self._elaborator.state.blocks[name], stage, flow, scope)
        word = base.find("op", name)
        if word is not None:
            return self._word(word, stage, flow, scope)
        earlier = self._earlier(name, scope)
        if earlier is not None:
            label = stage.name.text if stage.name else None
            builder = self._elaborator.builder
            return builder.apply_again(earlier, label, flow, stage.span, scope)
        return self._unknown(stage, scope)

    def _earlier(self, name: str, scope: Scope) -> ir.Node | None:
        """A layer that `as` named before."""
        layers = self._elaborator.builder.layers
        here: Scope | None = scope
        while here is not None:
            if here.path(name) in layers:
                return layers[here.path(name)]
            here = here.parent
        return layers.get(name)

    def _unknown(self, stage: syntax.Apply, scope: Scope) -> Poison:
        name = stage.call.name
        layers = self._elaborator.builder.layers
        known = [*base.names("op"), *self._elaborator.state.blocks, *layers, *scope.layers]
        notes = []
        if scope.lookup(name) is not None:
            notes.append(f"`{name}` is a value; a stage is a layer, a block or an activation")
        return self._elaborator.evaluator.error(
            "E101",
            f"there is no layer `{name}`",
            stage.call.name_span,
            "unknown layer",
            help=cure("op", name, known) or "`nnc ops` lists every layer",
            notes=notes,
        )

    def _word(self, word: type[base.Word], stage: syntax.Apply, flow: Flow, scope: Scope) -> Any:
        bound = self._bind(word, stage.call, scope)
        if bound is None:
            return POISON
        lint.misread(self._elaborator.report, bound, stage.call, flow)
        if flow and flow[0] in self._elaborator.inputs.values():
            lint.channels_last(self._elaborator.report, bound, flow[0])
        if isinstance(bound.word, Composite):
            return self.blocks.compose(bound, bound.word, stage, flow, scope)
        name = stage.name.text if stage.name else None
        place = Span(stage.span.source, stage.call.span.start, stage.call.span.end)
        return self._apply(Application(bound, name, place, self.reused), flow, scope)

    def _bind(self, word: type[base.Word], call: syntax.Call, scope: Scope) -> Bound | None:
        evaluator = self._elaborator.evaluator
        binder = Binder(self._elaborator.report, lambda e: evaluator.constant(e, scope))
        inherited = {"layout": self.layout} if issubclass(word, Channelled) else None
        return binder.bind(call, word, inherited)

    def _apply(self, application: Application, flow: Flow, scope: Scope) -> Any:
        return self._elaborator.builder.apply(application, flow, scope)

    # ---- shared layers --------------------------------------------------------------------

    def declare(self, statement: syntax.Layer, scope: Scope) -> None:
        """`layer tower = …`: remember the stages; weights are made when it is applied."""
        name = statement.name.text
        if base.find("op", name) is not None:
            self._elaborator.evaluator.error(
                "E103",
                f"`{name}` is a layer of nnc",
                statement.name.span,
                "a name that is taken",
                help="choose another name",
            )
        if name in scope.layers:
            self._elaborator.evaluator.error(
                "E103",
                f"there are two layers called `{name}`",
                statement.name.span,
                "this layer has the name of another",
                also=[Label(scope.layers[name].statement.name.span, "first given here")],
                help="choose another name",
            )
            return
        scope.layers[name] = SharedLayer(statement, scope, scope.path(name))

    def _shared(self, shared: SharedLayer, stage: syntax.Apply, flow: Flow) -> Any:
        shared.used = True
        if stage.call.arguments:
            return self._elaborator.evaluator.error(
                "E205",
                f"`{stage.call.name}` is a layer of this spec and takes no arguments",
                stage.call.span,
                help=f"write `-> {stage.call.name}`",
            )
        stages, prefix = shared.statement.stages, shared.path
        if len(stages) == 1 and isinstance(stages[0], syntax.Apply) and stages[0].name is None:
            stages = (syntax.Apply(stages[0].call, shared.statement.name, stages[0].span),)
            prefix = shared.scope.prefix
        if shared.applied is not None:
            self._applied.append(set())
        try:
            with self._elaborator.inside(stage.call.name, stage.span):
                return self.run(stages, flow, Scope(prefix, shared.scope))
        finally:
            if shared.applied is not None:
                self._applied.pop()
            shared.applied = shared.applied or stage.span


def _op(word: str) -> type[base.Word]:
    found = base.find("op", word)
    assert found is not None
    return found
