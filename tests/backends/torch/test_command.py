"""The generated program as people run it: data from every source, training, weights,
predictions."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from nnc.backends import initial
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.torch.emit import emit
from nnc.backends.torch.run import load_module
from tests.backends.torch.feeding import close, program

XOR = (Path(__file__).resolve().parents[3] / "specs/curriculum/xor.nn").read_text(encoding="utf-8")
TABLE = "0 0 0\n0 1 1\n1 0 1 # a comment\n\n1 1 0\n"


def written(folder: Path, text: str, *, weighted: bool = True) -> Path:
    """The program of a spec in a folder, with the weights that the spec's seed gives."""
    made = program(text)
    file = folder / "made.py"
    file.write_text(emit(made).text, encoding="utf-8")
    if weighted:
        save_file(dict(initial.weights(made.graph, made.seed)), folder / "made.safetensors")
    return file


def run(file: Path, *arguments: str, code: int = 0) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, file.name, *arguments],
        cwd=file.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr


@pytest.mark.slow
def test_xor_is_learnt_and_its_weights_travel(tmp_path: Path) -> None:
    file = written(tmp_path, XOR)
    (tmp_path / "xor.txt").write_text(TABLE, encoding="utf-8")
    out, _ = run(file, "--save", "trained.safetensors")
    last = out.splitlines()[-1]
    loss = re.fullmatch(r"epoch 1001: loss ([\d.e-]+), accuracy 1", last)
    assert loss is not None, last
    assert float(loss[1]) < 0.1
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    np.savez(tmp_path / "in.npz", x=x)
    predict = ("--weights", "trained.safetensors", "--predict", "in.npz")
    run(file, *predict, "--output", "out.npz")
    found = np.load(tmp_path / "out.npz")["p"]
    assert (found.ravel() > 0.5).tolist() == [False, True, True, False]
    trained = load_file(tmp_path / "trained.safetensors")
    made = program(XOR)
    expected = ReferenceRunner(made, dict(trained)).outputs({"x": x})["p"]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    out, _ = run(file, *predict)
    assert out.startswith("p = [[0.")


@pytest.mark.slow
def test_examples_from_an_npz_stand_in_for_the_data_block(tmp_path: Path) -> None:
    file = written(tmp_path, XOR)
    rows = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    np.savez(tmp_path / "d.npz", y=np.array([0, 1, 1, 0]), x=rows)
    out, _ = run(file, "--data", "d.npz", "--epochs", "2")
    assert [line.partition(":")[0] for line in out.splitlines()] == ["epoch 1", "epoch 2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "xor.txt"),
        (("--data", "missing.npz"), "missing.npz"),
        (("--data", "other.npz"), "other.npz has no array 'x'"),
        (("--data", "ragged.txt"), "row 2 has 1 columns, not 3"),
        (("--data", "words.txt"), "'a' is no number"),
        (("--data", "empty.txt"), "there are no examples"),
        (("--weights", "none.safetensors"), "none.safetensors"),
        (("--weights", "ragged.txt"), "is no safetensors file"),
        (("--weights", "wide.safetensors"), "dense.bias is [5], not [2]"),
        (("--weights", "other.safetensors"), "has other weights than the model: dense"),
        (("--weights", "short.safetensors"), "is damaged at"),
    ],
)
def test_a_mistake_gives_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, XOR)
    np.savez(tmp_path / "other.npz", z=np.zeros(3))
    (tmp_path / "ragged.txt").write_text("1 2 3\n4\n")
    (tmp_path / "words.txt").write_text("1 2 a\n")
    (tmp_path / "empty.txt").write_text("# nothing\n")
    tensors: dict[str, Any] = load_file(tmp_path / "made.safetensors")
    save_file(tensors | {"dense.bias": np.zeros(5, np.float32)}, tmp_path / "wide.safetensors")
    save_file({"z": np.zeros(3, np.float32)}, tmp_path / "other.safetensors")
    whole = (tmp_path / "made.safetensors").read_bytes()
    (tmp_path / "short.safetensors").write_bytes(whole[:-4])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [file.name, *arguments])
    module = load_module(file.read_text(encoding="utf-8"))
    module.__dict__["WEIGHTS"] = tmp_path / "made.safetensors"
    with pytest.raises(SystemExit) as caught:
        module.main(module.Xor())
    said = str(caught.value.code)
    assert said.startswith("made.py: ")
    assert message in said
    assert "\n" not in said


@pytest.mark.slow
def test_the_shell_sees_a_mistake(tmp_path: Path) -> None:
    out, err = run(written(tmp_path, XOR), code=1)
    assert (out, len(err.splitlines())) == ("", 1)


@pytest.mark.slow
def test_without_weights_it_says_so(tmp_path: Path) -> None:
    file = written(tmp_path, XOR, weighted=False)
    np.savez(tmp_path / "in.npz", x=np.zeros((1, 2)))
    _, err = run(file, "--predict", "in.npz")
    assert "made.safetensors is missing: beginning anew" in err


