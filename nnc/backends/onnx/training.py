"""A program -> one step of its training as a model: forward, loss, gradients and the optimiser's
update, of operators of the default domain alone.

Inputs are a batch, the state (weights, running statistics, what the optimiser remembers), the
number of the step and the learning rate; outputs are the loss and the new state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from nnc.backends.base import Arrays, Precision
from nnc.backends.onnx.assembly import NUMPY, Array, Handle, Moment, Scope
from nnc.backends.onnx.comparison import LOSSES, Comparison
from nnc.backends.onnx.constraints import CONSTRAINTS
from nnc.backends.onnx.emit import DEFAULT_OPSET, assembled
from nnc.backends.onnx.gradients import differentiate, known_values
from nnc.backends.onnx.graph import End, OnnxGraph, batch_name
from nnc.backends.onnx.metrics import METRICS, Finish
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.backends.onnx.packing import canonical_inputs
from nnc.backends.onnx.penalties import PENALTIES
from nnc.backends.onnx.updates import CLIPS, OPTIMIZERS, Updates
from nnc.compiler.ir import Graph, LossTerm, MetricUse, Output, Program, Training, Value
from nnc.compiler.types import DType, Symbol
from nnc.compiler.vocabulary.ops.base import Weight

STEP: Final = "train.step"
RATE: Final = "train.rate"
ROW: Final = "train.row"
LOSS: Final = "train.loss"
NORMS: Final = "train.norms"
NEXT: Final = "next/"
"""What stands before the name of an output that is the next step's input."""


@dataclass(frozen=True)
class Kept:
    """A part of the state: the input of this name, and whether the step changes it."""

    name: str
    initial: Array | None
    """What the optimiser's memory begins with; None for a weight."""
    changes: bool


@dataclass(frozen=True)
class TrainingStep:
    """A step of training, not yet written."""

    graph: OnnxGraph
    state: tuple[Kept, ...]
    trained: tuple[str, ...]
    """The weights whose gradients' norms are in `train.norms`, in its order."""


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
    training = _training(program)
    model = _Model(program, opset, precision, Moment(program.seed, Handle(STEP), Handle(ROW)))
    loss = model.loss(training)
    known = known_values(model.graph((loss,)))
    trained = [name for name, weight in program.graph.weights.items() if _is_trained(weight)]
    by = [model.weights[name] for name in trained]
    values = {constant.handle: constant.array for constant in model.assembly.constants}
    found = differentiate(model.assembly, known, values, loss, by)
    gradients = {
        name: gradient or model.zeros(name) for name, gradient in zip(trained, found, strict=True)
    }
    return _Stepping(model, training, gradients).step(loss)


def evaluation(
    program: Program, *, opset: int = DEFAULT_OPSET, precision: Precision = "float32"
) -> Evaluation:
    """The same program in evaluation. Raises as `training_step` does."""
    training = _training(program)
    model = _Model(program, opset, precision, None)
    outputs = [model.scalar_end(model.loss(training), LOSS)]
    metrics: dict[str, Finish] = {}
    for use in training.metrics:
        values = (model.values[use.prediction.name], model.targets[use.target.name])
        types = (use.prediction.type, use.target.type)
        at = Comparison(model.assembly, f"metric/{use.name}", values, types)
        handle, metrics[use.name] = METRICS.find(use.metric)(use.metric, at)
        outputs.append(End(model.named(handle), f"metric/{use.name}", ELEMENT_TYPES["f64"], ()))
    outputs += map(model.output_end, program.graph.outputs)
    graph = model.graph((), tuple(outputs))
    return Evaluation(graph, tuple(program.graph.weights), metrics)


def _training(program: Program) -> Training:
    if program.training is None:
        raise ValueError("the program has no train block")
    return program.training


def _is_trained(weight: Weight) -> bool:
    return weight.role == "parameter" and weight.trainable


