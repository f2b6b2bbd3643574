"""nnc itself, the PyTorch program and the Keras program read the same examples."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnc.backends.torch.emit import emit
from nnc.backends.torch.run import load_module
from nnc.compiler.diagnostics import Failed
from nnc.compiler.ir import Program
from nnc.training.data import open_data
from tests.backends.keras.programs import executed, source
from tests.training.data.test_open import program


def examples(made: Program, folder: Path) -> dict[str, Any]:
    """What nnc gives: split -> name -> array."""
    data = open_data(made, folder)
    return {name: data.batch(rows) for name, rows in data.splits.items()}


def agree(made: Program, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Assert that all three give the same bits; gives them."""
    monkeypatch.chdir(folder)
    expected = examples(made, folder)
    text = emit(made).text
    programs = (load_module(text).load_data(), executed(source(made))["load_data"]())
    for found in programs:
        assert {*found} == {*expected}
        for split, arrays in expected.items():
            for name, array in arrays.items():
                given = np.asarray(found[split][name])
                assert given.dtype == array.dtype
                assert np.array_equal(given, array), (split, name)
    return expected


def random_table(folder: Path, count: int = 203) -> None:
    """`t.csv` and `t.txt`, with numbers that no binary fraction holds."""
    rng = np.random.default_rng(5)
    numbers = rng.normal(3, 17, (count, 3))
    kinds = rng.integers(0, 3, count)
    lines = [
        f"{a!r},{b:.3f},{c:.1e},{'abc'[k]}"
        for (a, b, c), k in zip(numbers.tolist(), kinds, strict=True)
    ]
    (folder / "t.csv").write_text("\n".join(["temp_a,temp_b,wind,kind", *lines]) + "\n")
    plain = [line.rpartition(",")[0].replace(",", " ") for line in lines]
    (folder / "t.txt").write_text("\n".join(plain) + "\n")


CSV = 'source = csv("t.csv") '
HOT = 'y = column("kind") -> one_hot -> scale(0.1) '
STRATIFIED = "split = shares(validation=0.21, test=0.1, stratify=true)"
KIND = 'y = column("kind") -> category '


@pytest.mark.parametrize(
    ("data", "target"),
    [
        ('x = columns("wind", "temp_a") ' + KIND + "split = shares(test=0.3)", "y: i64"),
        ('x = columns("temp_*") -> standardize ' + KIND + "split = shares(test=0.3)", "y: i64"),
        ('x = columns(0, "wind") -> standardize ' + HOT + STRATIFIED, "y: f32[3]"),
        ("x = columns(0, 1) -> minmax " + KIND + "split = in_order(validation=0.2)", "y: i64"),
        ("x = columns(2, 1) " + KIND, "y: i64"),
    ],
)
def test_plain_tables(
    data: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random_table(tmp_path)
    loss = "cross_entropy" if target == "y: i64" else "mse"
    made = program(CSV + data, target=target, loss=loss, seed=4)
    text = emit(made).text
    assert "numpy" not in text.partition("def load_arrays")[0]
    agree(made, tmp_path, monkeypatch)


def test_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random_table(tmp_path)
    data = 'source = text("t.txt") x = columns(0, 1) -> standardize y = column(2)'
    made = program(data + " split = shares(test=0.5)", target="y: f32[1]", loss="mse", units=1)
    agree(made, tmp_path, monkeypatch)


def test_arrays_and_bundled_data_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    np.savez(
        tmp_path / "d.npz",
        images=rng.integers(0, 256, (40, 2, 3), np.uint8),
        kind=rng.integers(0, 3, 40),
    )
    stored = 'source = npz("d.npz") x = column("images") -> standardize y = column("kind")'
    made = program(stored + " split = shares(test=0.2)", "x: f32[2, 3]")
    agree(made, tmp_path, monkeypatch)
    bundled = 'source = sklearn("iris") x = column("data") -> minmax y = column("target")'
    agree(program(bundled + " split = shares(test=0.2)", "x: f32[4]"), tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b,kind\n1,2,u\n1,inf,u\n", "column 'b', row 2: 'inf' is not finite"),
        ("a,b,kind\n1,2,u\n1,nan,u\n", "column 'b', row 2: a number is missing"),
        ("a,b,kind\n1,2,u\n1,two,u\n", "column 'b', row 2: 'two' is no number"),
        ("a,b,kind,b,b\n1,2,u,3,4\n", "several columns are called 'b'"),
    ],
)
def test_programs_refuse_what_nnc_refuses(
    text: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.csv").write_text(text)
    monkeypatch.chdir(tmp_path)
    made = program(CSV + 'x = columns("a", "b") ' + KIND)
    with pytest.raises(Failed) as caught:
        open_data(made, tmp_path)
    assert expected.replace("'inf'", "inf") in caught.value.diagnostics[0].message
    with pytest.raises(ValueError, match=re.escape(expected)):
        load_module(emit(made).text).load_data()
    with pytest.raises(ValueError, match=re.escape(expected.replace("'inf'", "inf"))):
        executed(source(made))["load_data"]()


def test_names_of_several_columns_may_stand_beside_those_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.csv").write_text("a,b,kind,b\n1,2,u,3\n")
    found = agree(program(CSV + 'x = columns("a", 3) ' + KIND), tmp_path, monkeypatch)
    assert found["train"]["x"].tolist() == [[1, 3]]