def test_weights_are_read_as_the_library_reads_them(tmp_path: Path) -> None:
    import torch

    module = load_module(emit(program(XOR)).text)
    tensors = {
        "a.b": torch.arange(6, dtype=torch.float32).reshape(2, 3),
        "half": torch.ones(3, dtype=torch.bfloat16),
        "none": torch.zeros(0, 4),
        "one": torch.tensor(7, dtype=torch.int64),
    }
    module.save_safetensors(tensors, tmp_path / "w.safetensors")
    from safetensors.torch import load_file as load_torch

    for loaded in (
        module.load_safetensors(tmp_path / "w.safetensors"),
        load_torch(tmp_path / "w.safetensors"),
    ):
        assert loaded.keys() == tensors.keys()
        assert all(torch.equal(loaded[n], t) for n, t in tensors.items())
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]


def data_of(source: str, fields: str, model: str, train: str = "") -> Any:
    """The splits that a program's `load_data` gives."""
    block = f"data {{ source = {source} {fields} }}"
    training = f"train {{ {train} optimizer = sgd(lr=0.1) }}"
    return load_module(emit(program(f"{block} {model} {training}")).text).load_data()


CLASSES = "model M { input x: f32[2] output y = x -> Dense(3) }"
CLASSES_TRAIN = "target label: i64 loss = cross_entropy(y, label)"


def test_csv_with_names_categories_and_shares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f'{i},{i * 2.5},"{"abc"[i % 3]}"' for i in range(30)]
    Path("d.csv").write_text("width,height,kind\n" + "\n".join(rows) + "\n")
    data = data_of(
        'csv("d.csv")',
        'x = columns("width", "height") -> standardize label = column("kind") -> category '
        "split = shares(validation=0.2, test=0.3, stratify=true)",
        CLASSES,
        CLASSES_TRAIN,
    )
    assert {name: len(split["x"]) for name, split in data.items()} == {
        "train": 15,
        "validation": 6,
        "test": 9,
    }
    for split in data.values():
        counts = split["label"].bincount(minlength=3).tolist()
        assert len(set(counts)) == 1
    x = data["train"]["x"].double()
    assert x.mean(0).abs().max() < 1e-6
    assert (x.std(0, correction=0) - 1).abs().max() < 1e-6
    again = sorted(float(v) for split in data.values() for v in split["x"][:, 0])
    assert len(set(again)) == 30


def test_one_hot_minmax_and_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_text("".join(f"{i};{10 - i};{'xyx'[i % 3]}\n" for i in range(10)))
    data = data_of(
        'csv("d.csv", delimiter=";", header=false)',
        "x = columns(0, 1) -> minmax t = column(2) -> one_hot split = in_order(test=0.2)",
        "model M { input x: f32[2] output y = x -> Dense(2) }",
        "target t: f32[2] loss = mse(y, t)",
    )
    assert data["train"]["x"][:, 0].tolist() == pytest.approx([i / 7 for i in range(8)])
    assert data["test"]["x"][:, 1].tolist() == pytest.approx([-1 / 7, -2 / 7])
    assert data["test"]["t"].tolist() == [[1, 0], [1, 0]]


def test_npz_columns_by_name_reshaped_and_scaled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("d.npz", pictures=np.arange(24).reshape(2, 12), kinds=np.array(["b", "a"]))
    data = data_of(
        'npz("d.npz")',
        'x = column("pictures") -> scale(0.5) -> reshape([1, 3, 4]) '
        'label = column("kinds") -> category',
        "model M { input x: f32[1, 3, 4] output y = x -> Flatten -> Dense(2) }",
        CLASSES_TRAIN,
    )
    assert data["train"]["x"][1, 0, 2, 3] == 11.5
    assert data["train"]["label"].tolist() == [1, 0]


@pytest.mark.parametrize("name", ["iris", "digits", "wine", "breast_cancer", "diabetes"])
def test_bundled_data_sets(name: str) -> None:
    import sklearn.datasets

    bunch = getattr(sklearn.datasets, f"load_{name}")()
    width = bunch["data"].shape[1]
    data = data_of(
        f'sklearn("{name}")',
        'x = column("data") t = column("target")',
        f"model M {{ input x: f32[{width}] output y = x -> Dense(1) }}",
        "target t: f32[1] loss = mse(y, t)",
    )
    close({"x": data["train"]["x"].numpy()}, {"x": bunch["data"].astype(np.float32)})
    assert data["train"]["t"].flatten().tolist() == pytest.approx(bunch["target"].tolist())


def test_examples_of_another_shape_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("d.npz", x=np.zeros((4, 3)), label=np.zeros(4))
    with pytest.raises(ValueError, match=r"x must be \[2\], not \[3\]"):
        data_of('npz("d.npz")', 'x = column("x") label = column("label")', CLASSES, CLASSES_TRAIN)


def test_a_value_that_training_has_not_seen_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_text("1,2,a\n3,4,b\n5,6,c\n")
    with pytest.raises(ValueError, match="row 3: c does not occur among the training examples"):
        data_of(
            'csv("d.csv", header=false)',
            "x = columns(0, 1) label = column(2) -> category split = in_order(test=0.34)",
            CLASSES,
            CLASSES_TRAIN,
        )
