"""Files of arrays larger than memory: mapped, and the same examples."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnc.backends.pieces import tables
from nnc.compiler.diagnostics import Failed
from nnc.training.data import arrays, learning, open_data, stored
from tests.training.data.test_open import message, program
from tests.training.data.test_streaming import everything

RNG = np.random.default_rng(3)
PIXELS = RNG.integers(0, 256, (101, 2, 3), np.uint8)
KIND = RNG.integers(0, 3, 101)
SPLIT = " split = shares(test=0.2)"


def mapped(x: Any) -> bool:
    """Whether an array lies in a file."""
    return isinstance(x, np.memmap) or (x is not None and mapped(getattr(x, "base", None)))


def idx(x: np.ndarray, kind: int) -> bytes:
    """A file in MNIST's format."""
    head = bytes([0, 0, kind, x.ndim]) + np.array(x.shape, ">u4").tobytes()
    return head + x.astype(x.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").write_bytes(idx(PIXELS, 8))
    (tmp_path / "labels").write_bytes(idx(KIND.astype(np.uint8), 8))
    (tmp_path / "heights").write_bytes(idx(PIXELS.astype(np.float32), 13))
    (tmp_path / "images.gz").write_bytes(gzip.compress(idx(PIXELS, 8)))
    np.savez(tmp_path / "d.npz", pixels=PIXELS, kind=KIND)
    np.savez_compressed(tmp_path / "packed.npz", pixels=np.asfortranarray(PIXELS), kind=KIND)
    np.savez(tmp_path / "ready.npz", x=PIXELS / 7, y=KIND)
    np.save(tmp_path / "d.npy", np.column_stack([RNG.normal(size=(101, 3)), KIND]))
    return tmp_path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is large."""
    monkeypatch.setattr(stored, "LIMIT", 200)
    monkeypatch.setattr(arrays, "_PART", 256)
    monkeypatch.setattr(learning, "_PART", 256)


SOURCES = {
    "npz": 'source = npz("d.npz") x = column("pixels") -> standardize y = column("kind")',
    "packed": 'source = npz("packed.npz") x = column("pixels") -> minmax y = column("kind")',
    "classes": 'source = npz("d.npz") x = column("pixels") y = column("kind") -> category',
    "idx": 'source = idx("images", "labels") x = column("images") -> standardize '
    'y = column("labels")',
    "gz": 'source = idx("images.gz", "labels") x = column("images") -> scale(1 / 255) '
    'y = column("labels")',
    "heights": 'source = idx("heights", "labels") x = column("images") -> standardize '
    'y = column("labels") -> category',
    "npy": 'source = npy("d.npy") x = columns(0, 1, 2, 0, 2, 1) -> standardize -> '
    "reshape([2, 3]) y = column(3) -> category",
}


@pytest.mark.parametrize("name", SOURCES)
def test_what_is_large_is_the_same(name: str, folder: Path, request: pytest.FixtureRequest) -> None:
    made = program(SOURCES[name] + SPLIT, "x: f32[2, 3]")
    fitted, batch = everything(made, folder)
    request.getfixturevalue("small")
    again, other = everything(made, folder)
    assert again == fitted
    for field, array in batch.items():
        assert other[field].dtype == array.dtype
        assert np.array_equal(other[field], array)


def test_arrays_that_are_ready(folder: Path, request: pytest.FixtureRequest) -> None:
    made = program(SOURCES["idx"], "x: f32[2, 3]")
    expected = open_data(made, folder, path=folder / "ready.npz")
    request.getfixturevalue("small")
    found = open_data(made, folder, path=folder / "ready.npz")
    assert found.hash == expected.hash
    rows = np.array([100, 3, 50])
    for name, array in expected.batch(rows).items():
        assert np.array_equal(found.batch(rows)[name], array)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", ["d.npz", "packed.npz"])
def test_archives_are_mapped(name: str, folder: Path) -> None:
    table = arrays.read_npz(str(folder / name))
    assert {*table} == {0, 1, "pixels", "kind"}
    assert np.array_equal(table["pixels"], PIXELS)
    assert np.array_equal(table[1], KIND)
    assert mapped(table["pixels"])
    assert mapped(table["kind"])


@pytest.mark.usefixtures("small")
def test_other_arrays_are_mapped(folder: Path) -> None:
    table = arrays.read_idx(str(folder / "images"), str(folder / "labels"))
    assert mapped(table["images"])
    assert np.array_equal(table["images"], PIXELS)
    assert mapped(arrays.read_idx(str(folder / "images.gz"))["images"])
    assert mapped(arrays.read_npy(str(folder / "d.npy"))["data"])
    column = arrays.column(table, ["images"])
    assert column is table["images"]


@pytest.mark.parametrize("name", ["d.npy", "d.npz", "packed.npz", "images", "images.gz"])
def test_tables_are_those_of_the_pieces(name: str, folder: Path) -> None:
    kind = {"": "idx", ".gz": "idx"}.get(Path(name).suffix, Path(name).suffix[1:])
    found = getattr(arrays, f"read_{kind}")(str(folder / name))
    expected = getattr(tables, f"read_{kind}")(str(folder / name))
    assert [*found] == [*expected]
    for key, array in expected.items():
        assert found[key].dtype == array.dtype
        assert np.array_equal(found[key], array)


@pytest.mark.usefixtures("small")
def test_mistakes_far_down_have_their_row(folder: Path) -> None:
    x = np.ones((101, 2), np.float32)
    x[77, 1] = np.inf
    np.savez(folder / "d.npz", x=x, y=KIND)
    made = program('source = npz("d.npz") x = column("x") y = column("y")')
    ready = program(SOURCES["npy"], "x: f32[2]")
    expected = "E614 d.npz: column 'x', row 78: inf is not finite"
    assert message(made, folder) == expected
    assert message(ready, folder, path=folder / "d.npz") == expected
    x[77, 1] = np.nan
    np.savez(folder / "d.npz", x=x, y=KIND)
    assert message(made, folder) == "E614 d.npz: column 'x', row 78: a number is missing"


def test_whole_numbers_far_down(tmp_path: Path) -> None:
    y = np.zeros(5000)
    y[4999] = 0.5
    np.savez(tmp_path / "d.npz", x=np.ones((5000, 2)), y=y)
    made = program('source = npz("d.npz") x = column("x") y = column("y")')
    ready = program(SOURCES["npy"], "x: f32[2]")
    expected = "E613 d.npz: row 5000: y must be whole numbers, not 0.5"
    assert message(made, tmp_path) == expected
    assert message(ready, tmp_path, path=tmp_path / "d.npz") == expected


def content(array: np.ndarray) -> bytes:
    """An `.npy` file's bytes."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=True)
    return file.getvalue()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("member", "expected"),
    [
        (content(np.ones((60, 2)))[:-8], "E611 d.npz: 'x' ends too early"),
        (b"\x93NUMPY" + b"x" * 500, "E611 d.npz: 'x' is no array of numbers"),
        (b"x" * 500, "E611 d.npz: 'x' is no array of numbers"),
        (content(np.array([{}] * 300)), "E611 d.npz: 'x' holds Python objects"),
        (b"\x93NUMPY\x03\x00" + b"x" * 500, "E611 d.npz: 'x' is no array of numbers"),
    ],
)
def test_members_that_are_no_arrays(member: bytes, expected: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        archive.writestr("x.npy", member)
        archive.writestr("y.npy", content(np.zeros(60)))
    made = program('source = npz("d.npz") x = column("x") y = column("y")')
    assert message(made, tmp_path).startswith(expected)


@pytest.mark.parametrize(
    ("bytes_of", "expected"),
    [
        (b"", "E611 d.npy: it is no array of numbers as NumPy writes it"),
        (b"hello", "E611 d.npy: it is no array of numbers as NumPy writes it"),
        (b"PK\x03\x04" + bytes(99), "E611 d.npy: it is no array of numbers as NumPy writes it"),
        (content(np.ones((50, 3)))[:400], "E611 d.npy: it ends too early"),
        (content(np.array([{}])), "E611 d.npy: it holds Python objects"),
        (content(np.zeros((0, 3))), "E611 d.npy: there are no examples"),
        (content(np.array(5.0)), "E612 d.npy: the data has no column 1"),
        (content(np.array([[1, 2, 1j]])), "E614 d.npy: column 0, row 1: '(1+0j)' is no number"),
        (content(np.array([["1", "x", "0"]])), "E614 d.npy: column 1, row 1: 'x' is no number"),
        (content(np.array([[1, 1e300, 0]])), "E613 d.npy: row 1: x is too large for f32"),
    ],
)
def test_files_that_are_no_tables(bytes_of: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / "d.npy").write_bytes(bytes_of)
    made = program('source = npy("d.npy") x = columns(0, 1) y = column(2)')
    assert message(made, tmp_path).startswith(expected)


def test_a_number_alone_and_an_encrypted_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.ones((4, 2)), y=np.array(1))
    made = program('source = npz("d.npz") x = column("x") y = column("y")')
    expected = "E613 d.npz: 'y' is a single number, not one for each example"
    assert message(made, tmp_path) == expected
    other = program(SOURCES["npy"], "x: f32[2]")
    assert message(other, tmp_path, path=tmp_path / "d.npz") == expected
    locked = bytearray((tmp_path / "d.npz").read_bytes())
    for entry in re.finditer(rb"PK\x01\x02", bytes(locked)):
        locked[entry.start() + 8] |= 1
    (tmp_path / "d.npz").write_bytes(locked)
    assert message(made, tmp_path) == "E611 d.npz: it is encrypted"


@pytest.mark.usefixtures("small")
def test_a_check_sum_that_is_wrong(folder: Path) -> None:
    damaged = bytearray((folder / "d.npz").read_bytes())
    damaged[300] ^= 1
    (folder / "d.npz").write_bytes(damaged)
    with pytest.raises(Failed) as caught:
        open_data(program(SOURCES["npz"], "x: f32[2, 3]"), folder)
    assert caught.value.diagnostics[0].message.startswith("d.npz is damaged")
