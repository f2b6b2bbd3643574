"""What is asked of a model before a runtime may see it."""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

from nnc.backends.onnx.foreign.records import Model, Node, Tensor, read
from nnc.backends.onnx.foreign.wire import Damaged
from nnc.backends.onnx.model import IR_VERSIONS, MAXIMUM_BYTES
from nnc.compiler.diagnostics import Diagnostic, Failed, did_you_mean

OPSETS: Final = range(7, max(IR_VERSIONS) + 1)
"""What onnxruntime 1.31 reads."""
FORMATS: Final = range(3, max(IR_VERSIONS.values()) + 1)
DOMAINS: Final = {"": OPSETS, "ai.onnx.ml": range(1, 6), "com.microsoft": range(1, 2)}
_WIDTHS: Final = {
    4: (21, 22, 23),
    8: (2, 3, 9, 17, 18, 19, 20, 24),
    16: (4, 5, 10, 16),
    32: (1, 6, 12),
    64: (7, 11, 13, 14),
    128: (15,),
}
_BITS: Final = {element: bits for bits, elements in _WIDTHS.items() for element in elements}
"""The bits of an element by the number of its type."""
_TEXT: Final = 8
_AXES: Final = 64
_MOST: Final = 2**31
"""The largest tensor, in elements, that a node may make of a constant shape."""
_SHAPES: Final = {"ConstantOfShape": 0, "Expand": 1, "Tile": 1}
"""Operators that make a tensor of a size that another tensor holds: which input that is."""
_SHOWN: Final = 5


def inspected(path: Path) -> Model:
    """The records of the model in a file, once it may be run.

    Raises Failed (E711 to E715), OSError when it can't be read.
    """
    model = _read(path)
    _check_versions(path.name, model)
    _check_operators(path.name, model)
    for tensor in model.tensors:
        _check_tensor(path, tensor)
    _check_shapes(path.name, model)
    return model


def _failed(code: str, message: str, help: str) -> Failed:
    return Failed([Diagnostic(code, message, help=help)])


def _unreadable(label: str, why: str) -> Failed:
    return _failed("E711", f"{label} is not a readable ONNX model: {why}", "export it again")


