"""The parts of a model that are looked at, as records; the rest of a file is passed over.

The numbers of fields are those of the format's definition (onnx.proto).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

from nnc.backends.onnx.foreign.wire import Damaged, Reader, signed

_DEEPEST: Final = 16
"""How deep graphs within graphs may be."""
_NAME: Final = 4096
"""The longest name, in bytes."""
_SMALL: Final = 64
"""Whole numbers are read out of tensors of at most so many bytes, and so many bytes of others."""
_TEXTS: Final = 16
"""How many texts of a tensor are read."""


@dataclass
class Tensor:
    """A stored tensor: what it declares, and how many bytes are there for it."""

    name: str = ""
    dims: list[int] = field(default_factory=list)
    element: int = 0
    raw: int | None = None
    typed: int = 0
    strings: int = 0
    location: dict[str, str] | None = None
    whole: tuple[int, ...] | None = None
    """The numbers of a small tensor of 64-bit whole numbers."""
    begin: bytes = b""
    """The first of the bytes that hold its numbers."""
    texts: list[str] = field(default_factory=list)
    """The first of its texts."""


@dataclass
class End:
    """An input or output; `element` is None for what is no tensor, `dims` for an unknown rank."""

    name: str = ""
    element: int | None = None
    dims: list[int | str] | None = None


@dataclass
class Node:
    """One node of a graph or a function."""

    name: str = ""
    operator: str = ""
    domain: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


@dataclass
class Model:
    """What a file holds. `nodes` and `tensors` are those of every graph and function in it."""

    version: int = 0
    producer: str = ""
    opsets: dict[str, int] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    inputs: list[End] = field(default_factory=list)
    outputs: list[End] = field(default_factory=list)
    functions: set[tuple[str, str]] = field(default_factory=set)
    metadata: dict[str, str] = field(default_factory=dict)
    graphs: int = 0
    sparse: bool = False


def read(memory: memoryview) -> Model:
    """The records of a model. Raises Damaged."""
    return _Parser().model(memory)


class _Parser:
    def __init__(self) -> None:
        self._reader = Reader()
        self._model = Model()

    def model(self, memory: memoryview) -> Model:
        made = self._model
        for number, value in self._reader.fields(memory):
            match number, value:
                case 1, int():
                    made.version = signed(value)
                case 2, memoryview():
                    made.producer = _text(value)
                case 7, memoryview():
                    made.graphs += 1
                    self._graph(value, 0)
                case 8, memoryview():
                    domain, version = self._opset(value)
                    made.opsets[domain] = version
                case 14, memoryview():
                    key, text = self._entry(value)
                    made.metadata[key] = text
                case 25, memoryview():
                    self._function(value)
        return made

    def _opset(self, memory: memoryview) -> tuple[str, int]:
        domain, version = "", 0
        for number, value in self._reader.fields(memory):
            if number == 1 and not isinstance(value, int):
                domain = _domain(value)
            elif number == 2 and isinstance(value, int):
                version = signed(value)
        return domain, version

    def _entry(self, memory: memoryview) -> tuple[str, str]:
        parts = {1: "", 2: ""}
        for number, value in self._reader.fields(memory):
            if number in parts and not isinstance(value, int):
                parts[number] = bytes(value).decode("utf-8", "replace")
        return parts[1], parts[2]

    def _function(self, memory: memoryview) -> None:
        name = domain = ""
        for number, value in self._reader.fields(memory):
            match number, value:
                case 1, memoryview():
                    name = _text(value)
                case 7, memoryview():
                    self._node(value, 1)
                case 10, memoryview():
                    domain = _domain(value)
        self._model.functions.add((domain, name))

    def _graph(self, memory: memoryview, deep: int) -> None:
        if deep > _DEEPEST:
            raise Damaged("its graphs stand too deep in one another")
        made = self._model
        for number, value in self._reader.fields(memory):
            if isinstance(value, int):
                continue
            match number:
                case 1:
                    self._node(value, deep)
                case 5:
                    made.tensors.append(self._tensor(value))
                case 11 if not deep:
                    made.inputs.append(self._end(value))
                case 12 if not deep:
                    made.outputs.append(self._end(value))
                case 15:
                    made.sparse = True

    def _node(self, memory: memoryview, deep: int) -> None:
        node = Node()
        self._model.nodes.append(node)
        for number, value in self._reader.fields(memory):
            if isinstance(value, int):
                continue
            match number:
                case 1:
                    node.inputs.append(_text(value))
                case 2:
                    node.outputs.append(_text(value))
                case 3:
                    node.name = _text(value)
                case 4:
                    node.operator = _text(value)
                case 5:
                    self._attribute(value, node, deep)
                case 7:
                    node.domain = _domain(value)

    def _attribute(self, memory: memoryview, node: Node, deep: int) -> None:
        for number, value in self._reader.fields(memory):
            if isinstance(value, int):
                continue
            match number:
                case 5 | 10:
                    tensor = self._tensor(value)
                    if node.operator == "Constant" and node.outputs:
                        tensor.name = node.outputs[0]
                    self._model.tensors.append(tensor)
                case 6 | 11:
                    self._graph(value, deep + 1)
                case 22 | 23:
                    self._model.sparse = True

    def _tensor(self, memory: memoryview) -> Tensor:
        made = Tensor()
        for number, value in self._reader.fields(memory):
            match number, value:
                case 1, int():
                    made.dims.append(signed(value))
                case 1, memoryview():
                    made.dims += self._packed(value)
                case 2, int():
                    made.element = value
                case 8, memoryview():
                    made.name = _text(value)
                case 13, memoryview():
                    key, text = self._entry(value)
                    made.location = {**(made.location or {}), key: text}
                case 14, 1:
                    made.location = made.location or {}
                case _:
                    self._numbers(made, number, value)
        return made

    def _numbers(self, made: Tensor, number: int, value: int | memoryview) -> None:
        """What stands in a tensor: in one of the typed fields, or raw."""
        if number in (4, 5, 7, 10, 11):
            made.typed += 8 if isinstance(value, int) else len(value)
        if isinstance(value, int):
            return
        if number == 6:
            made.strings += 1
            if made.strings <= _TEXTS:
                made.texts.append(bytes(value[:_NAME]).decode("utf-8", "replace"))
        elif number == 7 and len(value) <= _SMALL:
            made.whole = tuple(self._packed(value))
        elif number == 9:
            made.raw = len(value)
            made.begin = bytes(value[:_SMALL])
            if len(value) <= _SMALL and not len(value) % 8:
                made.whole = struct.unpack(f"<{len(value) // 8}q", value)

    def _packed(self, memory: memoryview) -> list[int]:
        """Whole numbers in one field."""
        numbers, place = [], 0
        while place < len(memory):
            end = place
            while end < len(memory) and memory[end] > 127:
                end += 1
            body = memory[place : end + 1]
            number = sum((byte & 127) << 7 * i for i, byte in enumerate(body)) & 2**64 - 1
            numbers.append(signed(number))
            place = end + 1
            self._reader.left -= 1
            if len(body) > 10 or self._reader.left < 0:
                raise Damaged("its bytes make no sense")
        return numbers

    def _end(self, memory: memoryview) -> End:
        made = End()
        for number, value in self._reader.fields(memory):
            if isinstance(value, int):
                continue
            if number == 1:
                made.name = _text(value)
            elif number == 2:
                for kind, type_ in self._reader.fields(value):
                    if kind == 1 and not isinstance(type_, int):
                        self._tensor_type(type_, made)
        return made

    def _tensor_type(self, memory: memoryview, made: End) -> None:
        for number, value in self._reader.fields(memory):
            if number == 1 and isinstance(value, int):
                made.element = value
            elif number == 2 and not isinstance(value, int):
                dims = (d for n, d in self._reader.fields(value) if n == 1)
                made.dims = [self._dim(dim) for dim in dims if not isinstance(dim, int)]

    def _dim(self, memory: memoryview) -> int | str:
        for number, value in self._reader.fields(memory):
            if number == 1 and isinstance(value, int):
                return signed(value)
            if number == 2 and not isinstance(value, int):
                return _text(value)
        return ""


def _domain(memory: memoryview) -> str:
    """The name of a domain; the default one has two."""
    name = _text(memory)
    return "" if name == "ai.onnx" else name


def _text(memory: memoryview) -> str:
    if len(memory) > _NAME:
        raise Damaged(f"a name in it has {len(memory):,} bytes")
    try:
        return bytes(memory).decode("utf-8")
    except UnicodeDecodeError:
        raise Damaged("a name in it is not UTF-8") from None
