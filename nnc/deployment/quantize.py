"""Whole numbers of eight bits, by onnxruntime's own quantiser."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from nnc.backends.base import Arrays
from nnc.backends.onnx.assembly import Handle, OnnxNode
from nnc.backends.onnx.graph import OnnxGraph
from nnc.deployment.export import Chunks
from nnc.deployment.gate import batches


def quantized(
    graph: OnnxGraph,
    model: Chunks,
    calibration: Arrays,
    keep: Collection[str],
) -> OnnxGraph:
    """A model whose convolutions and products are computed in int8.

    Ranges of values are those of the calibration examples; every channel of a weight has its own.
    The layers in `keep` stay float32. The same model and examples give the same bytes.
    """
    import onnx
    from onnxruntime import quantization

    names = {node.name for node in graph.nodes if node.origin and node.origin.name in keep}
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "float32.onnx"), Path(folder, "int8.onnx")
        source.write_bytes(b"".join(model))
        quantization.quantize_static(
            source,
            target,
            _reader(graph, calibration),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            activation_type=quantization.QuantType.QInt8,
            nodes_to_exclude=sorted(names),
        )
        made = onnx.load(str(target))
    return _read(made.graph, graph)


def _read(made: Any, graph: OnnxGraph) -> OnnxGraph:
    """What the quantiser made of a graph, as a graph again, with the same inputs and outputs."""
    from onnx import numpy_helper

    handles: dict[str, Handle] = {}

    def handle(name: str) -> Handle:
        return handles.setdefault(name, Handle(name))

    tensors = {handle(t.name): numpy_helper.to_array(t) for t in made.initializer}
    nodes = [
        OnnxNode(
            node.op_type,
            node.name,
            tuple(handle(name) if name else None for name in node.input),
            tuple(handle(name) for name in node.output),
            {attribute.name: _attribute(attribute) for attribute in node.attribute},
        )
        for node in made.node
    ]
    inputs = tuple(replace(end, handle=handle(end.name)) for end in graph.inputs)
    outputs = tuple(replace(end, handle=handle(end.name)) for end in graph.outputs)
    return OnnxGraph(graph.name, graph.opset, inputs, outputs, nodes, tensors)


def _attribute(attribute: Any) -> Any:
    """A number, a text, or a list of either."""
    from onnx import helper

    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, int | float):
        return value
    return [part.decode() if isinstance(part, bytes) else int(part) for part in value]


def _reader(graph: OnnxGraph, calibration: Arrays) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    wanted = [end.name for end in graph.inputs]
    rows = batches({name: calibration[name] for name in wanted})

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Calibration examples, batch by batch."""

        def get_next(self) -> Arrays | None:
            return next(rows, None)

    return Reader()
