"""Adds nodes to the graph: names, types, weights, limits; turns what a word says against it into
messages."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from nnc.compiler import ir
from nnc.compiler.diagnostics import Label
from nnc.compiler.passes.arguments import POISON, Bound, Poison
from nnc.compiler.passes.expressions import Evaluator, Flowing
from nnc.compiler.passes.scope import Flow, Paths, Scope, snake
from nnc.compiler.source import Span
from nnc.compiler.types import MAXIMUM_SIZE, broadcast, elements
from nnc.compiler.vocabulary import base
from nnc.compiler.vocabulary.base import Rejected
from nnc.compiler.vocabulary.ops.base import Op, Types, Weight

MAXIMUM_NODES: Final = 30_000
"""The largest model that nnc expands; beyond it compiling would take minutes."""


class TooLarge(Exception):
    """The expansion has met its limit; everything was reported."""


@dataclass(frozen=True, slots=True)
class Application:
    """What is to be added: an op with the places of its arguments, and how it is to be called."""

    bound: Bound
    name: str | None
    span: Span
    reused: set[str] | None = None
    """Inside a second application of a shared layer: the layers that it has used again so far."""


class Builder:
    """The growing graph."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self.paths = Paths()
        self.nodes: list[ir.Node] = []
        self.values: dict[str, Flowing] = {}
        self.layers: dict[str, ir.Node] = {}

    def apply(self, application: Application, flow: Flow, scope: Scope) -> Flowing | Poison:
        """Add a node, and one for its activation and its penalty; POISON when it does not fit."""
        op = application.bound.word
        assert isinstance(op, Op)
        flow = self._equal_ranks(op, flow, application, scope)
        path = self._path(application, op, scope)
        if path is None:
            return POISON
        op, behind = _apart(op)
        node = self._node(application, op, flow, path)
        if node is None:
            return POISON
        result = self._add(node, application.name is not None)
        for argument, (name, word) in behind.items():
            bound = Bound(word, {}, application.bound.place(argument))
            then = Application(bound, None, application.span)
            fresh = self.paths.fresh(f"{path[0]}_{name}")
            made = self._node(then, word, result, (fresh, fresh))
            if made is None:
                return POISON
            result = self._add(made, False)
        return result

    def fits(self, application: Application, flow: Flow) -> bool:
        """Whether an op takes these values; if not, that has been reported."""
        op = application.bound.word
        assert isinstance(op, Op)
        if not self._arity_fits(op, flow, application):
            return False
        try:
            op.infer(tuple(value.type for value in flow))
        except Rejected as rejected:
            self._rejected(rejected, application, flow)
            return False
        return True

    def apply_again(
        self, earlier: ir.Node, name: str | None, flow: Flow, span: Span, scope: Scope
    ) -> Any:
        """Apply a layer that exists: the same weights, another place."""
        bound = Bound(earlier.op, {}, span)
        wanted = scope.path(name) if name else f"{earlier.layer}_2"
        if name and self.paths.owner(wanted):
            self.taken(wanted, span)
            return POISON
        path = self.paths.fresh(wanted)
        application = Application(bound, name, span)
        flow = self._equal_ranks(earlier.op, flow, application, scope)
        node = self._node(application, earlier.op, flow, (path, earlier.layer))
        return self._add(node, name is not None) if node else POISON

    # ---- names ------------------------------------------------------------------------

    def _path(self, application: Application, op: Op, scope: Scope) -> tuple[str, str] | None:
        """(node's name, layer's path), or None when the name is taken."""
        wanted = scope.path(application.name or snake(op.word))
        if application.reused is not None:
            layer = again(wanted, self.layers, application.reused)
            if layer is not None:
                return self.paths.fresh(wanted), layer
        if application.name is None:
            fresh = self.paths.fresh(wanted)
            return fresh, fresh
        if self.paths.owner(wanted) is not None:
            self.taken(wanted, application.span)
            return None
        return wanted, wanted

    def taken(self, path: str, span: Span) -> None:
        owner = self.paths.owner(path) or span
        same = owner == span
        self._evaluator.error(
            "E103",
            f"the name `{path}` is given twice"
            if not same
            else f"every turn of the loop would give the name `{path}`",
            span,
            "this layer's name is taken" if not same else "a name given in a loop",
            also=[] if same else [Label(owner, "first given here")],
            help="give the loop a name as well: `for … { … } as layers`"
            if same
            else "choose another name after `as`",
        )

    # ---- nodes ------------------------------------------------------------------------

    def _node(
        self, application: Application, op: Op, flow: Flow, path: tuple[str, str]
    ) -> ir.Node | None:
        name, layer = path
        types = tuple(value.type for value in flow)
        if not self._arity_fits(op, flow, application):
            return None
        try:
            results = op.infer(types)
            weights = op.weights(types)
        except Rejected as rejected:
            self._rejected(rejected, application, flow)
            return None
        if not self._sizes_fit(op, results, weights, application):
            return None
        if layer != name and not self._same_weights(self.layers[layer], weights, application):
            return None
        names = op.result_names()
        outputs = tuple(
            ir.Value(name if len(names) == 1 else f"{name}.{result}", type_, application.span)
            for result, type_ in zip(names, results, strict=True)
        )
        return ir.Node(name, layer, op, tuple(flow), outputs, weights, application.span)

    def expect(self, count: int, span: Span) -> None:
        """Raise TooLarge, once it is reported (E405), when so many more nodes are too many."""
        if len(self.nodes) + count > MAXIMUM_NODES:
            self._evaluator.error(
                "E405",
                f"this spec expands to more than {MAXIMUM_NODES:,} layers",
                span,
                "the limit is passed here",
                help="make the loops shorter",
            )
            raise TooLarge

    def _add(self, node: ir.Node, named: bool) -> Flowing:
        self.expect(1, node.span)
        self.paths.take(node.name, node.span)
        self.nodes.append(node)
        self.layers.setdefault(node.layer, node)
        flow = Flowing(node.outputs)
        self.values[node.name] = flow
        if len(node.outputs) > 1:
            self.values.update({value.name: Flowing((value,)) for value in node.outputs})
        return flow

    def _equal_ranks(self, op: Op, flow: Flow, application: Application, scope: Scope) -> Flow:
        """What is broadcast with the same number of axes: size 1 axes in front of the shorter
        ones."""
        ranks = [value.type.rank for value in flow]
        if not op.broadcasts or len(set(ranks)) < 2:
            return flow
        if op.word == "matmul":
            fits = min(ranks) > 1
        else:
            shapes = [value.type.shape for value in flow]
            fits = all(broadcast(a, b) is not None for a, b in pairwise(shapes))
        if not fits:
            return flow
        grown = []
        for value in flow:
            while value.type.rank < max(ranks):
                unsqueeze = Application(Bound(_unsqueeze(), {}, application.span), None, value.span)
                made = self.apply(unsqueeze, (value,), scope)
                if isinstance(made, Poison):
                    return flow
                value = made[0]
            grown.append(value)
        return Flowing(grown)

    # ---- checks -----------------------------------------------------------------------

    def _arity_fits(self, op: Op, flow: Flow, application: Application) -> bool:
        fewest, most = op.arity
        if fewest <= len(flow) <= most:
            return True
        takes = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        plural = "input" if takes == "1" else "inputs"
        names = ", ".join(f"`{value.name.rpartition('.')[2]}`" for value in flow)
        self._evaluator.error(
            "E306",
            f"`{op.word}` takes {takes} {plural}, but was given {len(flow)}",
            application.bound.span,
            f"{len(flow)} values flow in: {names}",
            also=[Label(flow[0].span, "they come from here")] if flow else [],
            help="name the results of the layer before and use one: `a, b = x -> …`"
            if len(flow) > most
            else f"join values in brackets: `(a, b) -> {op.word}`",
        )
        return False

    def _rejected(self, rejected: Rejected, application: Application, flow: Flow) -> None:
        bound = application.bound
        also, label, span = [], rejected.label, bound.place(rejected.argument)
        if rejected.input is not None and rejected.input < len(flow):
            value = flow[rejected.input]
            also = [Label(value.span, label or f"this is `{value.type}`")]
            label = "does not fit here"
        elif not rejected.argument or rejected.code == "E301":
            also = [Label(value.span, f"this is `{value.type}`") for value in flow]
        self._evaluator.error(
            rejected.code,
            rejected.message,
            span,
            label,
            also=also,
            help=rejected.help,
            notes=rejected.notes,
        )

    def _sizes_fit(
        self, op: Op, results: Types, weights: tuple[Weight, ...], application: Application
    ) -> bool:
        for what, shape in [
            *((f"the weight `{w.name}`", w.shape) for w in weights),
            *(("the result", r.shape) for r in results),
        ]:
            count = elements(shape)
            if count is not None and count > MAXIMUM_SIZE:
                self._evaluator.error(
                    "E304",
                    f"{what} of `{op.word}` would have {count:,} elements",
                    application.bound.span,
                    f"its shape is {list(shape)}",
                    help=f"nnc takes tensors of up to {MAXIMUM_SIZE:,} elements",
                )
                return False
        return all(
            self._literal_fits(op, weight, application)
            and self._initializer_fits(op, weight, application)
            for weight in weights
        )

    def _initializer_fits(self, op: Op, weight: Weight, application: Application) -> bool:
        problem = "" if weight.value is not None else weight.init.misfit(weight.shape)
        if not problem:
            return True
        places = application.bound.places
        argument = next((name for name in places if getattr(op, name, None) == weight.init), None)
        self._evaluator.error(
            "E203",
            f"`{weight.init.word}` can't fill the `{weight.name}` of `{op.word}`",
            application.bound.place(argument),
            problem,
            help="choose another initialiser, such as `orthogonal`",
        )
        return False

    def _literal_fits(self, op: Op, weight: Weight, application: Application) -> bool:
        if weight.value is None:
            return True
        shape = literal_shape(weight.value)
        if shape == weight.shape:
            return True
        found = "lists of unequal length" if shape is None else f"shape {list(shape)}"
        argument = weight.name if weight.name in application.bound.places else None
        self._evaluator.error(
            "E307",
            f"`{weight.name}` of `{op.word}` must have the shape {list(weight.shape)}",
            application.bound.place(argument),
            f"this has {found}",
            help=f"rows are units: a weight is [units, inputs], here {list(weight.shape)}"
            if len(weight.shape) == 2
            else None,
        )
        return False

    def _same_weights(
        self, first: ir.Node, weights: tuple[Weight, ...], application: Application
    ) -> bool:
        before, now = ([w.shape for w in ws] for ws in (first.weights, weights))
        if before == now:
            return True
        self._evaluator.error(
            "E308",
            f"the shared layer `{first.layer}` is applied to inputs of different sizes",
            application.span,
            f"here its weights would need the shapes {[list(s) for s in now]}",
            also=[Label(first.span, f"here they have the shapes {[list(s) for s in before]}")],
            help="one set of weights fits one size: use two layers, or inputs of one size",
        )
        return False


