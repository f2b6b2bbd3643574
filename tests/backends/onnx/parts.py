"""Parts of a training graph on their own: arrays in, arrays out, on onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnxruntime

from nnc.backends.base import Precision
from nnc.backends.onnx import model
from nnc.backends.onnx.assembly import Array, Assembly, Handle
from nnc.compiler.ir import Graph

OPSETS = (18, 26)
"""The oldest and the newest that a model can be of."""
_DTYPES: dict[str, Any] = {
    "float32": "f32",
    "float64": "f64",
    "int64": "i64",
    "int32": "i32",
    "uint8": "u8",
}
Write = Callable[[Assembly, Mapping[str, Handle]], Mapping[str, Handle]]
"""What writes a part: from the handles of its inputs to those of its results."""


class Part:
    """A part of a model, running."""

    def __init__(self, write: Write, inputs: Mapping[str, Array], precision: Precision) -> None:
        self.assembly = Assembly(Graph("Part", (), (), ()), 20, precision)
        self._given = {name: Handle(name) for name in inputs}
        self._results = dict(write(self.assembly, self._given))
        self._inputs = {name: np.asarray(array) for name, array in inputs.items()}
        self._sessions = [self._session(opset) for opset in OPSETS]

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The results by name, the same in every opset."""
        feeds = {name: np.asarray(array) for name, array in inputs.items()}
        first, *others = (session.run(None, feeds) for session in self._sessions)
        for other in others:
            for x, y in zip(first, other, strict=True):
                np.testing.assert_array_equal(x, y)
        return dict(zip(self._results, first, strict=True))

    def _session(self, opset: int) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(self._bytes(opset), options)

    def _bytes(self, opset: int) -> bytes:
        assembly = self.assembly
        names: dict[Handle, str] = {handle: name for name, handle in self._given.items()}
        names |= {handle: f"result {name}" for name, handle in self._results.items()}
        for handle in (*(c.handle for c in assembly.constants), *assembly.made):
            names.setdefault(handle, f"{handle.wish} {len(names)}")
        nodes = b"".join(
            model.node(
                node.operator,
                node.name,
                ["" if handle is None else names[handle] for handle in node.inputs],
                [names[handle] for handle in node.outputs],
                node.attributes,
            )
            for node in assembly.nodes
        )
        tensors = tuple(
            chunk for c in assembly.constants for chunk in model.tensor(names[c.handle], c.array)
        )
        ends = b"".join(
            model.graph_input(name, _DTYPES[array.dtype.name], array.shape)
            for name, array in self._inputs.items()
        )
        ends += b"".join(_output(f"result {name}") for name in self._results)
        whole = model.model(opset, "tests", "0", nodes + model.graph_name("part"), tensors, ends)
        return b"".join(whole)


def _output(name: str) -> bytes:
    """An output whose type the runtime finds out."""
    from nnc.backends.onnx.protobuf import message, text

    return message(12, text(1, name))
