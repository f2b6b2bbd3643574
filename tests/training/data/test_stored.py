"""What lies in files when it is large: the same as in memory, and one message for a full disk."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

import numpy as np
import pytest

from nnc.backends import draws
from nnc.compiler.diagnostics import Failed
from nnc.training.data import open_data, stored
from nnc.training.data.stored import Growing, GrowingTexts, Labels
from tests.training.data.test_open import program


@pytest.mark.parametrize("count", [0, 1, 5, 3000])
def test_an_order_in_a_file_is_the_one_in_memory(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draws, "_TOGETHER", 1024)
    expected = np.argsort(draws.bits(9, np.arange(count, dtype=np.uint32)), kind="stable")
    assert np.array_equal(draws.order(count, 9), expected)
    monkeypatch.setattr(stored, "LIMIT", 10)
    monkeypatch.setattr(stored, "_WORDS", 700)
    found = draws.order(count, 9, stored.room(count))
    assert isinstance(found, np.memmap) == (count > 1)
    assert np.array_equal(found, expected)
    assert np.array_equal(stored.counted(count), np.arange(count))


def test_equal_bits_stay_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draws, "bits", lambda key, index: index % np.uint32(3))
    assert draws.order(7, 0).tolist() == [0, 3, 6, 1, 4, 2, 5]


ROWS = [f"{day},{kind},{part}" for day, kind, part in zip(
    ["2026-03-01", "2026-01-09", "2025-12-31", "2026-01-09"] * 30,
    ["b", "a", "c"] * 40,
    ["train", "test", "train", "validation"] * 30,
    strict=True,
)]  # fmt: skip


@pytest.mark.parametrize(
    "split",
    [
        'by_column("part")',
        'by_time("day", validation=0.2, test=0.2)',
        "shares(test=0.25, stratify=true)",
        "shares(validation=0.3)",
        "in_order(test=0.3)",
    ],
)
def test_splits_of_texts_in_files(
    split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "\n".join(["n,day,kind,part", *(f"{n},{row}" for n, row in enumerate(ROWS))])
    (tmp_path / "t.csv").write_text(text)
    fields = 'source = csv("t.csv") x = column("n") y = column("kind") -> category'
    made = program(f"{fields} split = {split}", "x: f32[1]")
    expected = open_data(made, tmp_path)
    monkeypatch.setattr(stored, "LIMIT", 10)
    found = open_data(made, tmp_path)
    assert [*found.splits] == [*expected.splits]
    for name, rows in expected.splits.items():
        assert np.array_equal(found.splits[name], rows)


def test_the_row_of_a_cell_that_names_no_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnc.training.data import dividing

    rows = ["1,2,a,train"] * 9 + ["1,2,a,tset"]
    (tmp_path / "t.csv").write_text("\n".join(["u,v,kind,part", *rows]))
    fields = 'source = csv("t.csv") x = columns(0, 1) y = column("kind") -> category'
    monkeypatch.setattr(dividing, "_TOGETHER", 4)
    with pytest.raises(Failed) as caught:
        open_data(program(fields + ' split = by_column("part")'), tmp_path)
    message = "t.csv: row 10: tset is no split: train, validation, test"
    assert caught.value.diagnostics[0].message == message


@pytest.mark.parametrize("count", [3, 1024, 1025, 5000])
@pytest.mark.parametrize("limit", [10, 2**27])
def test_texts_few_and_many(count: int, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "LIMIT", limit)
    texts = [f"w{number % count}ü" for number in range(7000)]
    growing = GrowingTexts()
    for start in range(0, 7000, 500):
        growing.add(texts[start : start + 500])
    column = growing.column()
    assert isinstance(column, Labels) == (count <= 1024)
    assert len(column) == 7000
    rows = np.array([6999, 0, 4500, 4500])
    assert column[rows].tolist() == [texts[row] for row in rows]
    assert column.is_large == (limit == 10)


def test_columns_beside_one_another_share_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "LIMIT", 1000)
    for beside, held in ((1, True), (2, False)):
        growing = Growing(beside)
        for _ in range(10):
            growing.add(np.zeros(10))
        assert isinstance(growing.column(), np.memmap) == (not held)


def test_a_full_disk_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stored, "LIMIT", 10)
    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with pytest.raises(Failed) as caught:
        Growing().add(np.arange(100))
    (found,) = caught.value.diagnostics
    assert found.code == "E611"
    assert found.message.startswith("there is no room for the data in ")
    assert found.message.endswith(": No space left on device")