def again(wanted: str, known: Container[str], used: set[str]) -> str | None:
    """The next of `wanted`, `wanted_2`, … that is known and was not used in this application
    yet."""
    number, path = 2, wanted
    while path in used:
        path, number = f"{wanted}_{number}", number + 1
    if path not in known:
        return None
    used.add(path)
    return path


def literal_shape(value: Any) -> tuple[int, ...] | None:
    """The shape of nested tuples of numbers; None when it is ragged or holds anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return ()
    if not isinstance(value, tuple) or not value:
        return None
    inner = {literal_shape(item) for item in value}
    only = inner.pop()
    return None if inner or only is None else (len(value), *only)


def _apart(op: Op) -> tuple[Op, dict[str, tuple[str, Op]]]:
    """The op without the arguments that are nodes of their own; for each of these arguments what
    its node is called and the op of it, in their order."""
    behind: dict[str, tuple[str, Op]] = {}
    activation = getattr(op, "activation", None)
    if activation is not None:
        behind["activation"] = (activation.word, activation)
    penalty = getattr(op, "activity_regularize", None)
    if penalty is not None:
        behind["activity_regularize"] = (
            "activity",
            _op("ActivityRegularization", penalty=penalty),
        )
    return (op.replace(**dict.fromkeys(behind)) if behind else op), behind


def _unsqueeze() -> Op:
    return _op("Unsqueeze", axis=0)


def _op(word: str, **arguments: Any) -> Op:
    found = base.find("op", word)
    assert found is not None
    made = found(**arguments)
    assert isinstance(made, Op)
    return made
