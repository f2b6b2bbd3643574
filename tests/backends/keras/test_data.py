"""Data blocks, read by emitted programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.backends.keras.programs import executed, of_text, source


def load(data: str, inputs: str = "x: f32[2]", target: str = "y: i64") -> Any:
    """The `load_data` of a program with this data block."""
    body = "x -> Flatten -> Dense(3)"
    program = of_text(
        f"data {{ {data} }} model M {{ input {inputs} output p = {body} }}"
        f" train {{ target {target} loss = cross_entropy(p, y) optimizer = sgd(0.1) }}"
    )
    return executed(source(program))["load_data"]


@pytest.fixture
def csv(tmp_path: Path) -> str:
    rows = [f"{i}, {i % 3 * 2.5} ,{'abc'[i % 3]}" for i in range(30)]
    path = tmp_path / "table.csv"
    path.write_text("\ufeffage,fare,kind\n" + "\n".join(rows) + "\n\n", encoding="utf-8")
    return str(path)


CSV = 'source = csv("t.csv") x = columns("age", "fare") y = column("kind") -> category'


def test_csv_columns_and_classes(csv: str) -> None:
    train = load(CSV)(csv)["train"]
    assert train["x"].dtype == np.float32
    assert train["x"][4].tolist() == [4, 2.5]
    assert train["y"].dtype == np.int64
    assert train["y"][:4].tolist() == [0, 1, 2, 0]


def test_text_ignores_comments_and_empty_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("# a b y\n1 2 0\n\n 3\t4 1 # the second\n", encoding="utf-8")
    found = load('source = text("t.txt") x = columns(0, 1) y = column(2)')(str(path))
    assert found["train"]["x"].tolist() == [[1, 2], [3, 4]]
    assert found["train"]["y"].tolist() == [0, 1]


def test_preparations_learn_from_training_alone(csv: str) -> None:
    data = CSV.replace('"fare")', '"fare") -> standardize') + " split = in_order(test=0.5)"
    found = load(data)(csv)
    assert found["train"]["x"].shape == found["test"]["x"].shape == (15, 2)
    np.testing.assert_allclose(found["train"]["x"].mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(found["train"]["x"].std(0), 1, atol=1e-6)
    assert found["test"]["x"][:, 0].min() > 1


def test_minmax_scale_and_one_hot(csv: str) -> None:
    data = 'source = csv("t.csv") x = columns("age", "fare") -> minmax -> scale(2.0)'
    found = load(f'{data} y = column("kind") -> one_hot', target="y: f32[3]")(csv)["train"]
    assert found["x"].min(0).tolist() == [0, 0]
    assert found["x"].max(0).tolist() == [2, 2]
    assert found["y"][:3].tolist() == np.eye(3).tolist()


def test_shares_are_drawn_once_and_leave_nothing_out(csv: str) -> None:
    data = CSV + " split = shares(validation=0.2, test=0.1)"
    found, again = load(data)(csv), load(data)(csv)
    sizes = {name: len(part["y"]) for name, part in found.items()}
    assert sizes == {"train": 21, "validation": 6, "test": 3}
    ages = np.concatenate([part["x"][:, 0] for part in found.values()])
    assert sorted(ages.tolist()) == list(range(30))
    assert ages.tolist() != list(range(30))
    assert found["test"]["x"].tolist() == again["test"]["x"].tolist()


def test_stratified_shares_keep_the_classes(csv: str) -> None:
    found = load(CSV + " split = shares(test=0.2, stratify=true)")(csv)
    assert np.bincount(found["test"]["y"]).tolist() == [2, 2, 2]
    assert np.bincount(found["train"]["y"]).tolist() == [8, 8, 8]


def test_arrays_that_are_ready_stand_in_for_the_data_block(tmp_path: Path) -> None:
    path = str(tmp_path / "ready.npz")
    np.savez(path, x=np.ones((4, 2)), y=np.arange(4) % 3)
    assert load(CSV)(path)["train"]["y"].tolist() == [0, 1, 2, 0]


def test_digits_of_scikit_learn() -> None:
    data = 'source = sklearn("digits") x = column("images") -> scale(1 / 16) -> reshape([1, 8, 8])'
    found = load(f'{data} y = column("target") split = shares(test=0.25)', "x: f32[1, 8, 8]")()
    assert found["train"]["x"].shape == (1348, 1, 8, 8)
    assert found["test"]["x"].max() == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("age,fare,kind\n1,2\n", "row 1 has 2 columns, not 3"),
        ("age,kind\n1,a\n", "no column 'fare'"),
        ("age,fare,kind\n", "there are no examples"),
        ("age,fare,kind\n1,two,a\n", "column 'fare', row 1: 'two' is no number"),
    ],
)
def test_files_that_do_not_fit_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load(CSV)(str(path))


def test_a_class_that_training_never_saw_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("age,fare,kind\n" + "1,2,a\n" * 3 + "1,2,b\n", encoding="utf-8")
    with pytest.raises(ValueError, match="b does not occur among the training examples"):
        load(CSV + " split = in_order(test=0.25)")(str(path))


def test_arrays_of_another_shape_are_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "ready.npz")
    np.savez(path, x=np.ones((4, 3)), y=np.arange(4))
    with pytest.raises(ValueError, match=r"x must be \[2\], not \[3\]"):
        load(CSV)(path)