def _read(path: Path) -> Model:
    with path.open("rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise _unreadable(path.name, "it is no ordinary file")
        if not about.st_size:
            raise _unreadable(path.name, "it is empty")
        if about.st_size > MAXIMUM_BYTES:
            raise _unreadable(path.name, "it is larger than 2 GB, where the format ends")
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        model = read(memoryview(memory))
    except Damaged as damaged:
        raise _unreadable(path.name, str(damaged)) from None
    if model.graphs != 1 or not model.nodes or not model.outputs:
        raise _unreadable(path.name, "there is no graph in it")
    return model


def _check_versions(label: str, model: Model) -> None:
    if model.version not in FORMATS:
        raise _failed(
            "E712",
            f"{label} is of IR version {model.version}; {FORMATS[0]} to {FORMATS[-1]} are read",
            "export it again with another version",
        )
    for domain, version in model.opsets.items():
        known = DOMAINS.get(domain)
        if known is not None and version not in known:
            name = f"opset {version}" + (f" of {domain}" if domain else "")
            raise _failed(
                "E712",
                f"{label} uses {name}; {known[0]} to {known[-1]} are read",
                "export it again with another opset",
            )
    if "" not in model.opsets and any(not node.domain for node in model.nodes):
        raise _unreadable(label, "it doesn't say which opset it uses")


def _check_operators(label: str, model: Model) -> None:
    from onnx import defs

    unknown = {}
    for node in model.nodes:
        key = (node.domain, node.operator)
        if key in unknown or key in model.functions or node.domain == "com.microsoft":
            continue
        version = model.opsets.get(node.domain, 1)
        if node.domain not in DOMAINS or not defs.has(node.operator, version, node.domain):
            unknown[key] = node
    if unknown:
        raise _unknown(label, list(unknown.values()))
    if model.sparse:
        raise _failed(
            "E715", f"{label} holds sparse tensors, which aren't read", "export it without them"
        )


def _unknown(label: str, nodes: list[Node]) -> Failed:
    from onnx import defs

    shown = ", ".join(f"`{_full(node)}`" for node in nodes[:_SHOWN])
    more = f" and {len(nodes) - _SHOWN} more" if len(nodes) > _SHOWN else ""
    known = {schema.name for schema in defs.get_all_schemas()} if not nodes[0].domain else set()
    return _failed(
        "E715",
        f"{label} uses operators that aren't known: {shown}{more}",
        did_you_mean(nodes[0].operator[:100], known)
        or "export it with operators of the standard; code for others is never loaded",
    )


def _full(node: Node) -> str:
    operator = node.operator[:100] or "an operator without a name"
    return f"{node.domain[:100]}.{operator}" if node.domain else operator


# ---- tensors ---------------------------------------------------------------------------------


def _check_tensor(path: Path, tensor: Tensor) -> None:
    """Raise Failed unless the numbers that a tensor declares are there (E713, E714)."""
    if min(tensor.dims, default=0) < 0 or len(tensor.dims) > _AXES:
        raise _sizes(path.name, tensor, "there are no such tensors")
    count = prod(tensor.dims)
    if tensor.element == _TEXT:
        if tensor.location is not None or tensor.strings != count:
            raise _sizes(path.name, tensor, f"{tensor.strings} texts are there")
        return
    bits = _BITS.get(tensor.element)
    if bits is None:
        raise _sizes(path.name, tensor, f"there is no element type {tensor.element}")
    wanted = -(-count * bits // 8)
    if tensor.location is not None:
        _check_outside(path, tensor, tensor.location, wanted)
    elif tensor.raw is not None:
        if tensor.raw != wanted:
            raise _sizes(path.name, tensor, f"{tensor.raw:,} bytes are there, not {wanted:,}")
    elif tensor.typed < -(-count * min(bits, 8) // 8):
        raise _sizes(path.name, tensor, f"{tensor.typed:,} bytes are there")


def _sizes(label: str, tensor: Tensor, why: str) -> Failed:
    shape = ", ".join(map(str, tensor.dims[:8])) + (", …" if len(tensor.dims) > 8 else "")
    return _failed(
        "E714",
        f"the tensor `{tensor.name[:100]}` of {label} is declared as [{shape}], but {why}",
        "the file is damaged, or was made to do damage: get it again from where you trust",
    )


def _check_outside(path: Path, tensor: Tensor, where: dict[str, str], wanted: int) -> None:
    """Numbers in another file: inside the model's folder, an ordinary file, long enough."""
    location = where.get("location", "")
    why = _leaves(location) or _unusable(path.parent, PurePosixPath(location))
    if why is None:
        try:
            offset, length = int(where.get("offset", "0")), int(where.get("length", wanted))
        except ValueError:
            offset, length = -1, 0
        size = (path.parent / location).stat().st_size
        if length != wanted or offset < 0 or offset + length > size:
            raise _sizes(path.name, tensor, f"its numbers aren't in `{location[:100]}`")
        return
    raise _failed(
        "E713",
        f"the tensor `{tensor.name[:100]}` of {path.name} lies in `{location[:100]}`, {why}",
        "a model reads files of its own folder alone: put the numbers there, as a file of a name",
    )


def _leaves(location: str) -> str | None:
    """Why a location isn't a path inside a folder, or None."""
    if not location or not location.isprintable():
        return "which is no name of a file"
    posix, windows = PurePosixPath(location), PureWindowsPath(location)
    if posix.is_absolute() or windows.is_absolute() or windows.drive or windows.root:
        return "an absolute path"
    if ".." in (*posix.parts, *windows.parts):
        return "which leaves the folder of the model"
    return None


def _unusable(folder: Path, location: PurePosixPath) -> str | None:
    """Why a path below a folder may not be read, or None. Links are not followed."""
    place = folder
    for part in location.parts:
        place /= part
        try:
            mode = place.lstat().st_mode
        except (OSError, ValueError):
            return "which is missing"
        if stat.S_ISLNK(mode):
            return "which is a link"
    return None if stat.S_ISREG(place.lstat().st_mode) else "which is no ordinary file"


def _check_shapes(label: str, model: Model) -> None:
    """Raise Failed (E714) for nodes that make a huge tensor of a constant shape."""
    whole = {t.name: t.whole for t in model.tensors if t.name and t.whole is not None}
    for node, shape in _shaped(model.nodes):
        sizes = whole.get(shape)
        if sizes is not None and prod(sizes) > _MOST:
            shown = ", ".join(map(str, sizes))
            raise _failed(
                "E714",
                f"`{node.name[:100] or node.operator}` of {label} makes a tensor of [{shown}]",
                "the file is damaged, or was made to do damage: get it again from where you trust",
            )


def _shaped(nodes: Iterable[Node]) -> Iterator[tuple[Node, str]]:
    for node in nodes:
        place = _SHAPES.get(node.operator) if not node.domain else None
        if place is not None and place < len(node.inputs):
            yield node, node.inputs[place]
