"""Every source, preparation and split: nnc and both programs give what was worked out by hand."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nnc
from nnc.compiler.diagnostics import Failed
from nnc.training.data import open_data, opening, prepare_inputs
from tests.training.data.test_open import message, program
from tests.training.data.test_programs import agree

CSV = 'source = csv("t.csv") '


def table(folder: Path, text: str, name: str = "t.csv") -> None:
    (folder / name).write_text(text, encoding="utf-8")


# ---- sources ---------------------------------------------------------------------------------


def test_tabs_and_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table(tmp_path, "temp_a\tkind\ttemp_b\n1\tp\t2\n3\tq\t4\n", "t.tsv")
    data = 'source = tsv("t.tsv") x = columns("temp_*") y = column("kind") -> category'
    found = agree(program(data), tmp_path, monkeypatch)["train"]
    assert found["x"].tolist() == [[1, 2], [3, 4]]
    assert found["y"].tolist() == [0, 1]


def test_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    columns = {"a": [1.5, None, 4.5], "b": [1, 2, 3], "kind": ["u", "v", None]}
    parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    kinds = 'column("kind") -> impute(most_frequent) -> category'
    data = f'source = parquet("t.parquet") x = columns("a", "b") -> impute(mean) y = {kinds}'
    found = agree(program(data), tmp_path, monkeypatch)["train"]
    assert found["x"].tolist() == [[1.5, 1], [3, 2], [4.5, 3]]
    assert found["y"].tolist() == [0, 1, 0]


def test_npy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "d.npy", np.array([[1, 2, 0], [3, 4, 1]]))
    data = 'source = npy("d.npy") x = columns(0, 1) y = column(2)'
    found = agree(program(data), tmp_path, monkeypatch)["train"]
    assert found["x"].tolist() == [[1, 2], [3, 4]]
    assert found["y"].tolist() == [0, 1]


def idx(folder: Path, name: str, array: np.ndarray) -> None:
    """A file in MNIST's format, compressed."""
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    (folder / name).write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes()))


def test_idx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 4, 6))
    idx(tmp_path, "images.gz", images)
    idx(tmp_path, "labels.gz", np.arange(7) % 3)
    data = (
        'source = idx("images.gz", "labels.gz") x = column("images") -> scale(1 / 255)'
        ' y = column("labels")'
    )
    found = agree(program(data, "x: f32[4, 6]"), tmp_path, monkeypatch)["train"]
    assert found["x"].tolist() == (images * (1 / 255)).astype(np.float32).tolist()
    assert found["y"].tolist() == [0, 1, 2, 0, 1, 2, 0]
    (tmp_path / "labels.gz").write_bytes(gzip.compress(b"nothing"))
    assert message(program(data, "x: f32[4, 6]"), tmp_path).startswith(
        "E611 images.gz: labels.gz is not in the format of MNIST"
    )


