"""Files of arrays of any size: mapped where they lie, or unpacked into files that go with them."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from nnc.backends.pieces import columns, tables
from nnc.training.data import stored
from nnc.training.data.dataset import Array, Rows
from nnc.training.data.faults import failed, values
from nnc.training.data.stored import Growing

_BYTES = 2**20
_PART = 2**24
"""How many bytes of an array are looked at together."""


# ---- files -----------------------------------------------------------------------------------


def read_idx(*paths: str) -> dict[Any, Any]:
    """As in the pieces."""
    content = [(path, _content(Path(path))) for path in paths]
    found = [tables.idx_array(x, Path(path).name) for path, x in content]
    return dict(zip(("images", "labels"), found, strict=False))


def _content(path: Path) -> Array:
    """The bytes of a file, unpacked."""
    if path.suffix == ".gz":
        with gzip.open(path) as file:
            return _unpacked(file)
    return _mapped(path, 0, path.stat().st_size)


def _unpacked(file: IO[bytes] | gzip.GzipFile) -> Array:
    found = Growing()
    found.add(np.empty(0, np.uint8))
    while part := file.read(_BYTES):
        found.add(np.frombuffer(part, np.uint8))
    return found.column()


def _mapped(path: Path, start: int, size: int) -> Array:
    # There are no maps of no bytes.
    return np.memmap(path, np.uint8, "r", start, (size,)) if size else np.empty(0, np.uint8)


def read_npy(path: str) -> dict[Any, Any]:
    """As in the pieces."""
    return tables.by_number(_npy(_content(Path(path)), "it"))


def read_npz(path: str) -> dict[Any, Any]:
    """As in the pieces."""
    table: dict[Any, Any] = {}
    with zipfile.ZipFile(path) as archive:
        members = [one for one in archive.infolist() if one.filename.endswith(".npy")]
        for number, member in enumerate(members):
            name = member.filename.removesuffix(".npy")
            table[number] = table[name] = _npy(_member(archive, member), repr(name))
    return table


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """The bytes of an array in an archive, whose check sum is right."""
    if member.flag_bits & 1:
        raise ValueError("it is encrypted")
    with archive.open(member) as file:
        if member.compress_type != zipfile.ZIP_STORED:
            return _unpacked(file)
        while file.read(_BYTES):
            pass
    path = Path(str(archive.filename))
    with path.open("rb") as raw:
        raw.seek(member.header_offset)
        name, extra = struct.unpack("<26x2H", raw.read(30))
    return _mapped(path, member.header_offset + 30 + name + extra, member.file_size)


def _npy(content: Array, name: str) -> Array:
    """The array that the bytes of an `.npy` file are. Raises ValueError for what is none."""
    head = io.BytesIO(content[:_BYTES].tobytes())
    try:
        old = np.lib.format.read_magic(head) == (1, 0)
        read = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
        shape, fortran, kind = read(head)
    except ValueError:
        raise ValueError(f"{name} is no array of numbers as NumPy writes it") from None
    if kind.hasobject:
        raise ValueError(f"{name} holds Python objects, which are never loaded")
    size = int(np.prod(shape, dtype=object)) * kind.itemsize
    data = content[head.tell() : head.tell() + size]
    if len(data) < size:
        raise ValueError(f"{name} ends too early")
    return data.view(kind).reshape(shape, order="F" if fortran else "C")


# ---- columns ---------------------------------------------------------------------------------


class Beside:
    """Columns of arrays side by side; `beside[rows]` reads these rows."""

    def __init__(self, table: Mapping[Any, Any], keys: Sequence[int | str]) -> None:
        self._table = {key: table[key] for key in keys}
        self._keys = tuple(keys)

    def __len__(self) -> int:
        return len(next(iter(self._table.values())))

    def __getitem__(self, rows: Rows | slice) -> Any:
        part = {key: column[rows] for key, column in self._table.items()}
        return columns.numbers(part, *self._keys, missing=True)


def column(table: Mapping[Any, Any], keys: Sequence[int | str]) -> Array | Beside | None:
    """These columns without reading them: None where they are no large arrays of numbers."""
    found = [table[key] for key in keys]
    plain = all(isinstance(x, np.ndarray) and x.ndim and x.dtype.kind in "iuf" for x in found)
    if not plain or sum(x.nbytes for x in found) <= stored.LIMIT:
        return None
    return found[0] if len(found) == 1 else Beside(table, keys)


def parts(count: int, size: int) -> Iterator[Rows]:
    """The rows of parts of a column; `size` is that of a row in bytes."""
    step = max(_PART // max(size, 1), 1)
    for start in range(0, count, step):
        yield np.arange(start, min(start + step, count))


def refuse_empty(table: Mapping[Any, Any], keys: Sequence[int | str], file: str) -> None:
    """Raise Failed for an array that is a single number (E613), or of no examples (E611)."""
    for key in keys:
        if isinstance(table[key], np.ndarray) and not table[key].ndim:
            raise failed("E613", f"{file}: {key!r} is a single number, not one for each example")
        if not len(table[key]):
            raise failed("E611", f"{file}: there are no examples")


def refuse_unknown(
    table: Mapping[Any, Any], keys: Sequence[int | str], file: str, *, missing: bool = False
) -> None:
    """Raise Failed (E614) where columns hold what is no number, looked at part by part."""
    for key in keys:
        x = table[key]
        for rows in parts(len(x), x.nbytes // max(len(x), 1)):
            with values("E614", file, rows=rows):
                columns.numbers({key: x[rows[0] : rows[-1] + 1]}, key, missing=missing)
