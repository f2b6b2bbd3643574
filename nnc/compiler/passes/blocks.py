"""Blocks in use: their arguments, their inputs, their results, and the limits of their nesting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nnc.compiler import ir, syntax
from nnc.compiler.diagnostics import Label, did_you_mean
from nnc.compiler.passes import lint
from nnc.compiler.passes.arguments import POISON, Bound, Option, Poison
from nnc.compiler.passes.build import MAXIMUM_NODES, Application, Builder, TooLarge, again
from nnc.compiler.passes.expressions import Flowing
from nnc.compiler.passes.scope import Flow, Scope, snake
from nnc.compiler.passes.sizes import LeastSizes
from nnc.compiler.source import Span
from nnc.compiler.vocabulary.ops.base import Composite, Op

if TYPE_CHECKING:
    from nnc.compiler.passes.elaborate import Elaborator

MAXIMUM_DEPTH: Final = 60
"""Blocks within blocks."""


class _Unfit(Exception):
    """A part of a composite word does not fit; it has been reported."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """Adds the parts of a composite word to the graph."""

    builder: Builder
    application: Application
    scope: Scope

    def add(self, op: Op, *inputs: ir.Value, name: str | None = None) -> ir.Value:
        whole = self.application
        bound = Bound(op, whole.bound.places, whole.bound.span)
        part = Application(bound, name, whole.span, whole.reused)
        made = self.builder.apply(part, inputs, self.scope)
        if isinstance(made, Poison):
            raise _Unfit
        return made[0]


class Blocks:
    """Expands blocks where they are used."""

    def __init__(self, elaborator: Elaborator) -> None:
        self._elaborator = elaborator
        self._paths: set[str] = set()
        self._uses = 0
        self.sizes = LeastSizes(elaborator.state.blocks, MAXIMUM_DEPTH)

    def use(self, block: syntax.Block, stage: syntax.Apply, flow: Flow, scope: Scope) -> Any:
        """The results of a block applied to a flow, or POISON."""
        elaborator = self._elaborator
        if not self._may_enter(block, stage):
            return POISON
        path = self._path(block.name.text, stage, scope)
        if path is None:
            return POISON
        inner = Scope(path, elaborator.globals)
        inner.announce(block.body)
        with elaborator.inside(block.name.text, stage.span):
            if not self._arguments(block, stage, scope, inner):
                return POISON
            if not self._inputs(block, stage, flow, inner):
                return POISON
            begin = len(elaborator.builder.nodes)
            for statement in block.body:
                elaborator.statement(statement, inner, model=False)
            made = self._results(block, inner)
            lint.unused(elaborator.report, inner, elaborator.stages.shared)
        end = len(elaborator.builder.nodes)
        elaborator.instances.append(ir.Instance(path, block.name.text, begin, end))
        return made

    def compose(
        self, bound: Bound, op: Composite, stage: syntax.Apply, flow: Flow, scope: Scope
    ) -> Any:
        """The result of a word that is made of others, or POISON."""
        elaborator = self._elaborator
        builder = elaborator.builder
        place = Span(stage.span.source, stage.call.span.start, stage.call.span.end)
        application = Application(bound, None, place, elaborator.stages.reused)
        if not builder.fits(application, flow):
            return POISON
        path = self._path(op.word, stage, scope)
        if path is None:
            return POISON
        begin = len(builder.nodes)
        try:
            made = op.expand(_Parts(builder, application, Scope(path)), *flow)
        except _Unfit:
            return POISON
        elaborator.instances.append(ir.Instance(path, op.word, begin, len(builder.nodes)))
        builder.values.setdefault(path, Flowing((made,)))
        return Flowing((made,))

    def _path(self, word: str, stage: syntax.Apply, scope: Scope) -> str | None:
        """The path of this use, or None when its name is taken."""
        elaborator = self._elaborator
        path = scope.path(stage.name.text if stage.name else snake(word))
        if elaborator.stages.reused is not None:
            path = again(path, self._paths, elaborator.stages.reused) or path
        elif stage.name is not None and elaborator.builder.paths.owner(path) is not None:
            elaborator.builder.taken(path, stage.name.span)
            return None
        else:
            path = elaborator.builder.paths.fresh(path)
        self._paths.add(path)
        return path

    def _may_enter(self, block: syntax.Block, stage: syntax.Apply) -> bool:
        evaluator, name = self._elaborator.evaluator, block.name.text
        calls = self._elaborator.calls
        if any(called == name for called, _ in calls):
            evaluator.report.error(
                "E106",
                f"the block `{name}` uses itself",
                stage.call.name_span,
                "this would never end",
                also=[Label(block.name.span, "the block")],
                help="repeat stages with a loop: `for i in 0..3 { … }`",
            )
            return False
        self._uses += 1
        if self._uses > MAXIMUM_NODES:
            evaluator.error(
                "E405",
                f"this spec uses blocks more than {MAXIMUM_NODES:,} times",
                stage.span,
                "the limit is reached here",
                help="make the loops shorter",
            )
            raise TooLarge
        self._elaborator.builder.expect(self.sizes.block(name), stage.span)
        if len(calls) >= MAXIMUM_DEPTH:
            evaluator.error(
                "E405",
                "blocks are nested too deeply",
                stage.span,
                f"more than {MAXIMUM_DEPTH} levels",
            )
            return False
        return True

    def _arguments(
        self, block: syntax.Block, stage: syntax.Apply, scope: Scope, inner: Scope
    ) -> bool:
        evaluator = self._elaborator.evaluator
        names = [parameter.name.text for parameter in block.parameters]
        given: dict[str, Any] = {}
        for place, argument in enumerate(stage.call.arguments):
            name = argument.name or (names[place] if place < len(names) else None)
            if name is None or name not in names:
                self._unfit_argument(block, argument, names)
                return False
            if name in given:
                evaluator.error(
                    "E204", f"`{name}` is given twice", argument.span, "given again here"
                )
                return False
            given[name] = evaluator.constant(argument.value, scope)
        for parameter in block.parameters:
            name = parameter.name.text
            if name not in given and parameter.default is None:
                evaluator.error(
                    "E202",
                    f"`{block.name.text}` needs `{name}`",
                    stage.call.name_span,
                    f"`{name}` is missing",
                    also=[Label(parameter.name.span, "declared here")],
                    help=f"write `{block.name.text}({', '.join(names)})`",
                )
                return False
            if name not in given:
                given[name] = evaluator.constant(parameter.default, inner)  # type: ignore[arg-type]
            value = given[name]
            content = value.name if isinstance(value, Option) else value
            inner.bind(name, content, parameter.name.span, "parameter")
        return not any(value is POISON for value in given.values())

    def _unfit_argument(
        self, block: syntax.Block, argument: syntax.Argument, names: list[str]
    ) -> None:
        listed = ", ".join(f"`{name}`" for name in names) or "no arguments"
        unknown = argument.name is not None
        self._elaborator.evaluator.error(
            "E201" if unknown else "E205",
            f"`{block.name.text}` has no argument `{argument.name}`"
            if unknown
            else f"`{block.name.text}` was given too many arguments",
            argument.name_span or argument.span,
            "unknown argument" if unknown else "one too many",
            also=[Label(block.name.span, "declared here")],
            help=did_you_mean(argument.name, names) if argument.name else None,
            notes=[f"`{block.name.text}` takes {listed}"],
        )

    def _inputs(self, block: syntax.Block, stage: syntax.Apply, flow: Flow, inner: Scope) -> bool:
        inputs = [s for s in block.body if isinstance(s, syntax.Input)]
        if len(inputs) != len(flow):
            self._elaborator.evaluator.error(
                "E306",
                f"`{block.name.text}` takes {len(inputs)} "
                f"{'input' if len(inputs) == 1 else 'inputs'}, but was given {len(flow)}",
                stage.call.name_span,
                f"{len(flow)} values flow in",
                also=[Label(block.name.span, "declared here")],
            )
            return False
        for statement, value in zip(inputs, flow, strict=True):
            inner.bind(statement.name.text, Flowing((value,)), statement.name.span, "input")
        return True

    def _results(self, block: syntax.Block, inner: Scope) -> Any:
        outputs = [s for s in block.body if isinstance(s, syntax.Output)]
        if not outputs:
            return self._elaborator.evaluator.error(
                "E110",
                f"the block `{block.name.text}` has no output",
                block.name.span,
                "nothing comes out of it",
                help="write `output y = …`",
            )
        joined: list[ir.Value] = []
        for output in outputs:
            content = inner.bindings[output.name.text].content
            if isinstance(content, Poison):
                return POISON
            joined.extend(content)
        return Flowing(joined)