def photos(folder: Path) -> dict[str, np.ndarray]:
    """Images of several sizes in `photos/cat` and `photos/dog`; gives them by class and name."""
    rng = np.random.default_rng(3)
    made = {}
    for number, size in enumerate([(9, 7), (12, 16), (8, 8), (20, 5), (6, 6)]):
        name = f"{'cat' if number % 2 else 'dog'}/{number}.png"
        (folder / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        made[name] = rng.integers(0, 256, (*size, 3), np.uint8)
        Image.fromarray(made[name]).save(folder / "photos" / name)
    (folder / "photos" / "cat" / "notes.txt").write_text("no image")
    return dict(sorted(made.items()))


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_folders_of_images(layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = photos(tmp_path)
    data = (
        'source = folder("photos") x = files("*.png") -> resize(10, 6) -> scale(1 / 255)'
        ' y = column("class") -> category'
    )
    first = layout == "channels_first"
    spec = program(data, "x: f32[3, 10, 6]" if first else "x: f32[10, 6, 3]", layout=layout)
    found = agree(spec, tmp_path, monkeypatch)["train"]
    assert found["y"].tolist() == [0, 0, 1, 1, 1]
    for x, image in zip(found["x"], made.values(), strict=True):
        small = Image.fromarray(image).resize((6, 10), Image.Resampling.BILINEAR)
        x = np.moveaxis(x, 0, 2) if first else x
        # Pillow rounds twice to whole numbers.
        np.testing.assert_allclose(x * 255, np.asarray(small), atol=1.01)
    learnt = open_data(spec, tmp_path)
    assert learnt.labels == {"y": ["cat", "dog"]}
    one = tmp_path / "photos" / "dog" / "2.png"
    assert np.array_equal(prepare_inputs(spec, one, learnt.fitted)["x"], found["x"][3:4])
    measured = open_data(spec, tmp_path, path=one, fitted=learnt.fitted)
    assert measured.batch(measured.splits["train"])["y"].tolist() == [1]


def test_images_of_several_sizes_that_nothing_makes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos(tmp_path)
    data = 'source = folder("photos") x = files("*.png") y = column("class") -> category'
    made = program(data, "x: f32[3, 12, 16]")
    expected = "E614 photos, `x`: row 2: an image has the shape [3, 20, 5], not [3, 12, 16]"
    assert message(made, tmp_path) == expected
    monkeypatch.setattr(opening, "_CHUNK", 1)
    assert message(made, tmp_path).startswith("E613 photos: x must be [3, 12, 16]")
    text = f"data {{ {data} }} model M {{ input x: f32[3, H, W] output p = x -> GlobalAvgPool -> "
    text += "Dense(3) } train { target y: i64 loss = cross_entropy(p, y) optimizer = sgd(0.1) }"
    free, _ = nnc.compile_text(text, "test.nn")
    assert free is not None
    expected = "E613 photos, row 2: `x` has the shape [3, 20, 5], not [3, 12, 16] as before"
    assert message(free, tmp_path) == expected


@pytest.mark.parametrize("name", ["broken", "empty", "cut", "huge"])
def test_an_image_that_is_none(name: str, tmp_path: Path) -> None:
    photos(tmp_path)
    path = tmp_path / "photos" / "dog" / "2.png"
    if name == "huge":
        Image.new("1", (20_000, 10_000)).save(path)
    else:
        path.write_bytes({"broken": b"P6 x", "empty": b"", "cut": path.read_bytes()[:90]}[name])
    data = 'source = folder("photos") x = files("*.png") -> resize(4, 4) '
    made = program(data + 'y = column("class") -> category', "x: f32[3, 4, 4]")
    expected = "E614 photos, `x`: dog/2.png is not an image that can be read"
    assert message(made, tmp_path) == expected


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "photos").write_text("no folder")
    data = 'source = folder("photos") x = files("*.png") y = column("class") -> category'
    found = message(program(data, "x: f32[3, 4, 4]"), tmp_path)
    assert found == "E611 photos: it is a file, not a folder"


def test_crops_and_grey_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p" / "a").mkdir(parents=True)
    pixels = np.arange(30, dtype=np.uint8).reshape(5, 6)
    Image.fromarray(pixels).save(tmp_path / "p" / "a" / "1.png")
    data = (
        'source = folder("p") x = files("*.png", channels=1) -> crop(3, 2)'
        ' y = column("class") -> category'
    )
    found = agree(program(data, "x: f32[1, 3, 2]"), tmp_path, monkeypatch)["train"]
    assert found["x"][0, 0].tolist() == pixels[1:4, 2:4].tolist()
    large = program(data.replace("crop(3, 2)", "crop(6, 2)"), "x: f32[1, 6, 2]")
    assert message(large, tmp_path) == "E614 p, `x`: an image of 5 x 6 has no 6 x 2"
    (tmp_path / "p" / "a" / "2.png").write_bytes(b"no image")
    assert "2.png is not an image" in message(program(data, "x: f32[1, 3, 2]"), tmp_path)


def test_a_package_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos(tmp_path)
    label = 'y = column("class") -> category'
    data = f'source = folder("photos") x = files("*.png") -> resize(4, 4) {label}'
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(Failed) as caught:
        open_data(program(data, "x: f32[3, 4, 4]"), tmp_path)
    (found,) = caught.value.diagnostics
    assert found.message == "photos needs PIL, which is not installed"
    assert found.help == "pip install 'nnc[data]'"


# ---- preparations ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("mean", [[1, 4], [2, 4], [6, 4], [3, 4]]),
        ("median", [[1, 4], [2, 4], [6, 4], [2, 4]]),
        ("most_frequent", [[1, 4], [2, 4], [6, 4], [1, 4]]),
        ("constant, value=-1", [[1, -1], [2, 4], [6, 4], [-1, 4]]),
    ],
)
def test_impute(
    strategy: str, expected: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table(tmp_path, "a,b,kind\n1,,p\n2,4,q\n6,4,q\nNA,4,p\n")
    data = CSV + f'x = columns("a", "b") -> impute({strategy}) y = column("kind") -> category'
    found = agree(program(data), tmp_path, monkeypatch)["train"]
    assert found["x"].tolist() == expected


def test_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table(tmp_path, 'text,kind\n"The cat, the dog",a\nA dog!,b\nthe  bird sings loudly,a\n')
    data = (
        CSV + 'x = column("text") -> tokens(length=4, vocabulary=5) y = column("kind") -> category'
    )
    spec = program(data, "x: i64[4]", embed=6)
    found = agree(spec, tmp_path, monkeypatch)["train"]
    # the 3 times, dog twice, then `!` before others that stand once.
    assert found["x"].tolist() == [[2, 1, 1, 2], [1, 3, 4, 0], [2, 1, 1, 1]]
    fitted = open_data(spec, tmp_path).fitted
    assert fitted["fields"]["x"] == [{"words": ["the", "dog", "!"]}]
    table(tmp_path, "text\nThe new dog\n", "new.csv")
    assert prepare_inputs(spec, tmp_path / "new.csv", fitted)["x"].tolist() == [[2, 1, 3, 0]]


def load(folder: Path, count: int = 40) -> np.ndarray:
    numbers = np.random.default_rng(8).normal(5, 2, (count, 2))
    rows = [f"{i},{a!r},{b!r}" for i, (a, b) in enumerate(numbers.tolist())]
    table(folder, "\n".join(["hour,mw,wind", *rows]) + "\n", "load.csv")
    return numbers


def test_windows_of_a_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = load(tmp_path)[:, 0]
    data = (
        'x, y = series("load.csv", column="mw") -> standardize -> window(lookback=5, horizon=3)'
        " split = in_order(validation=0.2, test=0.2)"
    )
    spec = program(data, "x: f32[5]", "y: f32[3]", loss="mse")
    found = agree(spec, tmp_path, monkeypatch)
    # 33 windows: 19 train, 7 validate and 7 test, but those that foretell what others do too.
    assert {name: len(part["x"]) for name, part in found.items()} == {
        "train": 19,
        "validation": 5,
        "test": 5,
    }
    seen = numbers[: 18 + 8]
    scaled = (numbers - seen.mean()) / seen.std()
    np.testing.assert_allclose(found["train"]["y"][18], scaled[23:26], rtol=1e-6)
    np.testing.assert_allclose(found["validation"]["x"][0], scaled[21:26], rtol=1e-6)
    np.testing.assert_allclose(found["validation"]["y"][0], scaled[26:29], rtol=1e-6)
    # In prediction the last window ends with the series: what follows is what is foretold.
    ahead = prepare_inputs(spec, tmp_path / "load.csv", open_data(spec, tmp_path).fitted)["x"]
    assert len(ahead) == 36
    np.testing.assert_allclose(ahead[-1], scaled[35:40], rtol=1e-6)
    assert np.array_equal(ahead[:19], found["train"]["x"])


def test_windows_of_several_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = load(tmp_path, 9)
    data = (
        'source = csv("load.csv") x, y = columns("mw", "wind") -> '
        "window(lookback=4, horizon=2, target=1)"
    )
    found = agree(
        program(data, "x: f32[4, 2]", "y: f32[2]", loss="mse", units=2), tmp_path, monkeypatch
    )
    x, y = found["train"]["x"], found["train"]["y"]
    assert x.shape == (4, 4, 2)
    assert x[1].tolist() == numbers[1:5].astype(np.float32).tolist()
    assert y[1].tolist() == numbers[5:7, 1].astype(np.float32).tolist()


# ---- splits ----------------------------------------------------------------------------------


def test_splits_by_column_and_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = ["2026-03-01,1,1,a,test", "2026-01-01,2,2,b,train", "2026-02-01,3,3,a,validation"]
    table(tmp_path, "\n".join(["day,x1,x2,kind,set", *rows, "2025-01-01,4,4,a,train"]) + "\n")
    data = CSV + 'x = columns("x1", "x2") y = column("kind") -> category '
    found = agree(program(data + 'split = by_column("set")'), tmp_path, monkeypatch)
    assert {name: part["x"][:, 0].tolist() for name, part in found.items()} == {
        "train": [2, 4],
        "validation": [3],
        "test": [1],
    }
    found = agree(program(data + 'split = by_time("day", test=0.5)'), tmp_path, monkeypatch)
    assert {name: part["x"][:, 0].tolist() for name, part in found.items()} == {
        "train": [4, 2],
        "test": [3, 1],
    }
    wrong = message(program(data + 'split = by_column("kind")'), tmp_path)
    assert wrong.startswith("E614 t.csv: row 1: a is no split")


def test_prediction_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    table(tmp_path, "size,colour,kind\n1,red,p\n2,blue,q\n")
    data = CSV + 'x = column("colour") -> one_hot y = column("kind") -> category'
    spec = program(data)
    fitted = open_data(spec, tmp_path).fitted
    cases = {
        "colour\nred\ngreen\n": "E614 new.csv, `x`: column 'colour', row 2: green does not occur",
        "color\nred\n": "E612 new.csv: the data has no column 'colour'",
        "colour,n\nred,1\n,2\n": "E614 new.csv: column 'colour', row 2: a value is missing",
        "colour\n1\n": "E614 new.csv, `x`: column 'colour', row 1: 1 does not occur",
        "colour,n\nred\n": "E611 new.csv: row 1 has 1 columns, not 2",
        "colour\n": "E611 new.csv: there are no examples",
    }
    for text, expected in cases.items():
        table(tmp_path, text, "new.csv")
        with pytest.raises(Failed) as caught:
            prepare_inputs(spec, tmp_path / "new.csv", fitted)
        (found,) = caught.value.diagnostics
        assert f"{found.code} {found.message}".startswith(expected)
