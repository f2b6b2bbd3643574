"""Gradients of one graph on the level of ONNX, running: outputs' gradients in, those of inputs and
weights out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from nnc.backends.base import Arrays, Precision
from nnc.backends.onnx.assembly import NUMPY, Handle, Moment, Scope
from nnc.backends.onnx.emit import assembled
from nnc.backends.onnx.gradients import differentiate, known_values
from nnc.backends.onnx.graph import End, OnnxGraph, written
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.backends.onnx.packing import canonical_inputs
from nnc.compiler.ir import Program, Value
from nnc.compiler.types import FLOATS, Symbol

BATCH = Symbol("batch")
Found = tuple[Arrays, Arrays]


def pullback_graph(program: Program, precision: Precision, *, training: bool) -> OnnxGraph:
    """Inputs: those of the program, weights, a cotangent for each float output. Outputs: the
    gradient of each float input and trained weight that has one."""
    graph = program.graph
    moment = Moment(program.seed, Handle("train.step"), Handle("train.row")) if training else None
    assembly = assembled(graph, 20, precision, moment)
    shapes = {name: weight.shape for name, weight in graph.weights.items()}
    weights = canonical_inputs(assembly, shapes)
    scope = Scope(assembly, "test")

    def end(handle: Handle, value: Value, name: str) -> End:
        element = ELEMENT_TYPES[assembly.dtype(value.type.dtype)]
        return End(handle, name, element, (BATCH, *value.type.shape))

    ends = [end(assembly.bound[value.name], value, value.name) for value in graph.inputs]
    kind = ELEMENT_TYPES[assembly.dtype("f32")]
    ends += [End(weights[name], name, kind, weight.shape) for name, weight in graph.weights.items()]
    if moment is not None:
        ends += [End(h, h.wish, ELEMENT_TYPES["i64"], ()) for h in (moment.step, moment.row)]
    parts = []
    for output, low in zip(graph.outputs, assembly.graph.outputs, strict=True):
        if output.value.type.dtype in FLOATS:
            cotangent = Handle(f"cotangent/{output.name}")
            ends.append(end(cotangent, output.value, cotangent.wish))
            product = scope.add("Mul", assembly.bound[low.value.name], cotangent)
            parts.append(scope.add("ReduceSum", product, keepdims=0))
    total = scope.add("Sum", *parts)
    tensors = {constant.handle: constant.array for constant in assembly.constants}
    forward = OnnxGraph(
        "test", 20, tuple(ends), (End(total, "total", kind, ()),), assembly.nodes, tensors
    )
    by = {v.name: assembly.bound[v.name] for v in graph.inputs if v.type.dtype in FLOATS}
    by |= {
        name: weights[name]
        for name, weight in graph.weights.items()
        if weight.role == "parameter" and weight.trainable
    }
    found = differentiate(assembly, known_values(forward), tensors, total, list(by.values()))
    outputs = []
    for (name, handle), gradient in zip(by.items(), found, strict=True):
        if gradient is not None:
            named = scope.add("Identity", gradient)
            shape = next(e.shape for e in ends if e.handle is handle)
            outputs.append(End(named, f"gradient/{name}", kind, shape))
    tensors = {constant.handle: constant.array for constant in assembly.constants}
    return OnnxGraph("test", 20, tuple(ends), tuple(outputs), assembly.nodes, tensors)


class ConvTranspose(OpRun):
    """onnx's own evaluator can't do groups."""

    op_domain = ""

    def _run(self, x: Any, weight: Any, bias: Any = None, **options: Any) -> tuple[Any]:
        groups = options.pop("group") or 1
        parts = zip(np.split(x, groups, 1), np.split(weight, groups, 0), strict=True)
        model = _alone("ConvTranspose", {k: v for k, v in options.items() if v is not None})
        made = [model.run(None, {"x": a, "w": w})[0] for a, w in parts]
        whole = np.concatenate(made, 1)
        shape = (1, -1, *(1,) * (x.ndim - 2))
        return (whole if bias is None else whole + bias.reshape(shape),)


class Erf(OpRun):
    """onnx's own evaluator rounds to float32."""

    op_domain = ""

    def _run(self, x: Any) -> tuple[Any]:
        return (np.vectorize(math.erf, otypes=[x.dtype])(x),)


class GatherElements(OpRun):
    """onnx's own evaluator refuses rows of other lengths."""

    op_domain = ""

    def _run(self, x: Any, places: Any, axis: int = 0) -> tuple[Any]:
        return (np.take_along_axis(x, places, axis),)


EVALUATED = [ConvTranspose, Erf, GatherElements]
"""Operators that are evaluated in another way than onnx's own evaluator does."""


def _alone(operator: str, options: dict[str, Any]) -> ReferenceEvaluator:
    """A model of one node in float64."""
    double = onnx.TensorProto.DOUBLE
    ends = [onnx.helper.make_tensor_value_info(name, double, None) for name in "xwy"]
    node = onnx.helper.make_node(operator, ["x", "w"], ["y"], **options)
    graph = onnx.helper.make_graph([node], "alone", ends[:2], ends[2:])
    opset = onnx.helper.make_opsetid("", 20)
    return ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=[opset]))


class Pullback:
    """A graph of gradients on onnxruntime, or where it has no kernel on onnx's own evaluator."""

    def __init__(self, program: Program, precision: Precision, *, training: bool = False) -> None:
        self.precision = precision
        self.training = training
        self.graph = pullback_graph(program, precision, training=training)
        model = onnx.ModelProto.FromString(b"".join(written(self.graph, "0").whole))
        onnx.checker.check_model(model, full_check=False)
        self.evaluated = False
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        if precision == "float64":  # fused products keep a factor as float32
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        try:
            self._run: Any = onnxruntime.InferenceSession(model.SerializeToString(), options)
        except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
            if precision == "float32":
                raise
            self._run = ReferenceEvaluator(model, new_ops=EVALUATED)
            self.evaluated = True

    def __call__(self, inputs: Arrays, weights: Arrays, cotangents: Arrays) -> Arrays:
        """The gradients by the names of inputs and weights."""
        given = {**inputs, **weights, **{f"cotangent/{n}": g for n, g in cotangents.items()}}
        given |= {"train.step": np.array(0), "train.row": np.array(0)}
        kinds = {ELEMENT_TYPES[dtype]: NUMPY[dtype] for dtype in NUMPY}
        feeds = {
            end.name: np.ascontiguousarray(np.asarray(given[end.name], kinds[end.element])).reshape(
                np.shape(given[end.name])
            )
            for end in self.graph.inputs
        }
        names = [end.name for end in self.graph.outputs]
        made = self._run.run(names, feeds) if names else []
        return {n.removeprefix("gradient/"): g for n, g in zip(names, made, strict=True)}
