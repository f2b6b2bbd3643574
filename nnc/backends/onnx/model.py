"""The ONNX format: element types, versions, and the messages that a model is made of.

The numbers of fields and types are those of the format's definition (onnx.proto). Tensors are not
copied: their memory follows the head of their field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnc.backends.protobuf import head, integer, integers, message, real, text, texts
from nnc.compiler.diagnostics import Diagnostic, Failed
from nnc.compiler.types import DType, Shape

Chunks: TypeAlias = "tuple[bytes | memoryview, ...]"
Attribute: TypeAlias = int | float | str | bytes | Sequence[int] | Sequence[float] | Sequence[str]
"""Bytes are a graph: the body of a loop."""

ELEMENT_TYPES: Final[Mapping[DType, int]] = {
    "f32": 1,
    "u8": 2,
    "i32": 6,
    "i64": 7,
    "bool": 9,
    "f16": 10,
    "f64": 11,
}
UNSIGNED: Final = 13
"""The element type that random bits are computed in: whole numbers of 64 bits without sign."""
NUMPY_TYPES: Final[Mapping[str, int]] = {
    "float32": 1,
    "uint8": 2,
    "int8": 3,
    "int32": 6,
    "int64": 7,
    "float64": 11,
    "bool": 9,
    "float16": 10,
    "uint64": 13,
}

TEXT: Final = 8
"""The element type of texts, which the language doesn't have."""
PREPARES: Final = "nnc.preparations.sha256"
"""What stands in the metadata of a model that prepares its data: a digest of what was learnt."""
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
DOMAINS: Final[Mapping[str, tuple[str, int]]] = {
    **dict.fromkeys(("FusedConv", "FusedGemm", "Tokenizer"), ("com.microsoft", 1)),
    "LabelEncoder": ("ai.onnx.ml", 3),
}
"""Operators beyond the default domain -> their domain and its version. The first is onnxruntime's
own, the second ONNX's for machine learning."""
_HEADER: Final = 1024
"""More than what stands around the graph in a model."""


def model(
    opset: int,
    producer: str,
    version: str,
    nodes_and_name: bytes,
    tensors: Chunks,
    ends: bytes,
    about: bytes = b"",
    *,
    domains: Iterable[tuple[str, int]] = (),
) -> Chunks:
    """A model's bytes; its graph is nodes and name, tensors, inputs and outputs (and what is said
    of other values), in this order;
    `about` is its metadata, `domains` are those beyond the default one, with their versions.

    Raises Failed (E703) beyond 2 GB.
    """
    length = len(nodes_and_name) + sum(map(_bytes, tensors)) + len(ends)
    if length + len(about) + _HEADER > MAXIMUM_BYTES:
        raise Failed(
            [
                Diagnostic(
                    "E703",
                    f"the model has {length:,} bytes, but an ONNX file ends at {MAXIMUM_BYTES:,}",
                    help="`nnc export --external-data` writes the weights beside the model",
                )
            ]
        )
    first = integer(1, IR_VERSIONS[opset]) + text(2, producer) + text(3, version)
    imported = (("", opset), *sorted(domains))
    opsets = b"".join(message(8, text(1, name), integer(2, number)) for name, number in imported)
    return (first + head(7, length), nodes_and_name, *tensors, ends, opsets + about)


def metadata(entries: Mapping[str, str]) -> bytes:
    """Properties of a model by name, sorted."""
    return b"".join(
        message(14, text(1, key), text(2, value)) for key, value in sorted(entries.items())
    )


def graph_name(name: str) -> bytes:
    return text(2, name)


def node(
    operator: str,
    name: str,
    inputs: Iterable[str],
    outputs: Iterable[str],
    attributes: Mapping[str, Attribute],
) -> bytes:
    """A node of a graph."""
    described = (_attribute(key, value) for key, value in sorted(attributes.items()))
    names = texts(1, inputs), texts(2, outputs), text(3, name), text(4, operator)
    domain = text(7, DOMAINS[operator][0]) if operator in DOMAINS else b""
    return message(1, *names, *described, domain)


