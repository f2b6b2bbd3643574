"""A program -> one step of its training as a model: forward, loss, gradients and the optimiser's
update, of operators of the default domain alone.

Inputs are a batch, the state (weights, running statistics, what the optimiser remembers), the
number of the step and the learning rate; outputs are the loss and the new state. The same in two
halves: gradients, which may be gathered over parts of a batch, and the update.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from nnc.backends.base import Arrays, Precision
from nnc.backends.onnx.assembly import Assembly, Handle, Moment, Scope
from nnc.backends.onnx.comparison import LOSSES, Comparison
from nnc.backends.onnx.descent import NEXT, Descent, Ends, Kept, clipped, norms
from nnc.backends.onnx.emit import DEFAULT_OPSET, assembled
from nnc.backends.onnx.gradients import differentiate, known_values
from nnc.backends.onnx.graph import End, OnnxGraph, batch_name
from nnc.backends.onnx.metrics import METRICS, Finish, shape_of
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.backends.onnx.packing import canonical_inputs
from nnc.backends.onnx.penalties import PENALTIES
from nnc.compiler.ir import (
    ActivityTerm,
    Graph,
    LossTerm,
    MetricUse,
    Output,
    Program,
    Training,
    Value,
)
from nnc.compiler.types import DType, Symbol
from nnc.compiler.vocabulary.ops.base import Weight

STEP: Final = "train.step"
ROW: Final = "train.row"
LOSS: Final = "train.loss"
NORMS: Final = "train.norms"
GRADIENT: Final = "gradient/"
"""What stands before the name of a weight for its gradient."""


@dataclass(frozen=True)
class TrainingStep:
    """A step of training, not yet written: the whole of it, or its second half."""

    graph: OnnxGraph
    state: tuple[Kept, ...]
    trained: tuple[str, ...]
    """The trained weights."""


@dataclass(frozen=True)
class GradientStep:
    """The first half of a step: the loss, gradients, and new running statistics."""

    graph: OnnxGraph
    statistics: tuple[str, ...]


@dataclass(frozen=True)
class Evaluation:
    """The loss, the metrics' statistics and the outputs of a batch, with the weights as inputs."""

    graph: OnnxGraph
    weights: tuple[str, ...]
    metrics: dict[str, Finish]
    """Name of an output with statistics -> the function of those of all batches."""


def training_step(
    program: Program, *, opset: int = DEFAULT_OPSET, precision: Precision = "float32"
) -> TrainingStep:
    """Raises ValueError for a program without a train block, Failed (E701, E702, E704, E708) for
    what can't be trained."""
    model, loss, gradients = _differentiated(program, opset, precision)
    moment = model.assembly.moment
    assert moment is not None
    descent = Descent(program, model.assembly, model.weights, gradients, moment.step)
    new = {**descent.weights, **model.assembly.statistics}
    ends = Ends(model.assembly)
    ends.tensor(loss, LOSS, ())
    state = []
    for name, weight in program.graph.weights.items():
        state.append(Kept(name, None, name in new))
        if name in new:
            ends.tensor(new[name], f"{NEXT}{name}", weight.shape)
    state += descent.remember(ends)
    return TrainingStep(model.graph(ends), tuple(state), tuple(gradients))


def gradient_step(
    program: Program, *, opset: int = DEFAULT_OPSET, precision: Precision = "float32"
) -> GradientStep:
    """The first half of a step. Raises as `training_step` does."""
    model, loss, gradients = _differentiated(program, opset, precision)
    ends = Ends(model.assembly)
    ends.tensor(loss, LOSS, ())
    shapes = {name: weight.shape for name, weight in program.graph.weights.items()}
    for name, gradient in gradients.items():
        ends.tensor(gradient, f"{GRADIENT}{name}", shapes[name])
    for name, new in model.assembly.statistics.items():
        ends.tensor(new, f"{NEXT}{name}", shapes[name])
    return GradientStep(model.graph(ends), tuple(model.assembly.statistics))


