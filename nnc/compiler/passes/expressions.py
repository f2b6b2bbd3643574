"""The value of an expression: a compile-time constant, a flow of values, or poison."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from nnc.compiler import syntax
from nnc.compiler.diagnostics import Label, Report, did_you_mean
from nnc.compiler.ir import Value
from nnc.compiler.passes import constants
from nnc.compiler.passes.arguments import POISON, Option, Poison, shown
from nnc.compiler.passes.scope import Flow, Scope
from nnc.compiler.source import Span
from nnc.compiler.types import MAXIMUM_SIZE, Symbol
from nnc.compiler.vocabulary import base
from nnc.compiler.vocabulary.ops.base import Layout

_SQUARE: Final = str.maketrans("()", "[]")


class Flowing(tuple[Value, ...]):
    """A flow, told apart from a list of the compile time."""

    __slots__ = ()


class Evaluator:
    """Evaluates expressions in a scope. Values of the model are left to `flows`, which applies
    ops."""

    def __init__(self, report: Report, flows: FlowRules) -> None:
        self.report = report
        self.flows = flows
        self.trace: Callable[[], list[Label]] = list

    def error(self, code: str, message: str, span: Span, label: str = "", **more: Any) -> Poison:
        """Report an error at a place, with the uses of blocks that led there; gives POISON."""
        also = [*more.pop("also", ()), *self.trace()]
        self.report.error(code, message, span, label, also=also, **more)
        return POISON

    def evaluate(self, expression: syntax.Expression, scope: Scope) -> Any:
        """A constant, an Option, a Flowing, or POISON when something was reported."""
        match expression:
            case syntax.Number() | syntax.String() | syntax.Boolean():
                return expression.value
            case syntax.Reference():
                return self._reference(expression, scope)
            case syntax.List():
                return self._list(expression, scope)
            case syntax.Unary():
                return self._unary(expression, scope)
            case syntax.Binary():
                return self._binary(expression, scope)
            case syntax.Conditional():
                return self._conditional(expression, scope)
            case syntax.Call():
                return self._call(expression, scope)
            case syntax.Tuple():
                return self._tuple(expression, scope)
            case syntax.Chain():
                return self.flows.chain(expression, scope)

    def constant(self, expression: syntax.Expression, scope: Scope) -> Any:
        """A constant or an Option, or POISON; a value of the model is an error."""
        if isinstance(expression, syntax.Tuple) and _is_list(expression):
            return self.error(
                "E408",
                "a list stands in square brackets",
                expression.span,
                "this joins values of the model",
                help=f"write `{expression.span.text.translate(_SQUARE)}`",
            )
        value = self.evaluate(expression, scope)
        if isinstance(value, Flowing):
            return self.error(
                "E401",
                "this must be known at compile time, but it is a value of the model",
                expression.span,
                "known only when the model runs",
                help="`shape(x)` and `channels(x)` are known at compile time",
            )
        return value

    def flow(self, expression: syntax.Expression, scope: Scope) -> Flow | Poison:
        """Values of the model, or POISON; a constant is an error."""
        if isinstance(expression, syntax.List) and self._flows(expression, scope):
            return self.error(
                "E402",
                "several values of the model stand in round brackets",
                expression.span,
                "this is a list of the compile time",
                help=f"write `({expression.span.text[1:-1]})`",
            )
        value = self.evaluate(expression, scope)
        if isinstance(value, Flowing | Poison):
            return value
        if isinstance(value, Option):
            return self.unknown(value.name, expression.span, scope)
        return self.error(
            "E402",
            f"a chain begins with a value of the model, not with {shown(value)}",
            expression.span,
            "this is not a value of the model",
        )

    def condition(self, expression: syntax.Expression, scope: Scope) -> bool | Poison:
        """`true` or `false`, or POISON."""
        value = self.constant(expression, scope)
        if isinstance(value, bool | Poison):
            return value
        if isinstance(value, Option):
            return self.unknown(value.name, expression.span, scope)
        return self.error(
            "E403",
            "a condition must be `true` or `false`",
            expression.span,
            f"this is {shown(value)}",
        )

    def whole(self, expression: syntax.Expression, scope: Scope, what: str) -> int | Poison:
        """A whole number, or POISON."""
        value = self.constant(expression, scope)
        if isinstance(value, Option):
            return self.unknown(value.name, expression.span, scope)
        if isinstance(value, Poison) or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        return self.error(
            "E403", f"{what} must be a whole number", expression.span, f"this is {shown(value)}"
        )

    def unknown(self, name: str, span: Span, scope: Scope) -> Poison:
        """Report a name that means nothing here."""
        found = did_you_mean(name, [*scope.names(), *self.flows.paths()])
        word = base.find("op", name)
        also = []
        if word is not None:
            found = f"`{word.word}` is a layer: write `x -> {word.word}`"
        elif name.endswith(".shape"):
            found = f"write `shape({name.removesuffix('.shape')})`"
        elif name in scope.announced:
            also = [Label(scope.announced[name], "it gets its value here")]
            found = "a value is made before it is used"
        return self.error(
            "E102", f"there is no value `{name}` here", span, "unknown name", also=also, help=found
        )

    def _flows(self, listed: syntax.List, scope: Scope) -> bool:
        """Whether a list names values of the model."""
        names = [item.name for item in listed.items if isinstance(item, syntax.Reference)]
        found = [scope.lookup(name) for name in names]
        return any(one is not None and isinstance(one.content, Flowing) for one in found)

    # ---- kinds of expressions -----------------------------------------------------------

    def _reference(self, reference: syntax.Reference, scope: Scope) -> Any:
        binding = scope.lookup(reference.name)
        if binding is not None:
            binding.used = True
            return binding.content
        made = self.flows.named(reference.name, scope)
        return made if made is not None else Option(reference.name)

    def _list(self, listed: syntax.List, scope: Scope) -> Any:
        items = []
        for item in listed.items:
            value = self.constant(item, scope)
            items.append(value.name if isinstance(value, Option) else value)
        return POISON if any(item is POISON for item in items) else tuple(items)

    def _tuple(self, expression: syntax.Tuple, scope: Scope) -> Any:
        flows = [self.flow(item, scope) for item in expression.items]
        joined: list[Value] = []
        for flow in flows:
            if isinstance(flow, Poison):
                return POISON
            joined.extend(flow)
        return Flowing(joined)

    def _unary(self, expression: syntax.Unary, scope: Scope) -> Any:
        value = self.evaluate(expression.operand, scope)
        if isinstance(value, Flowing):
            return self.flows.unary(expression.operator, value, expression.span, scope)
        return self._fold(
            expression.span, scope, value, lambda: constants.unary(expression.operator, value)
        )

    def _binary(self, expression: syntax.Binary, scope: Scope) -> Any:
        left = self.evaluate(expression.left, scope)
        right = self.evaluate(expression.right, scope)
        if isinstance(left, Poison) or isinstance(right, Poison):
            return POISON
        if isinstance(left, Flowing) or isinstance(right, Flowing):
            for side, value in ((expression.left, left), (expression.right, right)):
                if isinstance(value, Option):
                    return self.unknown(value.name, side.span, scope)
            return self.flows.arithmetic(expression, left, right, scope)
        comparing = expression.operator in ("==", "!=")
        if not comparing:
            for side, value in ((expression.left, left), (expression.right, right)):
                if isinstance(value, Option):
                    return self.unknown(value.name, side.span, scope)
        return self._fold(
            expression.span, scope, left, lambda: constants.binary(expression.operator, left, right)
        )

    def _fold(self, span: Span, scope: Scope, operand: Any, compute: Callable[[], Any]) -> Any:
        if isinstance(operand, Poison):
            return POISON
        if isinstance(operand, Option):
            return self.unknown(operand.name, span, scope)
        try:
            return compute()
        except constants.Unfit as unfit:
            return self.error("E404", "this can't be computed", span, str(unfit))

    def _conditional(self, expression: syntax.Conditional, scope: Scope) -> Any:
        condition = self.condition(expression.condition, scope)
        if isinstance(condition, Poison):
            return POISON
        return self.evaluate(expression.then if condition else expression.otherwise, scope)

    def _call(self, call: syntax.Call, scope: Scope) -> Any:
        if call.name in ("shape", "channels", "length"):
            return self._about(call, scope)
        if call.name in constants.FUNCTIONS:
            return self._function(call, scope)
        known = [*constants.FUNCTIONS, "shape", "channels", "length"]
        word = base.find("op", call.name)
        arrow = f"layers are applied with an arrow: `{_with_arrow(call)}`"
        is_layer = word is not None or self.flows.is_block(call.name)
        value, _, method = call.name.rpartition(".")
        if value and base.find("op", method) is not None:
            is_layer, arrow = True, f"layers are applied with an arrow: `{value} -> {method}`"
        return self.error(
            "E105",
            f"`{call.name}` can't be called here",
            call.name_span,
            "not a function of the compile time",
            help=arrow if is_layer else did_you_mean(call.name, known),
            notes=[f"functions are {', '.join(f'`{name}`' for name in known)}"],
        )

    def _function(self, call: syntax.Call, scope: Scope) -> Any:
        values = [self.constant(argument.value, scope) for argument in call.arguments]
        if any(value is POISON for value in values):
            return POISON
        single = len(values) == 1 and isinstance(values[0], tuple)
        numbers = list(values[0]) if single else values
        fits = bool(numbers) and all(constants.is_number(n) for n in numbers)
        if not fits or (call.name in ("floor", "ceil") and len(numbers) != 1):
            return self.error("E404", f"`{call.name}` needs numbers", call.span, "these are not")
        return (
            constants.FUNCTIONS[call.name](*numbers)
            if len(numbers) > 1
            else (
                numbers[0]
                if call.name in ("min", "max")
                else constants.FUNCTIONS[call.name](numbers[0])
            )
        )

    def _about(self, call: syntax.Call, scope: Scope) -> Any:
        if len(call.arguments) != 1:
            return self.error("E404", f"`{call.name}` takes one value", call.span)
        argument = call.arguments[0].value
        if call.name == "length":
            value = self.constant(argument, scope)
            if isinstance(value, tuple | Poison):
                return value if isinstance(value, Poison) else len(value)
            return self.error(
                "E404", "`length` takes a list", argument.span, f"this is {shown(value)}"
            )
        flow = self.flow(argument, scope)
        if isinstance(flow, Poison):
            return POISON
        type_ = flow[0].type
        if call.name == "shape":
            return tuple(d.name if isinstance(d, Symbol) else d for d in type_.shape)
        if not type_.shape:
            return self.error(
                "E404", f"`{type_}` has no channels", argument.span, f"this is `{type_}`"
            )
        dim = type_.shape[0 if self.flows.layout == "channels_first" else -1]
        if isinstance(dim, int):
            return dim
        return self.error(
            "E303",
            f"the number of channels, `{dim}`, is free at run time",
            argument.span,
            f"this is `{type_}`",
        )


class FlowRules:
    """What the evaluator asks of whoever builds the graph."""

    layout: Layout = "channels_first"

    def chain(self, chain: syntax.Chain, scope: Scope) -> Any:
        raise NotImplementedError

    def arithmetic(self, expression: syntax.Binary, left: Any, right: Any, scope: Scope) -> Any:
        raise NotImplementedError

    def unary(self, operator: str, flow: Flow, span: Span, scope: Scope) -> Any:
        raise NotImplementedError

    def named(self, name: str, scope: Scope) -> Flowing | None:
        """The value of a layer by its path, or None."""
        raise NotImplementedError

    def paths(self) -> list[str]:
        """Paths of all layers so far, for suggestions."""
        raise NotImplementedError

    def is_block(self, name: str) -> bool:
        raise NotImplementedError


def _is_list(expression: syntax.Tuple) -> bool:
    """Whether numbers or texts stand in round brackets, perhaps in several."""
    plain = (syntax.Number, syntax.String, syntax.Boolean)
    return any(
        isinstance(item, plain) or (isinstance(item, syntax.Tuple) and _is_list(item))
        for item in expression.items
    )


def _with_arrow(call: syntax.Call) -> str:
    """A call of a layer as a chain: what has no name flows into it, unless that is a number."""
    given = [argument.span.text for argument in call.arguments if argument.name is None]
    named = ", ".join(argument.span.text for argument in call.arguments if argument.name)
    kinds = (syntax.Reference, syntax.Call, syntax.Chain)
    flows = all(isinstance(a.value, kinds) for a in call.arguments if a.name is None)
    if not given or not flows or len(call.span.text) > 60:
        return f"x -> {call.name}(…)"
    source = given[0] if len(given) == 1 else f"({', '.join(given)})"
    return f"{source} -> {call.name}" + (f"({named})" if named else "")


def dimension(value: Any) -> int | None:
    """A legal size, or None."""
    legal = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAXIMUM_SIZE
    return value if legal else None
