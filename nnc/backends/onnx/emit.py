"""A program -> an ONNX model: evaluation of its graph, with weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

import nnc
from nnc.backends.base import Arrays, Artifact, Precision, refused
from nnc.backends.layout import native
from nnc.backends.onnx.assembly import Array, Assembly, Handle, OnnxNode, Place, Stored
from nnc.backends.onnx.model import ELEMENT_TYPES, IR_VERSIONS, serialized
from nnc.backends.onnx.table import ops
from nnc.compiler.diagnostics import Diagnostic, Failed, Label
from nnc.compiler.ir import Graph, Program
from nnc.compiler.types import FLOATS, Symbol, TensorType

if TYPE_CHECKING:
    import onnx

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
    graph = _graph_proto(assembly, names)
    model = _model_proto(opset)
    return Artifact(".onnx", serialized(model, graph, list(_tensors(assembly, names, weights))))


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


def _model_proto(opset: int) -> onnx.ModelProto:
    import onnx

    return onnx.ModelProto(
        ir_version=IR_VERSIONS[opset],
        producer_name="nnc",
        producer_version=nnc.__version__,
        opset_import=[onnx.OperatorSetIdProto(domain="", version=opset)],
    )


def _graph_proto(assembly: Assembly, names: Mapping[Handle, str]) -> onnx.GraphProto:
    import onnx

    graph = assembly.graph
    batch = _batch_name(graph)
    return onnx.GraphProto(
        name=graph.name,
        node=[_node_proto(node, names) for node in assembly.nodes],
        input=[_value_proto(assembly, v.name, v.type, batch) for v in graph.inputs],
        output=[_value_proto(assembly, o.name, o.value.type, batch) for o in graph.outputs],
    )


def _node_proto(node: OnnxNode, names: Mapping[Handle, str]) -> onnx.NodeProto:
    import onnx

    inputs = ["" if handle is None else names[handle] for handle in node.inputs]
    while inputs and not inputs[-1]:
        inputs.pop()
    return onnx.NodeProto(
        op_type=node.operator,
        name=node.name,
        input=inputs,
        output=[names[handle] for handle in node.outputs],
        attribute=[_attribute(name, value) for name, value in sorted(node.attributes.items())],
    )


def _attribute(name: str, value: Any) -> onnx.AttributeProto:
    import onnx

    kinds = onnx.AttributeProto
    match value:
        case int():
            return kinds(name=name, type=kinds.INT, i=value)
        case float():
            return kinds(name=name, type=kinds.FLOAT, f=value)
        case str():
            return kinds(name=name, type=kinds.STRING, s=value.encode())
        case _:
            return kinds(name=name, type=kinds.INTS, ints=value)


def _value_proto(
    assembly: Assembly, name: str, type_: TensorType, batch: str
) -> onnx.ValueInfoProto:
    import onnx

    proto = onnx.ValueInfoProto(name=name)
    tensor = proto.type.tensor_type
    tensor.elem_type = ELEMENT_TYPES[assembly.dtype(type_.dtype)]
    for dim in (Symbol(batch), *type_.shape):
        if isinstance(dim, int):
            tensor.shape.dim.add(dim_value=dim)
        else:
            tensor.shape.dim.add(dim_param=dim.name)
    return proto


def _batch_name(graph: Graph) -> str:
    """`batch`, unless the spec has a symbol of this name."""
    symbols = {
        dim.name for value in graph.values() for dim in value.type.shape if isinstance(dim, Symbol)
    }
    return _free("batch", symbols)