def body(
    name: str,
    nodes: Iterable[bytes],
    inputs: Iterable[tuple[str, int]],
    outputs: Iterable[tuple[str, int]],
) -> bytes:
    """The graph of a loop's body: nodes, and the names and element types of its ends."""
    ends = [*(_end(11, *end) for end in inputs), *(_end(12, *end) for end in outputs)]
    return b"".join((*nodes, text(2, name), *ends))


def _end(field: int, name: str, element: int) -> bytes:
    """An input or output of a body; its shape is found out."""
    return message(field, text(1, name), message(2, message(1, integer(1, element))))


def _attribute(name: str, value: Attribute) -> bytes:
    match value:
        case bytes():
            return message(5, text(1, name), message(6, value), integer(20, 5))
        case int():
            return message(5, text(1, name), integer(3, value), integer(20, 2))
        case float():
            return message(5, text(1, name), real(2, value), integer(20, 1))
        case str():
            return message(5, text(1, name), text(4, value), integer(20, 3))
        case [str(), *_]:
            strings = map(str, value)
            return message(5, text(1, name), texts(9, strings), integer(20, 8))
        case [float(), *_]:
            reals = (real(7, float(number)) for number in value)
            return message(5, text(1, name), *reals, integer(20, 6))
        case _:
            numbers = map(int, value)
            return message(5, text(1, name), integers(8, numbers), integer(20, 7))


def tensor(name: str, array: NDArray[Any]) -> Chunks:
    """A stored tensor of a graph; small ones in one piece, large ones with their own memory."""
    if array.dtype.kind == "U":
        return (message(5, _of_texts(name, array)),)
    memory = contiguous(array)
    described = _described(name, array) + head(9, memory.nbytes)
    first = head(5, len(described) + memory.nbytes) + described
    return (first, memory) if memory.nbytes > 256 else (first + bytes(memory),)


def tensor_elsewhere(name: str, array: NDArray[Any], file: str, offset: int) -> bytes:
    """A stored tensor of a graph whose numbers are in another file of the model's folder."""
    where = {"location": file, "offset": str(offset), "length": str(array.nbytes)}
    entries = (message(13, text(1, key), text(2, value)) for key, value in where.items())
    return message(5, _described(name, array), *entries, integer(14, 1))


def tensor_file(name: str, array: NDArray[Any]) -> Chunks:
    """A tensor that is a file of its own, as test vectors are."""
    if array.dtype.kind == "U":
        return (_of_texts(name, array),)
    memory = contiguous(array)
    return (_described(name, array) + head(9, memory.nbytes), memory)


def _of_texts(name: str, array: NDArray[Any]) -> bytes:
    strings = texts(6, array.ravel().tolist())
    return integers(1, array.shape) + integer(2, TEXT) + strings + text(8, name)


def contiguous(array: NDArray[Any]) -> memoryview:
    """The numbers of an array as the format has them: in row-major order, little-endian."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return little.reshape(-1).data.cast("B")


def _described(name: str, array: NDArray[Any]) -> bytes:
    kind = integer(2, NUMPY_TYPES[array.dtype.name])
    return integers(1, array.shape) + kind + text(8, name)


def graph_input(name: str, element: int, shape: Shape) -> bytes:
    return _value(11, name, element, shape)


def graph_output(name: str, element: int, shape: Shape) -> bytes:
    return _value(12, name, element, shape)


def graph_value(name: str, element: int, shape: Shape) -> bytes:
    """What is said of a value inside a graph."""
    return _value(13, name, element, shape)


def _value(field: int, name: str, element: int, shape: Shape) -> bytes:
    sizes = (
        message(1, integer(1, dim) if isinstance(dim, int) else text(2, dim.name)) for dim in shape
    )
    type_ = message(1, integer(1, element), message(2, *sizes))
    return message(field, text(1, name), message(2, type_))


def _bytes(chunk: bytes | memoryview) -> int:
    return chunk.nbytes if isinstance(chunk, memoryview) else len(chunk)
