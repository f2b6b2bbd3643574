"""The model, running on onnxruntime; and its weights, read back out of a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

import nnc
from nnc.backends.base import Arrays, Precision, Runner
from nnc.backends.onnx.assembly import NUMPY, Array
from nnc.backends.onnx.emit import DEFAULT_OPSET, assembled, drawn
from nnc.backends.onnx.exact import FAILING, spell_out
from nnc.backends.onnx.graph import written
from nnc.backends.onnx.model import IR_VERSIONS
from nnc.compiler.diagnostics import Diagnostic, Failed
from nnc.compiler.ir import Graph, Program

if TYPE_CHECKING:
    import onnx


class OnnxRunner(Runner):
    """The emitted model on onnxruntime's CPU provider: evaluation alone, without gradients."""

    backend = "onnx"
    differentiates = False

    def __init__(
        self,
        program: Program,
        weights: Arrays,
        precision: Precision = "float32",
        *,
        opset: int = DEFAULT_OPSET,
    ) -> None:
        """Raises NotImplementedError where onnxruntime has no kernel in this precision."""
        import onnxruntime

        self._weights = {name: np.asarray(array) for name, array in weights.items()}
        self._program = program
        self._precision = precision
        graph = drawn(program, self._weights, opset=opset, precision=precision)
        options = onnxruntime.SessionOptions()
        if precision == "float64":
            spell_out(graph)
            level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
            options.graph_optimization_level = level  # fused kernels have numbers in float32
        missing = onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented
        try:
            self._session = onnxruntime.InferenceSession(
                b"".join(written(graph, nnc.__version__).whole),
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=FAILING if precision == "float64" else None,
            )
        except missing as error:
            raise NotImplementedError(
                f"onnxruntime can't run this model in {precision}: {error}"
            ) from error

    def outputs(self, inputs: Arrays, *, training: bool = False, step: int = 0) -> Arrays:
        """The outputs by name. Raises NotImplementedError for training."""
        if training:
            raise NotImplementedError("an exported ONNX model is for evaluation")
        graph = self._program.graph
        feeds = {
            value.name: np.ascontiguousarray(
                inputs[value.name],
                self._precision if value.type.dtype == "f32" else NUMPY[value.type.dtype],
            )
            for value in graph.inputs
        }
        names = [output.name for output in graph.outputs]
        return dict(zip(names, self._session.run(names, feeds), strict=True))

    def weights(self) -> Arrays:
        return {n: x.astype(self._precision, copy=False) for n, x in self._weights.items()}


def read_weights(model: str | os.PathLike[str] | bytes, graph: Graph) -> Arrays:
    """The canonical weights out of a model that `emit` wrote for this graph, bit for bit.

    Raises Failed (E609) when it isn't one, OSError when the file can't be read.
    """
    label = "the model" if isinstance(model, bytes) else f"`{os.path.basename(model)}`"
    parsed = _parsed(model, label)
    opset = next((o.version for o in parsed.opset_import if not o.domain), 0)
    if opset not in IR_VERSIONS:
        raise _foreign(label, f"nnc writes no models of opset {opset}")
    found = {tensor.name: tensor for tensor in parsed.graph.initializer}
    weights = {name: np.empty(weight.shape, np.float32) for name, weight in graph.weights.items()}
    for stored in assembled(graph, opset).stored.values():
        # Names are changed only where an input or output has the same.
        array = _array(found, stored.handle.wish, label)
        try:
            parts = stored.unpack(array)
            for rows, part in zip(stored.sources, parts, strict=True):
                target = rows.of(weights[rows.weight])
                if target.shape != part.shape:
                    raise ValueError
                target[...] = part
        except (ValueError, IndexError):
            raise _foreign(label, f"`{stored.handle.wish}` has shape {list(array.shape)}") from None
    return dict(weights)


def _parsed(model: str | os.PathLike[str] | bytes, label: str) -> onnx.ModelProto:
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    if not isinstance(model, bytes):
        with open(model, "rb") as file:
            model = file.read()
    try:
        return onnx.ModelProto.FromString(model)
    except DecodeError:
        raise _foreign(label, "it is no ONNX file") from None


def _array(found: Mapping[str, Any], name: str, label: str) -> Array:
    tensor = found.get(name)
    if tensor is None:
        raise _foreign(label, f"it lacks `{name}`")
    shape = tuple(tensor.dims)
    if tensor.data_type != 1 or tensor.external_data or min(shape, default=0) < 0:
        raise _foreign(label, f"`{name}` isn't a tensor of float32 inside the file")
    if len(tensor.raw_data) != 4 * int(np.prod(shape, dtype=object)):
        raise _foreign(label, f"`{name}` is incomplete")
    return np.frombuffer(tensor.raw_data, "<f4").reshape(shape)


def _foreign(label: str, why: str) -> Failed:
    return Failed(
        [
            Diagnostic(
                "E609",
                f"{label} is not an ONNX model of this spec that nnc wrote: {why}",
                help="give the spec that it was compiled from, or weights as safetensors",
            )
        ]
    )
