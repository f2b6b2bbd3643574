"""Data blocks that nnc executes itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnc
from nnc.backends import draws
from nnc.compiler.diagnostics import Failed
from nnc.compiler.ir import Program
from nnc.training.data import open_data, prepare_inputs, stored


def program(
    data: str,
    inputs: str = "x: f32[2]",
    target: str = "y: i64",
    *,
    loss: str = "cross_entropy",
    units: int = 3,
    seed: int = 0,
    embed: int = 0,
    layout: str = "channels_first",
    train: str = "",
) -> Program:
    """A program with this data block; `embed` words are embedded."""
    body = f"x -> {f'Embedding({embed}, 2) -> ' if embed else ''}Flatten -> Dense({units})"
    text = (
        f"data {{ {data} }} model M {{ layout {layout} input {inputs} output p = {body} }}"
        f" train {{ target {target} loss = {loss}(p, y) optimizer = sgd(0.1) seed = {seed}"
        f" {train} }}"
    )
    made, diagnostics = nnc.compile_text(text, "test.nn")
    assert made is not None, [d.message for d in diagnostics]
    return made


CSV = 'source = csv("t.csv") x = columns("age", "fare") y = column("kind") -> category'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [f"{i}, {i % 3 * 2.5} ,{'abc'[i % 3]}" for i in range(30)]
    text = "\ufeffage,fare,kind\n" + "\n".join(rows) + "\n\n"
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    return tmp_path


def message(program: Program, folder: Path, **options: Any) -> str:
    """The one diagnostic that opening the data gives."""
    with pytest.raises(Failed) as caught:
        open_data(program, folder, **options)
    (found,) = caught.value.diagnostics
    return f"{found.code} {found.message}"


def test_columns_and_classes(folder: Path) -> None:
    data = open_data(program(CSV), folder)
    assert data.splits["train"].tolist() == list(range(30))
    batch = data.batch(np.array([4, 29]))
    assert batch["x"].tolist() == [[4, 2.5], [29, 5]]
    assert batch["x"].dtype == np.float32
    assert batch["y"].tolist() == [1, 2]
    assert batch["y"].dtype == np.int64
    assert data.labels == {"y": ["a", "b", "c"]}


def test_preparations_learn_from_training_alone(folder: Path) -> None:
    text = CSV.replace('"fare")', '"fare") -> standardize') + " split = in_order(test=0.5)"
    data = open_data(program(text), folder)
    ages = np.arange(15.0)
    learnt = data.fitted["fields"]["x"][0]
    assert learnt["mean"] == [7, pytest.approx(2.5)]
    assert learnt["deviation"][0] == pytest.approx(np.std(ages), abs=1e-15)
    test = data.batch(data.splits["test"])["x"][:, 0]
    np.testing.assert_allclose(test, (np.arange(15, 30) - 7) / np.std(ages), rtol=1e-6)


def test_shares_are_in_the_order_of_the_seed(folder: Path) -> None:
    text = CSV + " split = shares(validation=0.2, test=0.1)"
    data = open_data(program(text, seed=3), folder)
    order = draws.order(30, draws.key_of(3, "split")).tolist()
    assert [*data.splits] == ["train", "validation", "test"]
    found = [data.splits[name].tolist() for name in data.splits]
    assert found == [order[:21], order[21:27], order[27:]]


def test_stratified_shares_keep_the_classes(folder: Path) -> None:
    data = open_data(program(CSV + " split = shares(test=0.2, stratify=true)"), folder)
    parts = {name: np.bincount(data.batch(rows)["y"]) for name, rows in data.splits.items()}
    assert parts["test"].tolist() == [2, 2, 2]
    assert parts["train"].tolist() == [8, 8, 8]


def test_what_was_learnt_is_json_and_is_used_again(folder: Path) -> None:
    text = CSV.replace('"fare")', '"fare") -> minmax') + " split = shares(test=0.5)"
    first = open_data(program(text), folder)
    fitted = json.loads(json.dumps(first.fitted))
    assert fitted == first.fitted
    again = open_data(program(text, seed=9), folder, fitted=fitted)
    rows = np.arange(30)
    assert again.batch(rows)["x"].tolist() == first.batch(rows)["x"].tolist()
    assert again.labels == first.labels
    assert again.hash == first.hash


def test_new_rows_are_prepared_with_what_was_learnt(folder: Path) -> None:
    text = CSV.replace('"fare")', '"fare") -> standardize')
    data = open_data(program(text), folder)
    (folder / "new.csv").write_text("fare,age,name\n2.5,7,x\n", encoding="utf-8")
    made = prepare_inputs(program(text), folder / "new.csv", data.fitted)
    assert [*made] == ["x"]
    assert made["x"].tolist() == data.batch(np.array([7]))["x"].tolist()


def test_arrays_that_are_ready_stand_in(folder: Path) -> None:
    np.savez(folder / "ready.npz", x=np.ones((4, 2)), y=np.arange(4) % 3)
    data = open_data(program(CSV), folder, path=folder / "ready.npz")
    assert data.batch(data.splits["train"])["y"].tolist() == [0, 1, 2, 0]
    assert data.count == 4


def test_a_bundled_data_set() -> None:
    text = 'source = sklearn("digits") x = column("images") -> scale(1 / 16) -> reshape([1, 8, 8])'
    text += ' y = column("target") split = shares(test=0.25)'
    made = program(text, "x: f32[1, 8, 8]", units=10)
    data = open_data(made, Path("."))
    batch = data.batch(data.splits["train"])
    assert batch["x"].shape == (1348, 1, 8, 8)
    assert batch["x"].max() == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("age,fare,kind\n1,2,a\n1,2\n", "E611 t.csv: row 2 has 2 columns, not 3"),
        ("age,kind\n1,a\n", "E612 t.csv: the data has no column 'fare'"),
        ("age,kind,fare,fare\n1,a,2,3\n", "E612 t.csv: several columns are called 'fare'"),
        ("age,fare,kind\n", "E611 t.csv: there are no examples"),
        ("", "E611 t.csv: there are no examples"),
        ('age,fare,kind\n1,2,a\n\n1,2,"a\n1,2,b\n', "E611 t.csv: row 2: quotes around a cell"),
        ('age,fare,kind\n1,2,"a"b\n', "E611 t.csv: row 1: quotes around a cell are not closed"),
        ("age,fare,kind\n1,2,a\n1,2,b\0\n", "E611 t.csv: row 2 holds a byte that is 0"),
        ('age,fare,kind\n1,2,"a\0"\n', "E611 t.csv: row 1 holds a byte that is 0"),
        (
            f'age,fare,kind\n1,2,"a,{"a" * 140_000}"\n',
            "E611 t.csv: row 1: a cell has more than 131,",
        ),
        ("age,fare,kind\n1,2,a\n1,two,a\n", "E614 t.csv: column 'fare', row 2: 'two' is no number"),
        ("age,fare,kind\n1,2,a\n,3,a\n", "E614 t.csv: column 'age', row 2: a number is missing"),
        ("age,fare,kind\n1,2,a\n1,3,\n", "E614 t.csv: column 'kind', row 2: a value is missing"),
    ],
)
def test_one_message_says_what_is_wrong(text: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    assert message(program(CSV), tmp_path).startswith(expected)


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("in_order(test=0.1)", "none is left for test"),
        ("shares(validation=0.1)", "none is left for validation"),
        ('by_time("age", validation=0.3, test=0.1)', "none is left for test"),
        ("in_order(test=0.9)", "none is left for training"),
        ('by_column("part")', "none is left for training"),
    ],
)
def test_a_split_that_would_be_empty(split: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("age,fare,kind,part\n" + "1,2,a,test\n" * 3)
    found = message(program(f"{CSV} split = {split}"), tmp_path)
    assert found == f"E614 t.csv has too few examples: {expected}"


def test_other_examples_need_no_split(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("age,fare,kind,part\n" + "1,2,b,test\n1,2,b,train\n")
    made = program(f'{CSV} split = by_column("part")')
    learnt = open_data(made, tmp_path).fitted
    (tmp_path / "new.csv").write_text("age,fare,kind,part\n1,2,b,test\n")
    found = open_data(made, tmp_path, path=tmp_path / "new.csv", fitted=learnt)
    assert {name: rows.tolist() for name, rows in found.splits.items()} == {"test": [0]}


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["2020-01-31", "2020-02-01T10:00", "2020/03/01"], None),
        (["2020-01", "2020-02", "2020-03"], None),
        (
            ["01/31/2020", "02/01/2019", "2020-01-01"],
            "row 1: 01/31/2020 is no date like 2026-01-31",
        ),
        (["2020-01-31", "5", "6"], "row 2: 5 is no date like 2026-01-31"),
        (["2020-1-5", "2020-1-10", "2020-1-6"], "row 1: 2020-1-5 is no date like 2026-01-31"),
    ],
)
def test_times_whose_order_is_not_that_of_the_alphabet(
    times: list[str], expected: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"1,2,a,{time}" for time in times]
    (tmp_path / "t.csv").write_text("\n".join(["age,fare,kind,day", *rows]))
    made = program(f'{CSV} split = by_time("day", test=0.3)')
    for limit in (stored.LIMIT, 8):
        monkeypatch.setattr(stored, "LIMIT", limit)
        if expected is None:
            assert open_data(made, tmp_path).splits["test"].tolist() == [2]
        else:
            assert message(made, tmp_path).startswith(f"E614 t.csv: {expected}")


def test_shares_of_classes_need_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.ones((4, 2)), y=np.ones((4, 3)))
    data = 'source = npz("d.npz") x = column("x") y = column("y")'
    made = program(
        f"{data} split = shares(test=0.5, stratify=true)", target="y: f32[3]", loss="mse"
    )
    assert message(made, tmp_path).startswith("E614 d.npz: `y` has several numbers")


def test_a_class_that_training_never_saw(tmp_path: Path) -> None:
    text = "age,fare,kind\n" + "1,2,a\n" * 3 + "1,2,b\n"
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    found = message(program(CSV + " split = in_order(test=0.25)"), tmp_path)
    expected = "column 'kind', row 4: b does not occur among the training examples"
    assert found == f"E614 t.csv, `y`: {expected}"


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("age;fare;kind\n1;2;a\n", '`age;fare;kind`: is that several, with `delimiter=";"`?'),
        ("age,fare,kind\n1,inf,a\n", "write what is unknown as an empty cell"),
        ("age,kind,fare,fare\n1,a,2,3\n", "choose them by number, from 0"),
        ("age,fare,kind\n1,,a\n", "fill in what is missing: `-> impute(mean)`"),
        ("age,fare,kind\n1,2,a\n1,2,\n", "`-> impute(most_frequent)`; or leave the row out"),
    ],
)
def test_the_cure_fits_what_is_wrong(text: str, cure: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(Failed) as caught:
        open_data(program(CSV), tmp_path)
    assert cure in str(caught.value.diagnostics[0].help)


def test_files_that_are_not_there_or_make_no_sense(tmp_path: Path) -> None:
    assert message(program(CSV), tmp_path) == "E611 t.csv does not exist"
    other = tmp_path / "other.csv"
    assert message(program(CSV), tmp_path, path=other) == f"E611 {other} does not exist"
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00\x80")
    assert message(program(CSV), tmp_path) == "E611 t.csv is not text in UTF-8: see line 1"
    (tmp_path / "t.csv").write_bytes(b"age,fare,kind\n" + b"1,2,a\n" * 9000 + b"1,2,\xfc\n")
    assert message(program(CSV), tmp_path) == "E611 t.csv is not text in UTF-8: see line 9002"
    (tmp_path / "d.npz").write_bytes(b"PK nonsense")
    found = message(program(CSV), tmp_path, path=tmp_path / "d.npz")
    assert found.startswith("E611 d.npz")


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ([[1, 4]], [2], None),
        ([[1, 4], [0, 5]], [0, 1], "E614 d.npz: row 2: `x` is 5, but `embedding` has 0 to 4"),
        ([[1, 4], [0, 2]], [0, 3], "E614 d.npz: row 2: `y` is 3, but `p` has 0 to 2"),
        ([[1, 4], [0, 2]], [-1, 0], "E614 d.npz: row 1: `y` is -1, but `p` has 0 to 2"),
    ],
)
def test_words_and_classes_that_the_model_has(
    x: list[Any], y: list[int], expected: str | None, tmp_path: Path
) -> None:
    np.savez(tmp_path / "d.npz", x=np.array(x), y=np.array(y))
    made = program('source = npz("d.npz") x = column("x") y = column("y")', "x: i64[2]", embed=5)
    if expected is None:
        assert open_data(made, tmp_path).count == 1
    else:
        assert message(made, tmp_path) == expected
        assert message(made, tmp_path, path=tmp_path / "d.npz") == expected
