"""A program -> an ONNX model: evaluation of its graph, with weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

import nnc
from nnc.backends.base import Arrays, Artifact, Precision, refused
from nnc.backends.layout import native
from nnc.backends.onnx import model
from nnc.backends.onnx.assembly import Array, Assembly, Handle, Place, Stored
from nnc.backends.onnx.model import IR_VERSIONS
from nnc.backends.onnx.table import ops
from nnc.compiler.diagnostics import Diagnostic, Failed, Label
from nnc.compiler.ir import Graph, Program
from nnc.compiler.types import FLOATS, Symbol, TensorType

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
    if opset not in IR_VERSIONS:
        raise ValueError(f"opset {opset} is not one of {', '.join(map(str, IR_VERSIONS))}")
    assembly = assembled(program.graph, opset, precision)
    names = _names(assembly)
    nodes = b"".join(_nodes(assembly, names)) + model.graph_name(program.name)
    tensors = tuple(
        chunk
        for name, array in _tensors(assembly, names, weights)
        for chunk in model.tensor(name, array)
    )
    ends = b"".join(_ends(assembly))
    return Artifact(".onnx", model.model(opset, "nnc", nnc.__version__, nodes, tensors, ends))


def assembled(graph: Graph, opset: int, precision: Precision = "float32") -> Assembly:
    """The nodes of a model and what it stores, without any weight.

    Raises Failed (E701, E702, E704).
    """
    _check(graph)
    lowered = native(graph, "channels_first")
    assembly = Assembly(lowered, opset, precision)
    for value in lowered.inputs:
        assembly.bound[value.name] = Handle(value.name)
    for node in lowered.nodes:
        made = ops.find(node.op)(node.op, Place(assembly, node))
        handles = made if isinstance(made, tuple) else (made,)
        for value, handle in zip(node.outputs, handles, strict=True):
            assembly.bind(value, handle)
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


def _names(assembly: Assembly) -> dict[Handle, str]:
    """The name of every value: inputs, outputs and weights have theirs, others what is left."""
    graph = assembly.graph
    names = {assembly.bound[value.name]: value.name for value in graph.inputs}
    for output in graph.outputs:
        handle = assembly.bound[output.value.name]
        if handle in names:  # an input, or an output already: it takes a node to give it a name
            (handle,) = assembly.add("Identity", output.name, [handle], [output.name], {})
            assembly.bound[output.value.name] = handle
        names[handle] = output.name
    taken = set(names.values())
    tensors = [stored.handle for stored in assembly.stored.values()]
    for handle in (*tensors, *(c.handle for c in assembly.constants), *assembly.made):
        if handle not in names:
            names[handle] = _free(handle.wish, taken)
            taken.add(names[handle])
    return names


def _free(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def _tensors(
    assembly: Assembly, names: Mapping[Handle, str], weights: Arrays
) -> Iterable[tuple[str, Array]]:
    """Weights, then constants, in the order of the nodes."""
    dtype = np.dtype(assembly.precision)
    for stored in assembly.stored.values():
        yield names[stored.handle], packed(stored, weights).astype(dtype, copy=False)
    for constant in assembly.constants:
        yield names[constant.handle], constant.array


def packed(stored: Stored, weights: Arrays) -> Array:
    """The stored tensor out of the canonical weights."""
    return stored.pack([rows.of(weights[rows.weight]) for rows in stored.sources])


def _nodes(assembly: Assembly, names: Mapping[Handle, str]) -> Iterator[bytes]:
    for node in assembly.nodes:
        inputs = ["" if handle is None else names[handle] for handle in node.inputs]
        while inputs and not inputs[-1]:  # what is left out at the end isn't written
            inputs.pop()
        outputs = (names[handle] for handle in node.outputs)
        yield model.node(node.operator, node.name, inputs, outputs, node.attributes)


def _ends(assembly: Assembly) -> Iterator[bytes]:
    """Inputs and outputs with their types."""
    graph = assembly.graph
    batch = Symbol(_batch_name(graph))
    for value in graph.inputs:
        dtype = assembly.dtype(value.type.dtype)
        yield model.graph_input(value.name, dtype, (batch, *value.type.shape))
    for output in graph.outputs:
        type_ = output.value.type
        dtype = assembly.dtype(type_.dtype)
        yield model.graph_output(output.name, dtype, (batch, *type_.shape))


def _batch_name(graph: Graph) -> str:
    """`batch`, unless the spec has a symbol of this name."""
    symbols = {
        dim.name for value in graph.values() for dim in value.type.shape if isinstance(dim, Symbol)
    }
    return _free("batch", symbols)
