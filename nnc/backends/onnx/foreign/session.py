"""A model that somebody else wrote, running on onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from nnc.backends.base import Arrays
from nnc.backends.inputs import Element, Input
from nnc.backends.onnx.foreign.checks import inspected
from nnc.backends.onnx.foreign.compared import compared
from nnc.backends.onnx.foreign.records import End
from nnc.backends.onnx.model import ELEMENT_TYPES, PREPARES, TEXT
from nnc.compiler.diagnostics import Diagnostic, Failed
from nnc.compiler.types import FLOATS, Symbol

_ELEMENTS: Final[Mapping[int | None, Element]] = {
    **{number: name for name, number in ELEMENT_TYPES.items()},
    TEXT: "text",
}


class ForeignModel:
    """A model file: what it takes, and what it computes."""

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
        prepares = PREPARES in model.metadata
        self.inputs = tuple(_input(path.name, end, prepares=prepares) for end in ends)
        self.compared = compared(model)
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

    def run(self, inputs: Arrays) -> dict[str, Any]:
        """The outputs by name, whatever they are. Raises Failed (E716) when onnxruntime can't
        compute them."""
        names = [output.name for output in self._session.get_outputs()]
        try:
            found = self._session.run(names, dict(inputs))
        except Exception as error:
            raise _refused(self.path.name, error) from None
        return dict(zip(names, found, strict=True))

    def tensors(self, inputs: Arrays) -> Arrays:
        """The outputs by name, texts as objects. Raises Failed (E716) when onnxruntime can't
        compute them, and for an output that is a sequence or a map."""
        found = self.run(inputs)
        for name, output in found.items():
            if not isinstance(output, np.ndarray):
                message = f"the output `{name[:100]}` of {self.path.name} is no tensor"
                cure = "export tensors alone (scikit-learn's converter: `zipmap=False`)"
                raise Failed([Diagnostic("E716", message, help=cure)])
        return found


def _batch(ends: list[End]) -> int | None:
    """The number of examples that a model takes at once, where it is fixed."""
    firsts = (end.dims[0] for end in ends if end.dims)
    return next((size for size in firsts if isinstance(size, int)), None)


def _input(label: str, end: End, *, prepares: bool) -> Input:
    """An input, whose first axis counts examples; a model that prepares its data takes NaN for a
    number that is missing. Raises Failed (E716)."""
    element = _ELEMENTS.get(end.element)
    if element is None or not end.dims:
        what = "no tensor of numbers or texts" if element is None else "no axis for examples"
        message = f"the input `{end.name[:100]}` of {label} has {what}"
        raise Failed([Diagnostic("E716", message, help="run it with onnxruntime itself")])
    shape = tuple(
        dim if isinstance(dim, int) else Symbol(dim or f"{end.name}.{axis}")
        for axis, dim in enumerate(end.dims)
    )
    return Input(end.name, element, shape[1:], gaps=prepares and element in FLOATS)


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
