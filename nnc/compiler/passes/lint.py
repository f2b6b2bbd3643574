"""Warnings: specs that mean something, but perhaps not what was meant."""

from __future__ import annotations

from collections.abc import Iterable

from nnc.compiler import ir, syntax
from nnc.compiler.diagnostics import Diagnostic, Label, Report
from nnc.compiler.passes.arguments import Bound
from nnc.compiler.passes.scope import Binding, Flow, Scope
from nnc.compiler.passes.state import State
from nnc.compiler.types import FLOATS, TensorType
from nnc.compiler.vocabulary import foreign
from nnc.compiler.vocabulary.ops.base import Activation, Channelled, Weighted

NOT_BELOW_0 = {"relu", "relu6", "sigmoid", "hard_sigmoid", "softplus", "softmax", "step"}
"""The activations that give no numbers below 0."""


class Shared:
    """Bindings made together by `a, b = …`: using one is enough."""

    def __init__(self) -> None:
        self.groups: dict[int, list[Binding]] = {}


def tie(shared: Shared, group: list[Binding]) -> None:
    """Remember that these bindings were made by one statement."""
    for binding in group:
        shared.groups[id(binding)] = group


def _warn(
    report: Report, code: str, message: str, labels: Iterable[Label], help: str | None
) -> None:
    report.add(Diagnostic(code, message, tuple(labels), help))


def unused(report: Report, scope: Scope, shared: Shared) -> None:
    """Warn about names of a finished scope that nothing uses. Where something is wrong, what uses
    them may be that."""
    if report.errors:
        return
    for name, binding in [*scope.replaced, *scope.bindings.items()]:
        group = shared.groups.get(id(binding), [binding])
        if any(one.used for one in group) or name.startswith("_"):
            continue
        code, what = ("W102", "input") if binding.what == "input" else ("W101", binding.what)
        _warn(
            report,
            code,
            f"the {what} `{name}` is never used",
            [Label(binding.span, "nothing uses it")],
            f"remove it, or call it `_{name}`" if what != "input" else "use it, or remove it",
        )
    for name, layer in scope.layers.items():
        if not layer.used:
            _warn(
                report,
                "W101",
                f"the layer `{name}` is never used",
                [Label(layer.statement.name.span, "nothing uses it")],
                "remove it",
            )


def misread(report: Report, bound: Bound, call: syntax.Call, flow: Flow) -> None:
    """Warn about a call in the form of another framework that means something else here."""
    _size_in_front(report, bound, call, flow)
    _of_a_sample(report, bound, call)
    momentum = getattr(bound.word, "momentum", 0.0)
    if bound.word.word == "BatchNorm" and momentum > 0.5:
        _warn(
            report,
            "W108",
            f"a momentum of {momentum:g} keeps little more than the last batch",
            [Label(bound.place("momentum"), "here it is the share of the new batch")],
            f"write `momentum={1 - momentum:.4g}` for Keras' {momentum:g}",
        )


def _of_a_sample(report: Report, bound: Bound, call: syntax.Call) -> None:
    """PyTorch's `x.var(dim=1)` divides by one less than the count."""
    named = {argument.name for argument in call.arguments}
    if bound.word.word not in ("var", "std") or not named & {"dim", "keepdim"}:
        return
    if not named & {"correction", "ddof"}:
        _warn(
            report,
            "W108",
            f"`{call.name}` is that of all elements, where PyTorch's is that of a sample",
            [Label(call.span, "PyTorch's `correction` is 1 where none is written")],
            "write `correction=1` for PyTorch's, `correction=0` for that of all",
        )


def channels_last(report: Report, bound: Bound, x: ir.Value) -> None:
    """Warn about an input that looks like an image with its channels on the last axis."""
    word, shape = bound.word, x.type.shape
    if not isinstance(word, Channelled) or not hasattr(word, "kernel") or len(shape) != 3:
        return
    height, width, channels = shape
    if word.layout != "channels_first" or height != width or channels not in (1, 3, 4):
        return
    if isinstance(height, int) and height > 4:
        _warn(
            report,
            "W110",
            f"`{word.word}` takes `{x.type}` for {height} channels of {width} by {channels}",
            [Label(bound.span, "the first axis holds the channels"), Label(x.span, "given here")],
            f"write `layout channels_last` in the model, or `f32[{channels}, {height}, {width}]`",
        )