def update_step(
    program: Program, *, opset: int = DEFAULT_OPSET, precision: Precision = "float32"
) -> TrainingStep:
    """The second half of a step: weights, their gradients and the optimiser's memory are inputs.
    Raises ValueError for a program without a train block."""
    _training(program)
    assembly = Assembly(Graph(program.name, (), (), ()), opset, precision)
    stored = {n: w for n, w in program.graph.weights.items() if _is_trained(w)}
    weights = {name: Handle(name) for name in stored}
    gradients = {name: Handle(f"{GRADIENT}{name}") for name in stored}
    descent = Descent(program, assembly, weights, gradients, Handle(STEP))
    ends = Ends(assembly)
    ends.take(descent.step, STEP, "i64", ())
    state = []
    for name, weight in stored.items():
        ends.take(weights[name], name, "f32", weight.shape)
        ends.take(gradients[name], f"{GRADIENT}{name}", "f32", weight.shape)
        ends.tensor(descent.weights[name], f"{NEXT}{name}", weight.shape)
        state.append(Kept(name, None, changes=True))
    state += descent.remember(ends)
    return TrainingStep(ends.graph(program.name), tuple(state), tuple(stored))


def gradient_norms(program: Program, precision: Precision = "float32") -> OnnxGraph:
    """The norms of the gradients of all trained weights after clipping."""
    assembly = Assembly(Graph(program.name, (), (), ()), DEFAULT_OPSET, precision)
    stored = {n: w for n, w in program.graph.weights.items() if _is_trained(w)}
    gradients = {name: Handle(f"{GRADIENT}{name}") for name in stored}
    ends = Ends(assembly)
    for name, weight in stored.items():
        ends.take(gradients[name], f"{GRADIENT}{name}", "f32", weight.shape)
    ends.tensor(norms(assembly, clipped(program, assembly, gradients)), NORMS, (len(stored),))
    return ends.graph(program.name)


def _differentiated(
    program: Program, opset: int, precision: Precision
) -> tuple[_Model, Handle, dict[str, Handle]]:
    """The model with its loss, and the gradient of each trained weight."""
    training = _training(program)
    model = _Model(program, opset, precision, Moment(program.seed, Handle(STEP), Handle(ROW)))
    loss = model.loss(training)
    ends = Ends(model.assembly)
    ends.tensor(loss, LOSS, ())
    known = known_values(model.graph(ends))
    trained = [name for name, weight in program.graph.weights.items() if _is_trained(weight)]
    by = [model.weights[name] for name in trained]
    values = {constant.handle: constant.array for constant in model.assembly.constants}
    found = differentiate(model.assembly, known, values, loss, by)
    gradients = {
        name: gradient or model.zeros(name) for name, gradient in zip(trained, found, strict=True)
    }
    return model, loss, gradients


def evaluation(
    program: Program, *, opset: int = DEFAULT_OPSET, precision: Precision = "float32"
) -> Evaluation:
    """The same program in evaluation. Raises as `training_step` does."""
    training = _training(program)
    model = _Model(program, opset, precision, None)
    ends = Ends(model.assembly)
    ends.tensor(model.loss(training), LOSS, ())
    metrics: dict[str, Finish] = {}
    for use in training.metrics:
        values = (model.values[use.prediction.name], model.targets[use.target.name])
        types = (use.prediction.type, use.target.type)
        name = f"metric/{use.name}"
        at = Comparison(model.assembly, name, values, types)
        handle, finish = METRICS.find(use.metric)(use.metric, at)
        metrics[use.name] = finish
        ends.give(handle, name, "f64", shape_of(finish, name))
    model.give_outputs(ends)
    return Evaluation(model.graph(ends), tuple(program.graph.weights), metrics)


def inference(
    program: Program, *, opset: int = DEFAULT_OPSET, precision: Precision = "float32"
) -> OnnxGraph:
    """The outputs of a batch, with the weights as inputs. Raises as `training_step` does."""
    _training(program)
    model = _Model(program, opset, precision, None, judged=False)
    ends = Ends(model.assembly)
    model.give_outputs(ends)
    return model.graph(ends)


def _training(program: Program) -> Training:
    if program.training is None:
        raise ValueError("the program has no train block")
    return program.training


def _is_trained(weight: Weight) -> bool:
    return weight.role == "parameter" and weight.trainable


