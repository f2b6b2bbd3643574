"""Parts of a training graph on their own: arrays in, arrays out, on onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime

from nnc.backends.base import Precision
from nnc.backends.onnx.assembly import Array, Assembly, Handle
from nnc.backends.onnx.graph import End, OnnxGraph, written
from nnc.backends.onnx.model import NUMPY_TYPES
from nnc.compiler.ir import Graph

OPSETS = (18, 26)
"""The oldest and the newest that a model can be of."""
Write = Callable[[Assembly, Mapping[str, Handle]], Mapping[str, Handle]]
"""What writes a part: from the handles of its inputs to those of its results."""
More = Callable[[], Mapping[str, tuple[Handle, Array]]]
"""Inputs that the part asked for itself while it was written."""


class Part:
    """A part of a model, running."""

    def __init__(
        self,
        write: Write,
        inputs: Mapping[str, Array],
        precision: Precision,
        more: More = dict,
    ) -> None:
        self._assembly = Assembly(Graph("Part", (), (), ()), OPSETS[0], precision)
        given = {name: Handle(name) for name in inputs}
        self._results = dict(write(self._assembly, given))
        self._ends = [_end(name, given[name], array) for name, array in inputs.items()]
        self._ends += [_end(name, handle, array) for name, (handle, array) in more().items()]
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
        tensors = {c.handle: c.array for c in self._assembly.constants}
        graph = OnnxGraph("part", opset, tuple(self._ends), (), self._assembly.nodes, tensors)
        model = onnx.ModelProto.FromString(b"".join(written(graph, "0").whole))
        names = graph.names()
        # Without a type: the runtime finds it out.
        results = [onnx.ValueInfoProto(name=names[h]) for h in self._results.values()]
        model.graph.output.extend(results)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(model.SerializeToString(), options)


def _end(name: str, handle: Handle, array: Array) -> End:
    x = np.asarray(array)
    return End(handle, name, NUMPY_TYPES[x.dtype.name], x.shape)