class _Model:
    """The forward part: inputs, weights and targets as inputs, every value that is compared."""

    def __init__(
        self, program: Program, opset: int, precision: Precision, moment: Moment | None
    ) -> None:
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
        training = _training(program)
        self.targets = {target.name: Handle(target.name) for target in training.targets}
        self._numbers = Scope(self.assembly, "train")

    # ---- ends ----------------------------------------------------------------------------------

    def inputs(self) -> Iterator[End]:
        """The batch, the number of the step, and the weights."""
        batch = Symbol(batch_name(self.program.graph))
        for value in self.assembly.graph.inputs:
            yield self._end(self.assembly.bound[value.name], value, batch)
        for target in _training(self.program).targets:
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

    def scalar_end(self, handle: Handle, name: str) -> End:
        return End(self.named(handle), name, self.float_element, ())

    def output_end(self, output: Output) -> End:
        batch = Symbol(batch_name(self.program.graph))
        handle = self.named(self.values[output.value.name])
        return replace(self._end(handle, output.value, batch), name=output.name)

    def named(self, handle: Handle) -> Handle:
        """A handle of its own for an output of the model."""
        return self._numbers.add("Identity", handle, role="output")

    # ---- nodes ---------------------------------------------------------------------------------

    def loss(self, training: Training) -> Handle:
        """What training makes small: losses and penalties."""
        terms = [self._term(number, term) for number, term in enumerate(training.losses)]
        for number, term in enumerate(training.penalties):
            scope = Scope(self.assembly, f"penalty/{number}")
            found = PENALTIES.find(term.penalty)(term.penalty, scope, self.weights[term.weight])
            terms.append(self._scaled(found, term.factor))
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

    def graph(
        self, results: Sequence[Handle], outputs: tuple[End, ...] = (), more: tuple[End, ...] = ()
    ) -> OnnxGraph:
        """What there is so far, complete."""
        ends = tuple(self.scalar_end(handle, LOSS) for handle in results)
        tensors = {constant.handle: constant.array for constant in self.assembly.constants}
        nodes = list(self.assembly.nodes)
        return OnnxGraph(
            self.program.name,
            self.assembly.opset,
            (*self.inputs(), *more),
            (*ends, *outputs),
            nodes,
            tensors,
        )


def _asked(program: Program) -> Graph:
    """The graph with an output for each value that losses and metrics compare."""
    training = _training(program)
    uses: tuple[LossTerm | MetricUse, ...] = (*training.losses, *training.metrics)
    values = {value.name: value for use in uses for value in use.predictions}
    known = {output.value.name for output in program.graph.outputs}
    more = (
        Output(f"compared/{name}", value) for name, value in values.items() if name not in known
    )
    return replace(program.graph, outputs=(*program.graph.outputs, *more))


class _Stepping:
    """The second half of a step: from gradients to the new state."""

    def __init__(self, model: _Model, training: Training, gradients: dict[str, Handle]) -> None:
        self._model = model
        self._training = training
        self._scope = Scope(model.assembly, "train")
        clip = training.clip
        if clip is not None:
            scope = Scope(model.assembly, "clip")
            gradients = CLIPS.find(clip)(clip, scope, gradients)
        self._gradients = gradients
        assert model.assembly.moment is not None
        self._updates = Updates(model.assembly, model.assembly.moment.step, Handle(RATE))

    def step(self, loss: Handle) -> TrainingStep:
        model = self._model
        weights = {name: self._updated(name) for name in self._gradients}
        weights |= model.assembly.statistics
        outputs = [model.scalar_end(loss, LOSS), self._norms()]
        state = []
        for name, weight in model.program.graph.weights.items():
            state.append(Kept(name, None, name in weights))
            if name in weights:
                handle = model.named(weights[name])
                outputs.append(End(handle, f"{NEXT}{name}", model.float_element, weight.shape))
        more = [End(self._updates.rate, RATE, ELEMENT_TYPES["f64"], ())]
        for slot in self._updates.slots:
            shape = () if slot.weight is None else model.program.graph.weights[slot.weight].shape
            name, element = slot.before.wish, ELEMENT_TYPES[slot.dtype]
            state.append(Kept(name, np.full(shape, slot.initial, NUMPY[slot.dtype]), True))
            more.append(End(slot.before, name, element, shape))
            assert slot.after is not None
            outputs.append(End(model.named(slot.after), f"{NEXT}{name}", element, shape))
        graph = model.graph((), tuple(outputs), tuple(more))
        return TrainingStep(graph, tuple(state), tuple(self._gradients))

    def _updated(self, name: str) -> Handle:
        rule, weight = self._training.optimizer, self._model.weights[name]
        update = self._updates.of(name, weight, self._gradients[name])
        handle = OPTIMIZERS.find(rule)(rule, update).handle
        constraint = self._model.program.graph.constraints.get(name)
        if constraint is None:
            return handle
        rank = len(self._model.program.graph.weights[name].shape)
        scope = Scope(self._model.assembly, f"constraint/{name}")
        return CONSTRAINTS.find(constraint)(constraint, scope, handle, rank)

    def _norms(self) -> End:
        """The norm of every gradient, one behind the other."""
        scope, flat = self._scope, self._scope.whole([1], "flat")
        norms = []
        for gradient in self._gradients.values():
            square = scope.add("ReduceSumSquare", gradient, role="square", keepdims=0)
            norms.append(scope.add("Reshape", scope.add("Sqrt", square, role="norm"), flat))
        whole = scope.add("Concat", *norms, role="norms", axis=0)
        return End(whole, NORMS, self._model.float_element, (len(norms),))


def initial_state(step: TrainingStep, weights: Arrays, precision: Precision) -> Arrays:
    """The state before the first step."""
    return {
        part.name: (
            np.asarray(weights[part.name], precision) if part.initial is None else part.initial
        )
        for part in step.state
    }
