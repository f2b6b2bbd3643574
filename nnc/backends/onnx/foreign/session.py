"""A model that somebody else wrote, running on onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from nnc.backends.base import Arrays
from nnc.backends.onnx.foreign.checks import inspected
from nnc.backends.onnx.foreign.records import End
from nnc.backends.onnx.model import ELEMENT_TYPES, TEXT
from nnc.compiler.diagnostics import Diagnostic, Failed
from nnc.compiler.ir import Graph, Program, Value
from nnc.compiler.types import DType, Symbol, TensorType

_DTYPES: Final[Mapping[int | None, DType]] = {n: name for name, n in ELEMENT_TYPES.items()}


class ForeignModel:
    """A model file: what it takes as a program without layers, and what it computes."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        """Check the file and load it; `threads` 0 leaves their number to onnxruntime.

        Raises Failed (E711 to E716), OSError when it can't be read.
        """
        import onnxruntime

        self.path = Path(os.path.realpath(path))
        model = inspected(self.path)
        stored = {tensor.name for tensor in model.tensors}
        # Models of old versions list their weights among the inputs.
        ends = [end for end in model.inputs if end.name not in stored]
        self.metadata = model.metadata
        self.nodes = len(model.nodes)
        self.batch = _batch(ends)
        self.program = Program(Graph("Model", tuple(_value(path.name, e) for e in ends), (), ()))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(
                str(self.path),
                options,
                providers=["CPUExecutionProvider"],
                enable_fallback=0,  # a second try would be told on stdout
            )
        except Exception as error:  # onnxruntime's exceptions have no other class in common
            raise _refused(path.name, error) from None

    def outputs(self, inputs: Arrays) -> Arrays:
        """The outputs by name. Raises Failed (E716) when onnxruntime can't compute them."""
        names = [output.name for output in self._session.get_outputs()]
        try:
            found = self._session.run(names, dict(inputs))
        except Exception as error:
            raise _refused(self.path.name, error) from None
        return {name: np.asarray(array) for name, array in zip(names, found, strict=True)}


def _batch(ends: list[End]) -> int | None:
    """The number of examples that a model takes at once, where it is fixed."""
    firsts = (end.dims[0] for end in ends if end.dims)
    return next((size for size in firsts if isinstance(size, int)), None)


def _value(label: str, end: End) -> Value:
    """An input as a value of the IR; its first axis counts examples."""
    dtype = _DTYPES.get(end.element)
    if dtype is None or not end.dims:
        why = "no tensor of numbers" if dtype is None else "no axis for examples"
        cure = "run it with onnxruntime itself"
        if end.element == TEXT:
            why, cure = "texts", f"{cure}, or predict with the run that it was exported from"
        raise Failed(
            [
                Diagnostic(
                    "E716",
                    f"the input `{end.name[:100]}` of {label} has {why}",
                    help=cure,
                )
            ]
        )
    shape = tuple(
        dim if isinstance(dim, int) else Symbol(dim or f"{end.name}.{axis}")
        for axis, dim in enumerate(end.dims)
    )
    return Value(end.name, TensorType(dtype, shape[1:]))


def _refused(label: str, error: Exception) -> Failed:
    said = " ".join(str(error).split()).split(" : ", 2)[-1][:300]
    return Failed(
        [
            Diagnostic(
                "E716",
                f"onnxruntime can't run {label}: {said}",
                help="export it again, or run it with the runtime that it was made for",
            )
        ]
    )
