"""Whole numbers of eight bits, by onnxruntime's own quantiser."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import nnc
from nnc.backends.base import Arrays
from nnc.backends.onnx.graph import OnnxGraph
from nnc.deployment.export import Chunks
from nnc.deployment.gate import batches


def quantized(
    graph: OnnxGraph,
    model: Chunks,
    calibration: Arrays,
    keep: Collection[str],
    metadata: Mapping[str, str],
) -> Chunks:
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
    made.producer_name, made.producer_version = "nnc", nnc.__version__
    del made.metadata_props[:]
    onnx.helper.set_model_props(made, dict(sorted(metadata.items())))
    return (made.SerializeToString(deterministic=True),)


def _reader(graph: OnnxGraph, calibration: Arrays) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    wanted = [end.name for end in graph.inputs]
    rows = batches({name: calibration[name] for name in wanted})

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Calibration examples, batch by batch."""

        def get_next(self) -> Arrays | None:
            return next(rows, None)

    return Reader()