class _Model:
    """The forward part: inputs, weights and targets as inputs, every value that is compared."""

    def __init__(
        self,
        program: Program,
        opset: int,
        precision: Precision,
        moment: Moment | None,
        *,
        judged: bool = True,
    ) -> None:
        """`judged`: with targets."""
        self.program = program
        self.assembly = assembled(_asked(program), opset, precision, moment)
        shapes = {name: weight.shape for name, weight in program.graph.weights.items()}
        self.weights = canonical_inputs(self.assembly, shapes)
        lowered = self.assembly.graph.outputs
        asked = _asked(program).outputs
        self.values = {
            old.value.name: self.assembly.bound[new.value.name]
            for old, new in zip(asked, lowered, strict=True)
        }
        targets = _training(program).targets if judged else ()
        self.targets = {target.name: Handle(target.name) for target in targets}
        self._numbers = Scope(self.assembly, "train")

    # ---- ends ----------------------------------------------------------------------------------

    def inputs(self) -> Iterator[End]:
        """The batch, the number of the step, and the weights."""
        batch = Symbol(batch_name(self.program.graph))
        for value in self.assembly.graph.inputs:
            yield self._end(self.assembly.bound[value.name], value, batch)
        for target in _training(self.program).targets:
            if target.name in self.targets:
                yield self._end(self.targets[target.name], target, batch)
        moment = self.assembly.moment
        if moment is not None:
            yield End(moment.step, STEP, ELEMENT_TYPES["i64"], ())
            yield End(moment.row, ROW, ELEMENT_TYPES["i64"], ())
        for name, weight in self.program.graph.weights.items():
            yield End(self.weights[name], name, self.float_element, weight.shape)

    def _end(self, handle: Handle, value: Value, batch: Symbol) -> End:
        element = ELEMENT_TYPES[self.assembly.dtype(value.type.dtype)]
        return End(handle, value.name, element, (batch, *value.type.shape))

    @property
    def float_element(self) -> int:
        return ELEMENT_TYPES[self.float_type]

    @property
    def float_type(self) -> DType:
        return self.assembly.dtype("f32")

    def give_outputs(self, ends: Ends) -> None:
        """The outputs of the program."""
        batch = Symbol(batch_name(self.program.graph))
        for output in self.program.graph.outputs:
            type_ = output.value.type
            handle = self.values[output.value.name]
            ends.give(handle, output.name, type_.dtype, (batch, *type_.shape))

    # ---- nodes ---------------------------------------------------------------------------------

    def loss(self, training: Training) -> Handle:
        """What training makes small: losses and penalties."""
        terms = [self._term(number, term) for number, term in enumerate(training.losses)]
        for number, term in enumerate(training.penalties):
            scope = Scope(self.assembly, f"penalty/{number}")
            found = PENALTIES.find(term.penalty)(term.penalty, scope, self.weights[term.weight])
            terms.append(self._scaled(found, term.factor))
        for number, activity in enumerate(training.activities):
            scope = Scope(self.assembly, f"activity/{number}")
            x = self.values[activity.value.name]
            found = PENALTIES.find(activity.penalty)(activity.penalty, scope, x)
            count = scope.add("Squeeze", scope.add("Shape", x, start=0, end=1))
            count = scope.add("Cast", count, to=self.float_element)
            terms.append(scope.add("Div", found, count))
        return terms[0] if len(terms) == 1 else self._numbers.add("Sum", *terms, role="total")

    def _term(self, number: int, term: LossTerm) -> Handle:
        values = [self.values[value.name] for value in term.predictions]
        if term.target is not None:
            values.append(self.targets[term.target.name])
        at = Comparison(
            self.assembly, f"loss/{number}", tuple(values), term.types, logits=term.logits
        )
        return self._scaled(LOSSES.find(term.loss)(term.loss, at), term.factor)

    def _scaled(self, handle: Handle, factor: float) -> Handle:
        if factor == 1:
            return handle
        return self._numbers.add("Mul", handle, self._numbers.number(factor, "factor"))

    def zeros(self, name: str) -> Handle:
        """The gradient of a weight that the loss doesn't depend on."""
        shape = self._numbers.whole(self.program.graph.weights[name].shape, "shape")
        return self._numbers.add("Expand", self._numbers.number(0.0, "zero"), shape, role="zeros")

    def graph(self, ends: Ends) -> OnnxGraph:
        """What there is so far, complete, with these ends beside its inputs."""
        ends.inputs[:0] = self.inputs()
        return ends.graph(self.program.name)


def _asked(program: Program) -> Graph:
    """The graph with an output for each value that losses and metrics compare."""
    training = _training(program)
    uses: tuple[LossTerm | ActivityTerm | MetricUse, ...] = (
        *training.losses,
        *training.activities,
        *training.metrics,
    )
    values = {value.name: value for use in uses for value in use.predictions}
    known = {output.value.name for output in program.graph.outputs}
    more = (
        Output(f"compared/{name}", value) for name, value in values.items() if name not in known
    )
    return replace(program.graph, outputs=(*program.graph.outputs, *more))


def initial_state(step: TrainingStep, weights: Arrays, precision: Precision) -> Arrays:
    """The state before the first step."""
    return {
        part.name: (
            np.asarray(weights[part.name], precision) if part.initial is None else part.initial
        )
        for part in step.state
    }