def _size_in_front(report: Report, bound: Bound, call: syntax.Call, flow: Flow) -> None:
    """PyTorch's `Conv2d(3, 16, 5)` begins with the channels that flow in."""
    word = bound.word
    given = [argument for argument in call.arguments if argument.name is None]
    size = foreign.size_in_front(type(word), len(given))
    if size is None or call.name == word.word or not flow or not flow[0].type.shape:
        return
    axis = word.channel_axis(flow[0].type) if isinstance(word, Channelled) else -1
    names = word.positional[: len(given)]
    if getattr(word, names[0]) != flow[0].type.shape[axis]:
        return
    read = ", ".join(f"{name}={getattr(word, name)}" for name in names)
    _warn(
        report,
        "W108",
        f"`{call.name}` is read as `{word.word}({read})`",
        [Label(given[0].span, f"PyTorch's `{size}` is not written here")],
        "leave it out: the size of what flows in is known; or name the arguments",
    )


def lint(state: State) -> None:
    """Warn about the whole program."""
    if state.graph is None or state.report.errors:
        return
    _dead_bias(state.report, state.graph)
    _unreachable(state.report, state.graph)
    if state.training is not None:
        _unused_targets(state.report, state.training)
        for use in state.training.metrics:
            _metric_fits(state.report, state.graph, use)
        for term in state.training.losses:
            _loss_fits(state.report, state.graph, term)
            _above_0(state.report, state.graph, term)


def _dead_bias(report: Report, graph: ir.Graph) -> None:
    makers = graph.makers
    for node in graph.nodes:
        if node.op.word != "BatchNorm":
            continue
        before = makers.get(node.inputs[0].name)
        if before is not None and isinstance(before.op, Weighted) and before.op.bias is True:
            _warn(
                report,
                "W103",
                f"the bias of `{before.name}` does nothing: the BatchNorm after it takes it away",
                [Label(before.span, "has a bias"), Label(node.span, "subtracts the mean")],
                "write `bias=false`",
            )


def _unreachable(report: Report, graph: ir.Graph) -> None:
    used = {output.value.name for output in graph.outputs}
    used.update(value.name for node in graph.nodes for value in node.inputs)
    for node in graph.nodes:
        results = {value.name for value in node.outputs}
        # a result that was given a name and isn't used has been reported by that name
        if used.isdisjoint(results) and graph.hints.keys().isdisjoint(results):
            _warn(
                report,
                "W104",
                f"no output depends on the layer `{node.name}`",
                [Label(node.span, "its result goes nowhere")],
                "remove it, or make its result an output",
            )


def _loss_fits(report: Report, graph: ir.Graph, term: ir.LossTerm) -> None:
    """The table of problems: the last activation and the loss belong together."""
    output = next(o for o in graph.outputs if o.name == term.outputs[0])
    maker = graph.end(output.value)
    last = maker.op if maker is not None and isinstance(maker.op, Activation) else None
    if maker is None or last is None:
        return
    fuses, word = term.loss.fuses, term.loss.word
    places = [
        Label(term.span, f"`{word}` is taken here"),
        Label(maker.span, f"ends in `{last.word}`"),
    ]
    shape = output.value.type.shape
    if last.word == "softmax" and shape[getattr(last, "axis", -1)] == 1:
        message = f"a softmax over one class is always 1: `{output.name}` can't learn"
        _warn(report, "W106", message, places[1:], "use `sigmoid` with `binary_cross_entropy`")
        return
    if (
        fuses is not None
        and last.word == fuses
        and term.logits
        and output.value is term.predictions[0]
    ):
        _warn(
            report,
            "W105",
            f"`{word}` takes logits here, but `{output.name}` has been through `{fuses}` already",
            places,
            f"leave out `from_logits=true`, or the `{fuses}`",
        )
    elif fuses is not None and last.word == f"log_{fuses}":
        _logarithm_fits(report, term, output, last.word, places)
    elif fuses is not None and last.word not in (fuses, "identity"):
        others = {"softmax": "binary_cross_entropy", "sigmoid": "cross_entropy"}
        _warn(
            report,
            "W106",
            f"`{word}` does not fit an output that ends in `{last.word}`",
            places,
            f"end it in `{fuses}`"
            + (f", or use `{_loss_for(last.word)}`" if last.word in others else ""),
        )
    elif cure := _unfit(term, last.word):
        message = f"`{word}` does not fit an output that ends in `{last.word}`"
        _warn(report, "W106", message, places, cure)


