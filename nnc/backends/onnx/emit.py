"""A program -> an ONNX model: evaluation of its graph, with weights."""

from __future__ import annotations

import nnc
from nnc.backends.base import Arrays, Artifact, Precision, refused
from nnc.backends.layout import native
from nnc.backends.onnx.assembly import Assembly, Handle, Moment, Place
from nnc.backends.onnx.graph import OnnxGraph, filled, written
from nnc.backends.onnx.model import IR_VERSIONS
from nnc.backends.onnx.table import ops
from nnc.compiler.diagnostics import Diagnostic, Failed, Label
from nnc.compiler.ir import Graph, Program
from nnc.compiler.types import FLOATS, TensorType

DEFAULT_OPSET = 20
"""The newest that every common runtime of today reads."""


def emit(
    program: Program,
    weights: Arrays,
    *,
    opset: int = DEFAULT_OPSET,
    precision: Precision = "float32",
) -> Artifact:
    """The model of a program in evaluation, with these canonical weights. The same program and
    weights give the same bytes.

    The first axis of every input and output is the batch, free at run time, as are the spec's
    symbols. Raises Failed (E701 to E704), ValueError for an opset that isn't in `IR_VERSIONS`.
    """
    graph = drawn(program, weights, opset=opset, precision=precision)
    return Artifact(".onnx", written(graph, nnc.__version__).whole)


def drawn(
    program: Program, weights: Arrays, *, opset: int, precision: Precision = "float32"
) -> OnnxGraph:
    """The model as it is before it is written. Raises as `emit` does, but for E703."""
    if opset not in IR_VERSIONS:
        raise ValueError(f"opset {opset} is not one of {', '.join(map(str, IR_VERSIONS))}")
    return filled(assembled(program.graph, opset, precision), weights, program.name)


def assembled(
    graph: Graph, opset: int, precision: Precision = "float32", moment: Moment | None = None
) -> Assembly:
    """The nodes of a model and what it stores, without any weight; with a `moment` those of a
    training step.

    Raises Failed (E701, E702, E704).
    """
    _check(graph)
    lowered = native(graph, "channels_first")
    assembly = Assembly(lowered, opset, precision, moment)
    for value in lowered.inputs:
        assembly.bound[value.name] = Handle(value.name)
    for node in lowered.nodes:
        assembly.origin = node
        made = ops.find(node.op)(node.op, Place(assembly, node))
        handles = made if isinstance(made, tuple) else (made,)
        for value, handle in zip(node.outputs, handles, strict=True):
            assembly.bind(value, handle)
    assembly.origin = None
    return assembly


def _check(graph: Graph) -> None:
    wrong = [
        refused("ONNX", node.op, reason, node.span)
        for node in graph.nodes
        if (reason := ops.refusal(node.op)) is not None
    ]
    inputs = {value.name: value for value in graph.inputs}
    wrong += [
        Diagnostic(
            "E702",
            f"an ONNX model can't have both an input and an output called `{output.name}`",
            (Label(output.span, "this output"), Label(inputs[output.name].span, "this input")),
            help="give one of them another name",
        )
        for output in graph.outputs
        if output.name in inputs
    ]
    wrong += [
        Diagnostic(
            "E704",
            f"the input `{value.name}` is `{value.type}`, but the model computes in float32",
            (Label(value.span, "declared here"),),
            help=f"declare it as `{TensorType('f32', value.type.shape)}`",
        )
        for value in graph.inputs
        if value.type.dtype in FLOATS - {"f32"}
    ]
    if wrong:
        raise Failed(wrong)
