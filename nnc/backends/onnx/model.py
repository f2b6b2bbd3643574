"""The ONNX format: element types, versions, and a model's bytes written without copying its
tensors.

A protocol-buffer message is a row of fields, each with a tag, a length and its bytes, so that a
large field can be written as its tag and length, followed by memory that lies elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnc.compiler.diagnostics import Diagnostic, Failed
from nnc.compiler.types import DType

if TYPE_CHECKING:
    import onnx

Chunks: TypeAlias = "list[bytes | memoryview]"

ELEMENT_TYPES: Final[Mapping[DType, int]] = {
    "f32": 1,
    "u8": 2,
    "i32": 6,
    "i64": 7,
    "bool": 9,
    "f64": 11,
}
"""The numbers of the element types in the format (TensorProto.DataType)."""
NUMPY_TYPES: Final[Mapping[str, int]] = {"float32": 1, "int64": 7, "float64": 11}
IR_VERSIONS: Final[Mapping[int, int]] = {
    18: 8,
    19: 9,
    20: 9,
    21: 10,
    22: 10,
    23: 11,
    24: 12,
    25: 13,
    26: 13,
}
"""Opset -> the version of the format that was current with it: what runtimes of its time read."""
MAXIMUM_BYTES: Final = 2**31 - 1
"""The largest message that readers of the format take."""

# Field numbers of the format.
_GRAPH_OF_MODEL, _TENSOR_OF_GRAPH, _BYTES_OF_TENSOR = 7, 5, 9


def serialized(
    model: onnx.ModelProto, graph: onnx.GraphProto, tensors: Sequence[tuple[str, NDArray[Any]]]
) -> tuple[bytes | memoryview, ...]:
    """The bytes of a model with this graph and these named tensors, in parts; the tensors aren't
    copied.

    `model` has no graph and `graph` no tensors. Raises Failed (E703) beyond 2 GB.
    """
    body: Chunks = [graph.SerializeToString(deterministic=True)]
    for name, array in tensors:
        body += _tensor(name, array)
    length = sum(map(_bytes, body))
    if length > MAXIMUM_BYTES - 1024:
        raise Failed(
            [
                Diagnostic(
                    "E703",
                    f"the model has {length:,} bytes, but an ONNX file ends at {MAXIMUM_BYTES:,}",
                    help="compile for another backend, or make the model smaller",
                )
            ]
        )
    head = model.SerializeToString(deterministic=True)
    return (head, _head(_GRAPH_OF_MODEL, length), *body)


def _tensor(name: str, array: NDArray[Any]) -> Chunks:
    import onnx

    element_type = NUMPY_TYPES[array.dtype.name]
    described = onnx.TensorProto(name=name, data_type=element_type, dims=array.shape)
    header = described.SerializeToString(deterministic=True)
    header += _head(_BYTES_OF_TENSOR, array.nbytes)
    memory = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).data.cast("B")
    field = _head(_TENSOR_OF_GRAPH, len(header) + array.nbytes)
    return [field + header, memory] if array.nbytes > 256 else [field + header + bytes(memory)]


def _head(field: int, length: int) -> bytes:
    """Tag and length of a field made of bytes (wire type 2)."""
    return _varint(field << 3 | 2) + _varint(length)


def _varint(number: int) -> bytes:
    """A whole number in groups of seven bits, the lowest first; all but the last are marked."""
    groups = bytearray()
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def _bytes(chunk: bytes | memoryview) -> int:
    return chunk.nbytes if isinstance(chunk, memoryview) else len(chunk)
