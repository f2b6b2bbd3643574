"""A model that is complete but not yet written: nodes, tensors with their numbers, and ends.

This is what is rewritten before a model is deployed (`optimize`) and then put into bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from nnc.backends.base import Arrays
from nnc.backends.onnx import model
from nnc.backends.onnx.assembly import Array, Assembly, Handle, OnnxNode, Stored
from nnc.backends.onnx.external import DataFile
from nnc.backends.onnx.loops import Body
from nnc.compiler import ir
from nnc.compiler.types import Dim, Symbol


@dataclass(frozen=True, slots=True)
class End:
    """An input or output of a model: its name, the number of its element type in the format, and
    its shape with the batch."""

    handle: Handle
    name: str
    element: int
    shape: tuple[Dim, ...]


@dataclass
class OnnxGraph:
    """A model: nodes in an order in which they can be computed, and every tensor it stores.

    Outputs are different handles, none of which is an input.
    """

    name: str
    opset: int
    inputs: tuple[End, ...]
    outputs: tuple[End, ...]
    nodes: list[OnnxNode]
    tensors: dict[Handle, Array]
    told: dict[Handle, tuple[int, tuple[Dim, ...]]] = field(default_factory=dict)
    """Element types and shapes of values that no reader can infer, as no standard defines their
    operators."""

    def makers(self) -> dict[Handle, OnnxNode]:
        """The node that makes a value; inputs and tensors have none."""
        return {handle: node for node in self.nodes for handle in node.outputs}

    def users(self) -> dict[Handle, list[OnnxNode]]:
        """The nodes that take a value, one for each time, in order."""
        found: dict[Handle, list[OnnxNode]] = {}
        for node in self.nodes:
            for handle in node.reads:
                if handle is not None:
                    found.setdefault(handle, []).append(node)
        return found

    def names(self) -> dict[Handle, str]:
        """The name of every value: inputs and outputs have theirs, others what is left."""
        names = {end.handle: end.name for end in (*self.inputs, *self.outputs)}
        taken = set(names.values())
        made = (handle for node in self.nodes for handle in node.outputs)
        for handle in (*self.tensors, *made):
            if handle not in names:
                names[handle] = _free(handle.wish, taken)
                taken.add(names[handle])
        return names


def filled(assembly: Assembly, weights: Arrays, name: str) -> OnnxGraph:
    """An assembly with these canonical weights."""
    dtype = assembly.precision
    tensors = {
        stored.handle: packed(stored, weights).astype(dtype, copy=False)
        for stored in assembly.stored.values()
    }
    tensors |= {constant.handle: constant.array for constant in assembly.constants}
    inputs = tuple(_inputs(assembly))
    outputs = tuple(_outputs(assembly, {end.handle for end in inputs}))
    return OnnxGraph(name, assembly.opset, inputs, outputs, assembly.nodes, tensors)


def packed(stored: Stored, weights: Arrays) -> Array:
    """The stored tensor out of the canonical weights."""
    return stored.pack([rows.of(weights[rows.weight]) for rows in stored.sources])


def _inputs(assembly: Assembly) -> Iterator[End]:
    batch = Symbol(batch_name(assembly.graph))
    for value in assembly.graph.inputs:
        element = model.ELEMENT_TYPES[assembly.dtype(value.type.dtype)]
        shape = (batch, *value.type.shape)
        yield End(assembly.bound[value.name], value.name, element, shape)


def _outputs(assembly: Assembly, taken: set[Handle]) -> Iterator[End]:
    batch = Symbol(batch_name(assembly.graph))
    for output in assembly.graph.outputs:
        handle = assembly.bound[output.value.name]
        if handle in taken:  # an input, or an output already: it takes a node to give it a name
            (handle,) = assembly.add("Identity", output.name, [handle], [output.name], {})
        taken.add(handle)
        element = model.ELEMENT_TYPES[assembly.dtype(output.value.type.dtype)]
        yield End(handle, output.name, element, (batch, *output.value.type.shape))


def batch_name(graph: ir.Graph) -> str:
    """`batch`, unless the spec has a symbol of this name."""
    symbols = {
        dim.name for value in graph.values() for dim in value.type.shape if isinstance(dim, Symbol)
    }
    return _free("batch", symbols)


def _free(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


@dataclass(frozen=True)
class Written:
    """A model as bytes, and the bytes of the file of numbers beside it, if there is one."""

    whole: model.Chunks
    beside: model.Chunks = ()


def written(
    graph: OnnxGraph,
    version: str,
    *,
    metadata: Mapping[str, str] | None = None,
    data_file: str | None = None,
) -> Written:
    """The bytes of a model. The same graph gives the same bytes.

    With the name of a `data_file` the numbers are apart. Raises Failed (E703) beyond 2 GB.
    """
    graph = _with_pads_apart(graph)
    names = graph.names()
    apart = DataFile(data_file) if data_file else None
    tensor = apart.tensor if apart else model.tensor
    nodes = b"".join(_nodes(graph, names)) + model.graph_name(graph.name)
    tensors = tuple(
        chunk for handle, array in graph.tensors.items() for chunk in tensor(names[handle], array)
    )
    inputs = (model.graph_input(end.name, end.element, end.shape) for end in graph.inputs)
    outputs = (model.graph_output(end.name, end.element, end.shape) for end in graph.outputs)
    told = (model.graph_value(names[handle], *about) for handle, about in graph.told.items())
    ends, about = b"".join((*inputs, *outputs, *told)), model.metadata(metadata or {})
    domains = {model.DOMAINS[n.operator] for n in graph.nodes if n.operator in model.DOMAINS}
    whole = model.model(
        *(graph.opset, "nnc", version, nodes, tensors, ends, about), domains=domains
    )
    return Written(whole, tuple(apart.chunks) if apart else ())


def _with_pads_apart(graph: OnnxGraph) -> OnnxGraph:
    """The same with axes for each Pad that may end up in front of a pooling.

    onnxruntime (1.31) makes a Pad without axes part of a pooling behind it, also where a maximum
    then misses the zeros, or the padding is as large as the window, which it refuses. Convolutions
    take a Pad as they should.
    """
    users, tensors, nodes = graph.users(), dict(graph.tensors), list(graph.nodes)
    for number, node in enumerate(nodes):
        if node.operator != "Pad" or node.attributes.get("mode", "constant") != "constant":
            continue
        takers = {user.operator for user in users.get(node.outputs[0], ())}
        widths = tensors.get(node.inputs[1]) if node.inputs[1] else None
        if takers <= {"Conv", "Slice"} or len(node.inputs) > 3 or widths is None:
            continue
        axes = Handle(f"{node.name}/axes")
        tensors[axes] = np.arange(widths.size // 2)
        inputs = (*node.inputs, *[None] * (3 - len(node.inputs)), axes)
        nodes[number] = replace(node, inputs=inputs)
    return replace(graph, nodes=nodes, tensors=tensors)


def _nodes(graph: OnnxGraph, names: Mapping[Handle, str]) -> Iterable[bytes]:
    for node in graph.nodes:
        inputs = ["" if handle is None else names[handle] for handle in node.inputs]
        while inputs and not inputs[-1]:  # what is left out at the end isn't written
            inputs.pop()
        outputs = (names[handle] for handle in node.outputs)
        attributes = {
            key: value.written(names) if isinstance(value, Body) else value
            for key, value in node.attributes.items()
        }
        yield model.node(node.operator, node.name, inputs, outputs, attributes)
