"""Files larger than memory: the same examples, in bounded memory."""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnc.backends.pieces import columns, tables
from nnc.backends.recipes import Call, Reading
from nnc.compiler.diagnostics import Failed
from nnc.compiler.ir import Program
from nnc.training.data import blocks, learning, open_data, stored
from nnc.training.data.streaming import Request, stream
from tests.training.data.test_open import program
from tests.training.data.test_programs import random_table


def everything(made: Program, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was learnt, and all examples."""
    data = open_data(made, folder)
    rows = np.concatenate([*data.splits.values()])
    return data.fitted, data.batch(rows)


@pytest.mark.parametrize(
    "data",
    [
        'source = csv("t.csv") x = columns("wind", "temp_a") -> standardize',
        'source = csv("t.csv") x = columns("wind", "temp_*") -> impute(median) -> minmax',
        'source = text("t.txt") x = columns(0, 2) -> standardize',
        'source = parquet("t.parquet") x = columns("wind", "temp_a") -> standardize',
    ],
)
def test_small_parts_and_files_change_nothing(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyarrow import csv, parquet

    random_table(tmp_path)
    parquet.write_table(csv.read_csv(tmp_path / "t.csv"), tmp_path / "t.parquet")
    shape = "x: f32[3]" if "temp_*" in data else "x: f32[2]"
    split = "split = shares(validation=0.2)"
    if "text(" in data:
        made = program(f"{data} y = column(1) {split}", shape, "y: f32[1]", loss="mse", units=1)
    else:
        made = program(f'{data} y = column("kind") -> category {split}', shape)
    fitted, arrays = everything(made, tmp_path)
    monkeypatch.setattr(blocks, "_CHARACTERS", 500)
    monkeypatch.setattr(blocks, "_ROWS", 7)
    monkeypatch.setattr(stored, "LIMIT", 100)
    monkeypatch.setattr(learning, "_PART", 256)
    again, others = everything(made, tmp_path)
    assert again == fitted
    for name, array in arrays.items():
        assert np.array_equal(others[name], array)


CELLS = 'a,b,note\n1.5,2,plain\n 3 ,4e0,"two\nlines, and a comma"\n1_000,7,"x ""y"" z"\n5,6,z\n'


def test_quotes_line_ends_and_spaces_are_read_as_the_csv_module_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [Request((0, "b")), Request(("note",), "texts")]
    for number, text in enumerate((CELLS, CELLS.replace("\n", "\r\n"), "\ufeff" + CELLS)):
        path = tmp_path / f"{number}.csv"
        path.write_text(text, encoding="utf-8", newline="")
        table = tables.read_csv(str(path))
        for size in (5, 30, 10_000):
            monkeypatch.setattr(blocks, "_CHARACTERS", size)
            found = stream(Reading(Call("tables:read_csv")), path, path.name, requests)
            assert np.array_equal(found[requests[0]], columns.numbers(table, 0, "b"))
            assert found[requests[1]].tolist() == columns.texts(table, "note").tolist()


CELL = st.text('a1 .,;"\n\r^|]\u2028', max_size=4)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6), st.sampled_from(",;|^]"))
def test_any_cells_are_read_as_the_csv_module_does(rows: list[Any], delimiter: str) -> None:
    """Written with quotes around every cell, around those that need them, and as they are."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        for quoting in (csv.QUOTE_ALL, csv.QUOTE_MINIMAL):
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, delimiter=delimiter, quoting=quoting).writerows(rows)
            compare(path, delimiter)
        plain = "\n".join(delimiter.join(row) for row in rows)
        path.write_text(plain, encoding="utf-8", newline="")
        compare(path, delimiter)


def compare(path: Path, delimiter: str) -> None:
    """Assert that both readers give the same cells, or that both refuse the file."""
    options = {"delimiter": delimiter, "header": False}
    requests = [Request((0,), "texts", missing=True), Request((1,), "texts", missing=True)]
    try:
        table = tables.read_csv(str(path), delimiter=delimiter, header=False)
        expected = [[*table[0]], [*table[1]]]
    except (ValueError, KeyError, csv.Error):
        expected = None
    try:
        recipe = Reading(Call("tables:read_csv", (), options))
        found = [[*x] for x in stream(recipe, path, path.name, requests).values()]
    except Failed:
        found = None
    assert found == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("1,2", "row 731 has 2 columns, not 3"),
        ("1,2,3,4", "row 731 has 4 columns, not 3"),
        ("1,two,a", "column 'b', row 731: 'two' is no number"),
        (",2,a", "column 0, row 731: a number is missing"),
        ("1,nan,a", "column 'b', row 731: a number is missing"),
        ("1,-Infinity,a", "column 'b', row 731: -inf is not finite"),
        ("1e999,2,a", "column 0, row 731: inf is not finite"),
    ],
)
def test_mistakes_far_down_have_their_row(
    row: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["a,b,note", *["1,2,x"] * 730, row, *["3,4,y"] * 100]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    monkeypatch.setattr(blocks, "_CHARACTERS", 400)
    with pytest.raises(Failed) as caught:
        stream(Reading(Call("tables:read_csv")), tmp_path / "t.csv", "t.csv", [Request((0, "b"))])
    assert caught.value.diagnostics[0].message == f"t.csv: {expected}"


CHILD = """
import resource, sys
from pathlib import Path
import numpy as np
from nnc.training.data import blocks, learning, open_data, stored
from tests.training.data.test_open import program
made = program(
    'source = csv("big.csv") x = columns("c*") -> standardize y = column("kind") -> category'
    " split = shares(test=0.1)", "x: f32[6]")
open_data(made, Path(sys.argv[1]) / "small")
stored.LIMIT = int(sys.argv[2])
blocks._CHARACTERS = 2**18
learning._PART = 2**20
status = Path("/proc/self/status").read_text()
used = int(status.split("VmData:")[1].split()[0]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + 2**24, used + 2**24))
data = open_data(made, Path(sys.argv[1]))
print(len(data.batch(data.splits["train"][:64])["x"]), data.count)
"""


@pytest.mark.parametrize("limit", [2**18, 2**30])
def test_a_large_file_is_read_in_bounded_memory(limit: int, tmp_path: Path) -> None:
    """16 MB suffice for a table of 24 MB of text, whose numbers alone take 14 MB, and their copies
    as much again; with everything held in memory they don't."""
    rng = np.random.default_rng(0)
    rows = [
        f"{','.join(f'{v:.12g}' for v in row)},{'abc'[i % 3]}"
        for i, row in enumerate(rng.normal(size=(3000, 6)).tolist())
    ]
    part, head = "\n".join(rows) + "\n", "c0,c1,c2,c3,c4,c5,kind\n"
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "big.csv").write_text(head + part)
    with (tmp_path / "big.csv").open("w") as file:
        file.write(head)
        for _ in range(100):
            file.write(part)
    command = [sys.executable, "-c", CHILD, str(tmp_path), str(limit)]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    if limit == 2**18:
        assert run.stdout.split() == ["64", "300000"], run.stderr
    else:
        assert "MemoryError" in run.stderr or "Unable to allocate" in run.stderr
