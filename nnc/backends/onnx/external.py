"""Numbers in a file beside the model: for weights beyond what one message of the format holds.

The file lies in the model's folder and is named in the model by its bare name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from numpy.typing import NDArray

from nnc.backends.onnx import model

SMALLEST: Final = 1024
"""Tensors of fewer bytes stay in the model: shapes and other small constants, which runtimes read
to know the sizes of everything else."""
_ALIGNMENT: Final = 4096
"""Where tensors begin, so that runtimes can map the file into memory."""


@dataclass
class DataFile:
    """A file of numbers that grows with each tensor."""

    name: str
    chunks: list[bytes | memoryview] = field(default_factory=list)
    size: int = 0

    def tensor(self, name: str, array: NDArray[Any]) -> model.Chunks:
        """What stands in the model for a tensor: where it is, or a small one itself."""
        if array.nbytes < SMALLEST:
            return model.tensor(name, array)
        gap = -self.size % _ALIGNMENT
        self.chunks += [bytes(gap), model.contiguous(array)]
        start = self.size + gap
        self.size = start + array.nbytes
        return (model.tensor_elsewhere(name, array, self.name, start),)