def _unused_targets(report: Report, training: ir.Training) -> None:
    used = {term.target.name for term in training.losses if term.target is not None}
    used |= {use.target.name for use in training.metrics}
    for target in training.targets:
        if target.name not in used:
            message = f"the target `{target.name}` is never used"
            labels = [Label(target.span, "no loss and no metric compares it")]
            _warn(report, "W102", message, labels, "use it, or remove it")


def _metric_fits(report: Report, graph: ir.Graph, use: ir.MetricUse) -> None:
    """A metric that judges the numbers of a distribution one by one is seldom meant."""
    types = (use.prediction.type, use.target.type)
    maker = graph.end(use.prediction)
    if maker is None or maker.op.word != "softmax" or types[1].dtype not in FLOATS:
        return
    if use.metric.word not in ("accuracy", "precision", "recall", "f1") or types[0].shape[-1] == 1:
        return
    word, numbers = use.metric.word, TensorType("i64", types[0].shape[:-1])
    labels = [Label(use.target.span, "one number for each class"), Label(maker.span, "as here")]
    message = f"`{word}` judges each number of `{use.output}` by itself, not the class"
    _warn(report, "W109", message, labels, f"declare the target as class numbers, `{numbers}`")


def _above_0(report: Report, graph: ir.Graph, term: ir.LossTerm) -> None:
    """Rates and variances: what makes them must not give numbers below 0."""
    for place in term.loss.positive:
        maker = graph.end(term.predictions[place])
        if maker is None or not isinstance(maker.op, Weighted | Activation):
            continue
        if maker.op.word in NOT_BELOW_0:
            continue
        word, output = term.loss.word, term.outputs[place]
        labels = [
            Label(term.span, f"`{word}` is taken here"),
            Label(maker.span, f"a {maker.op.word} gives numbers below 0 too"),
        ]
        message = f"`{word}` needs `{output}` above 0, but it may be below"
        _warn(report, "W107", message, labels, "end it in `softplus` or `exp`")


def _unfit(term: ir.LossTerm, activation: str) -> str | None:
    """What to do about an activation at the end that makes no sense for the loss."""
    ends = term.loss.ends
    if ends is not None and activation not in ends:
        other = f"end it in `{ends[0]}`"
        return f"leave out the `{activation}`" if ends[0] == "identity" else other
    if activation == "softmax" and term.loss.values == "real":
        return "use `cross_entropy`"
    return None


def _logarithm_fits(
    report: Report, term: ir.LossTerm, output: ir.Output, activation: str, places: list[Label]
) -> None:
    """A loss that was told what its prediction is, with an output of logarithms of probabilities.

    A log_softmax counts as logits as well: a second one changes nothing.
    """
    given = term.loss.takes_logits
    if given is None or (given and activation == "log_softmax"):
        return
    what = "logits" if given else "probabilities"
    _warn(
        report,
        "W105",
        f"`{term.loss.word}` takes {what} here, but `{output.name}` ends in `{activation}`",
        places,
        f"leave out `from_logits={str(given).lower()}`",
    )


def _loss_for(activation: str) -> str:
    return {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy"}[activation]
