"""Models that take what data files hold: images, windows, classes; held against nnc's own data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from nnc.backends import initial, registry
from nnc.backends.base import Arrays
from nnc.compiler.diagnostics import Failed
from tests.deployment.test_around import expected, made, run

TRAIN = "train { target t: i64  loss = cross_entropy(p, t)  optimizer = sgd(lr=0.1) }"
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 28, 20)).astype(np.uint8)
COLOURS = RNG.integers(0, 256, (6, 3, 28, 20)).astype(np.uint8)


def spec(field: str, type_: str, chain: str, source: str, model: str = "") -> str:
    """A spec of one input, and a label in column `t`."""
    return (
        f"data {{ source = {source}  x = {field}  t = column('t') -> category }} "
        f"model M {{ {model} input x: {type_}  output p = x -> {chain} -> Dense(2) -> softmax }} "
    ).replace("'", '"') + TRAIN


def check(folder: Path, text: str, given: Arrays, shape: str) -> None:
    """The model of raw inputs gives what the reference gives of prepared ones."""
    model, program, data = made(folder, text)
    (first, *_) = model.graph.input
    sizes = [d.dim_param or d.dim_value for d in first.type.tensor_type.shape.dim]
    assert ", ".join(map(str, sizes)) == shape
    found = run(model, given)
    np.testing.assert_allclose(found["p"], expected(program, data), rtol=1e-5, atol=2e-6)
    assert found["p_class"].dtype == np.int64


# ---- images ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "type_", "shape"),
    [
        ("resize(14, 30) -> scale(0.01)", "f32[1, 14, 30]", "batch, x_height, x_width"),
        ("crop(13, 9) -> resize(5, 30) -> scale(0.01)", "f32[5, 30]", "batch, x_height, x_width"),
        ("resize(7, 5) -> crop(4, 4) -> minmax", "f32[4, 4]", "batch, x_height, x_width"),
        ("standardize -> crop(13, 8) -> reshape([104])", "f32[104]", "batch, 28, 20"),
    ],
)
def test_images_of_one_channel(tmp_path: Path, steps: str, type_: str, shape: str) -> None:
    np.savez(tmp_path / "images.npz", images=GREY, t=np.arange(6) % 2)
    text = spec(f"column('images') -> {steps}", type_, "Flatten", "npz('images.npz')")
    text = text.replace("-> Flatten", "") if type_ == "f32[104]" else text
    check(tmp_path, text, {"x": GREY.astype(np.float32)}, shape)


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
@pytest.mark.parametrize("steps", ["resize(14, 30)", "crop(14, 30) -> resize(14, 30)"])
def test_images_of_a_table_have_their_channels_where_the_layout_has_them(
    tmp_path: Path, layout: str, steps: str
) -> None:
    last = layout == "channels_last"
    images = np.tile(COLOURS, (1, 1, 2, 2))
    images = np.moveaxis(images, 1, -1) if last else images
    np.savez(tmp_path / "images.npz", images=images, t=np.arange(6) % 2)
    type_, shape = (
        ("f32[14, 30, 3]", "batch, x_height, x_width, 3")
        if last
        else ("f32[3, 14, 30]", "batch, 3, x_height, x_width")
    )
    field = f"column('images') -> {steps} -> scale(0.01)"
    text = spec(field, type_, "Flatten", "npz('images.npz')", f"layout {layout}")
    check(tmp_path, text, {"x": images.astype(np.float32)}, shape)


@pytest.mark.parametrize(
    ("channels", "steps", "layout", "type_", "shape"),
    [
        (3, "resize(9, 9)", "channels_first", "f32[3, 9, 9]", "batch, x_height, x_width, 3"),
        (3, "crop(9, 9)", "channels_last", "f32[9, 9, 3]", "batch, x_height, x_width, 3"),
        (1, "standardize", "channels_first", "f32[1, 12, 11]", "batch, 12, 11, 1"),
        (3, "reshape([396])", "channels_first", "f32[396]", "batch, x_height, x_width, 3"),
    ],
)
def test_image_files_are_given_as_they_are_decoded(
    tmp_path: Path, channels: int, steps: str, layout: str, type_: str, shape: str
) -> None:
    mode = {1: "L", 3: "RGB"}[channels]
    for number in range(4):
        file = tmp_path / "images" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = RNG.integers(0, 256, (12, 11, 3)).astype(np.uint8)
        Image.fromarray(pixels).convert(mode).save(file)
    files = sorted((tmp_path / "images").rglob("*.png"))
    given = [np.array(Image.open(file)).reshape(12, 11, channels) for file in files]
    field = f"files('*.png', channels={channels}) -> scale(0.004) -> {steps}"
    chain = "identity" if type_ == "f32[396]" else "Flatten"
    text = spec(field, type_, chain, "folder('images')", f"layout {layout}")
    text = text.replace('column("t")', 'column("class")')
    model, _, _ = made(tmp_path, text)
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    check(tmp_path, text, {"x": np.stack(given)}, shape)


def test_an_image_that_is_too_small_fails(tmp_path: Path) -> None:
    np.savez(tmp_path / "images.npz", images=GREY, t=np.arange(6) % 2)
    text = spec("column('images') -> crop(13, 9)", "f32[13, 9]", "Flatten", "npz('images.npz')")
    model, _, _ = made(tmp_path, text)
    error = onnxruntime.capi.onnxruntime_pybind11_state.Fail
    with pytest.raises(error, match="cropped"):
        run(model, {"x": np.ones((1, 10, 10), np.float32)})


def test_an_image_as_it_is_when_it_is_larger_still(tmp_path: Path) -> None:
    """The size is free: each batch has its own."""
    np.savez(tmp_path / "images.npz", images=GREY, t=np.arange(6) % 2)
    text = spec("column('images') -> resize(13, 9)", "f32[13, 9]", "Flatten", "npz('images.npz')")
    model, program, data = made(tmp_path, text)
    large = np.repeat(np.repeat(GREY, 2, axis=1), 3, axis=2)
    np.savez(tmp_path / "images.npz", images=large, t=np.arange(6) % 2)
    _, _, data = made(tmp_path, text)
    found = run(model, {"x": large.astype(np.float32)})
    np.testing.assert_allclose(found["p"], expected(program, data), rtol=1e-5, atol=2e-6)


# ---- windows ---------------------------------------------------------------------------------


NUMBERS = RNG.integers(0, 90, (12, 2)).astype(np.float32)
NUMBERS[3, 0] = np.nan
DAYS = np.array(["mo", "tu", "we"], object)[np.arange(12) % 3]


@pytest.mark.parametrize(
    ("columns", "steps", "row", "column"),
    [
        ("'mw', 'wind'", "impute(mean) -> standardize ->", "2", NUMBERS),
        ("'mw', 'wind'", "impute(mean) -> reshape([2, 1]) ->", "2, 1", NUMBERS),
        ("'w*'", "minmax ->", "1", NUMBERS[:, 1]),
        ("'mw'", "impute(median) ->", "", NUMBERS[:, 0]),
        ("'day'", "one_hot ->", "3", DAYS),
        ("'wind'", "", "", NUMBERS[:, 1]),
    ],
)
def test_windows_take_their_rows_as_the_file_has_them(
    tmp_path: Path, columns: str, steps: str, row: str, column: Any
) -> None:
    rows = zip(NUMBERS, DAYS, strict=True)
    lines = [f"{'' if mw != mw else mw},{wind},{day}" for (mw, wind), day in rows]
    (tmp_path / "load.csv").write_text("mw,wind,day\n" + "\n".join(lines) + "\n")
    units = int(np.prod([int(size) for size in row.split(",") if size]))
    shape = f", {row}" if row else ""
    text = (
        'data { source = csv("load.csv") '
        f"x, y = columns({columns}) -> {steps} window(lookback=4, horizon=1) }} "
        f"model M {{ input x: f32[4{shape}]  output p = x -> {'Flatten ->' if row else ''} "
        f"Dense({units}) -> Reshape([1{shape}]) }} "
        f"train {{ target y: f32[1{shape}]  loss = mse(p, y)  optimizer = sgd(lr=0.1) }}"
    ).replace("'", '"')
    model, program, data = made(tmp_path, text)
    given = np.stack([column[start : start + 4] for start in range(8)])
    sizes = [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    assert sizes == ["batch", *given.shape[1:]]
    np.testing.assert_allclose(
        run(model, {"x": given})["p"], expected(program, data), rtol=1e-5, atol=2e-6
    )


# ---- classes ---------------------------------------------------------------------------------

WORDS = """\
data { source = csv("words.csv")  x = column("x") -> category  t = column("t") -> category }
model M { input x: i64  output p = x -> Embedding(ROWS, 4) -> Dense(2) -> softmax }
"""


@pytest.mark.parametrize("known", [["red", "blue", "blue", "green"], [7, 2.5, 2.5, -1]])
def test_a_class_becomes_its_number(tmp_path: Path, known: list[Any]) -> None:
    lines = [f"{word},{row % 2}" for row, word in enumerate(known)]
    (tmp_path / "words.csv").write_text("x,t\n" + "\n".join(lines) + "\n")
    column = np.array(known, object if isinstance(known[0], str) else np.float32)
    text = WORDS.replace("ROWS", "3") + TRAIN
    check(tmp_path, text, {"x": column}, "batch")
    unknown = np.array(["pink"], object) if isinstance(known[0], str) else np.array([3], np.float32)
    # No row of the table is its: the runtime refuses it, as nnc does.
    model, _, _ = made(tmp_path, text)
    error = onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument
    with pytest.raises(error, match="out of data bounds"):
        run(model, {"x": unknown})
    # A table with a row to spare has one for what is unknown.
    model, program, _ = made(tmp_path, WORDS.replace("ROWS", "4") + TRAIN)
    weights = dict(initial.weights(program.graph, 0))
    spare = registry.REFERENCE.load_runner()(program, weights, "float64").outputs(
        {"x": np.array([3])}
    )
    np.testing.assert_allclose(run(model, {"x": unknown})["p"], spare["p"], rtol=1e-5)


@pytest.mark.parametrize(("step", "type_"), [("one_hot", "f32[3]"), ("category", "f32[1]")])
def test_classes_of_whole_numbers(tmp_path: Path, step: str, type_: str) -> None:
    numbers = np.array([5, 2, 5, 9, 2, 5])
    np.savez(tmp_path / "numbers.npz", number=numbers, t=np.arange(6) % 2)
    text = spec(f"column('number') -> {step}", type_, "identity", "npz('numbers.npz')")
    check(tmp_path, text, {"x": numbers.astype(np.float32)}, "batch")


def test_a_class_that_is_used_as_a_number_is_none_when_it_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "words.csv").write_text("x,t\nred,0\nblue,1\ngreen,0\n")
    text = WORDS.replace("x: i64", "x: f32[1]").replace("Embedding(ROWS, 4) -> ", "") + TRAIN
    check(tmp_path, text, {"x": np.array(["red", "blue", "green"], object)}, "batch")
    model, _, _ = made(tmp_path, text)
    found = run(model, {"x": np.array(["pink", "red"], object)})
    assert np.isnan(found["p"]).all(axis=1).tolist() == [True, False]


@pytest.mark.parametrize(
    ("steps", "rows", "words"),
    [
        ("scale(0.1) -> category", "1 2 3", "`category`, which prepares `x`: numbers that were"),
        ("one_hot", "16777216 16777217 3", "`one_hot`, which prepares `x`: some of its values"),
    ],
)
def test_classes_that_float32_takes_for_others(
    tmp_path: Path, steps: str, rows: str, words: str
) -> None:
    lines = [f"{word},{row % 2}" for row, word in enumerate(rows.split())]
    (tmp_path / "words.csv").write_text("x,t\n" + "\n".join(lines) + "\n")
    type_ = "f32[3]" if "one_hot" in steps else "f32[1]"
    text = WORDS.replace("x: i64", f"x: {type_}").replace("Embedding(ROWS, 4) -> ", "") + TRAIN
    text = re.sub(r'column\("x"\) -> category', f'column("x") -> {steps}', text)
    with pytest.raises(Failed) as failed:
        made(tmp_path, text)
    (diagnostic,) = failed.value.diagnostics
    assert (diagnostic.code, words in diagnostic.message) == ("E718", True), diagnostic.message
