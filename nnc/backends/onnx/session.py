"""A graph on onnxruntime whose inputs and results may stay with the runtime."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

import nnc
from nnc.backends.base import Arrays, Precision
from nnc.backends.onnx.assembly import NUMPY, Array, Handle
from nnc.backends.onnx.exact import FAILING, spell_out
from nnc.backends.onnx.graph import OnnxGraph, written
from nnc.backends.onnx.model import ELEMENT_TYPES

Tensor: TypeAlias = Any
"""onnxruntime's own array, an `OrtValue`."""
_TYPES = {ELEMENT_TYPES[dtype]: np.dtype(made) for dtype, made in NUMPY.items()}


def tensor(array: Array) -> Tensor:
    """A copy that belongs to the runtime."""
    import onnxruntime

    return onnxruntime.OrtValue.ortvalue_from_numpy(np.array(array, order="C"))


def array(kept: Tensor) -> Array:
    """A copy of what the runtime has."""
    return np.array(kept.numpy())


class Session:
    """A graph, ready to run, on as many threads as `OMP_NUM_THREADS` says, by which other
    frameworks go too. Raises ValueError where onnxruntime has no kernel in this precision."""

    def __init__(self, graph: OnnxGraph, precision: Precision, *, blocked: bool = True) -> None:
        """`blocked`: convolutions may compute in layouts of their own, which doesn't pay where
        everything between them is read in the usual one, too."""
        import onnxruntime

        self._graph = graph
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if threads := os.environ.get("OMP_NUM_THREADS", ""):
            options.intra_op_num_threads = int(threads) if threads.isdecimal() else 0
        levels = onnxruntime.GraphOptimizationLevel
        if precision == "float64":  # fused kernels are for float32
            options.graph_optimization_level = levels.ORT_ENABLE_BASIC
            spell_out(graph)
        elif not blocked:
            options.graph_optimization_level = levels.ORT_ENABLE_EXTENDED
        missing = onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented
        try:
            self._session = onnxruntime.InferenceSession(
                b"".join(written(graph, nnc.__version__).whole),
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=FAILING if precision == "float64" else None,
            )
        except missing as error:
            lacking = str(error).rpartition(" : ")[2]
            message = f"ONNX Runtime can't train this in {precision}, other backends can: {lacking}"
            raise ValueError(message) from error
        self._binding = self._session.io_binding()
        self._bound: dict[str, Tensor] = {}
        """What stays bound from run to run, by the names of inputs and outputs."""
        self._types = {end.name: _TYPES[end.element] for end in graph.inputs}

    def __call__(
        self, arrays: Arrays, kept: Mapping[str, Tensor], made: Mapping[str, Tensor] | None = None
    ) -> Arrays:
        """The results by name. Inputs are taken from `arrays` first, then from `kept`; results that
        have a place in `made` are written there and not given."""
        made = made or {}
        given = {
            name: np.asarray(x, self._types[name], order="C")
            for name, x in arrays.items()
            if name in self._types
        }  # alive until the run is over
        for name in self._types:
            if name in given:
                self._binding.bind_cpu_input(name, given[name])
                self._bound.pop(name, None)
            elif self._bound.get(name) is not kept[name]:
                self._binding.bind_ortvalue_input(name, kept[name])
                self._bound[name] = kept[name]
        free: dict[str, int] = {}
        for number, end in enumerate(self._graph.outputs):
            place = made.get(end.name)
            if place is None:
                self._binding.bind_output(end.name)
                free[end.name] = number
            elif self._bound.get(end.name) is not place:
                self._binding.bind_ortvalue_output(end.name, place)
                self._bound[end.name] = place
        self._session.run_with_iobinding(self._binding)
        found = self._binding.get_outputs() if free else []
        return {name: array(found[number]) for name, number in free.items()}

    def overwrites(self, prefix: str) -> set[str]:
        """The inputs whose memory the output of the same name behind `prefix` may take: nothing
        reads the input once the output is written."""
        makers, users = self._graph.makers(), self._graph.users()
        inputs = {end.name: end.handle for end in self._graph.inputs}
        found = set()
        for end in self._graph.outputs:
            before = inputs.get(end.name.removeprefix(prefix))
            if before is None or not end.name.startswith(prefix):
                continue
            last = makers[end.handle]
            seen, waiting = {last.name}, [last]
            while waiting:
                for handle in waiting.pop().inputs:
                    node = makers.get(handle) if isinstance(handle, Handle) else None
                    if node is not None and node.name not in seen:
                        seen.add(node.name)
                        waiting.append(node)
            if all(user.name in seen for user in users.get(before, [])):
                found.add(end.name.removeprefix(prefix))
        return found
