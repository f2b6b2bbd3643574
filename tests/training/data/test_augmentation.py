"""Training examples changed at random: by what, by how much, and the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nnc.backends import draws
from nnc.backends.pieces import augmentation
from nnc.backends.pieces.draws import drawn_order, hashed
from nnc.backends.torch.emit import emit
from nnc.backends.torch.run import load_module
from nnc.training.data import open_data
from tests.backends.keras.programs import executed, source
from tests.training.data.test_open import program

RNG = np.random.default_rng(0)
PLACES = np.array([5, 0, 17, 3])
IMAGES = RNG.normal(size=(4, 3, 6, 8)).astype(np.float32)


def test_the_draws_are_those_of_the_contract() -> None:
    places = np.arange(1000, 3000)
    expected = draws.bits(77, places.astype(np.uint32))
    assert np.array_equal(hashed(places, 77), expected)
    assert np.array_equal(drawn_order(500, 123), draws.order(500, 123))
    index = (places[:, None] * 3 + np.arange(3)).astype(np.uint32)
    assert np.array_equal(augmentation.normal(places, 9, 3), draws.normal(9, index))


def test_flips() -> None:
    places = np.arange(400)
    x = np.arange(6.0).reshape(1, 2, 3).repeat(400, 0)
    made = augmentation.flip_images(x, places, 3, rate=0.25, vertical=True)
    shown = [tuple(image.ravel()) for image in made]
    kinds = {
        (0, 1, 2, 3, 4, 5): 0.75 * 0.75,
        (2, 1, 0, 5, 4, 3): 0.25 * 0.75,
        (3, 4, 5, 0, 1, 2): 0.25 * 0.75,
        (5, 4, 3, 2, 1, 0): 0.25 * 0.25,
    }
    assert set(shown) == set(kinds)
    for kind, share in kinds.items():
        assert abs(shown.count(kind) / 400 - share) < 4 * np.sqrt(share * (1 - share) / 400)
    assert np.array_equal(augmentation.flip_images(x, places, 3, rate=0.0), x)


def test_moves_bring_in_zeros() -> None:
    made = augmentation.move_images(IMAGES, PLACES, 8, 2)
    offsets = augmentation.drawn(PLACES, 8, 2) % 5 - 2
    for image, moved, (down, right) in zip(IMAGES, made, offsets, strict=True):
        expected = np.zeros_like(image)
        for i in range(6):
            for j in range(8):
                if 0 <= i + down < 6 and 0 <= j + right < 8:
                    expected[:, i, j] = image[:, i + down, j + right]
        assert np.array_equal(moved, expected)


def test_turns_by_right_angles_and_as_pytorch_does() -> None:
    square = RNG.normal(size=(5, 5))
    np.testing.assert_allclose(augmentation.turned(square, np.pi / 2), np.rot90(square), atol=1e-12)
    image, angle = RNG.normal(size=(7, 7, 2)), 0.3
    matrix = [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0]]
    grid = torch.nn.functional.affine_grid(
        torch.tensor([matrix], dtype=torch.float64), [1, 2, 7, 7], align_corners=True
    )
    given = torch.from_numpy(image).permute(2, 0, 1)[None]
    expected = torch.nn.functional.grid_sample(given, grid, align_corners=True)[0]
    made = augmentation.turned(image, angle)
    np.testing.assert_allclose(np.moveaxis(made, -1, 0), expected.numpy(), atol=1e-12)


def test_noise_and_stretching() -> None:
    x = np.zeros((2000, 5), np.float32)
    made = augmentation.add_noise(x, np.arange(2000), 4, 0.5)
    assert made.dtype == np.float32
    assert abs(made.mean()) < 0.03
    assert abs(made.std() - 0.5) < 0.03
    stretched = augmentation.stretch(x + 2, np.arange(2000), 4, 0.1)
    assert np.all(stretched == stretched[:, :1])
    assert abs(stretched[:, 0].std() - 0.2) < 0.02


@pytest.mark.parametrize("name", ["flip_images", "move_images", "rotate_images"])
def test_channels_may_stand_last(name: str) -> None:
    function: Any = getattr(augmentation, name)
    arguments = {"flip_images": (), "move_images": (2,), "rotate_images": (30.0,)}[name]
    first = function(IMAGES, PLACES, 6, *arguments)
    last = function(np.moveaxis(IMAGES, 1, -1), PLACES, 6, *arguments, last=True)
    assert np.array_equal(np.moveaxis(last, -1, 1), first)
    grey = function(IMAGES[:, 0], PLACES, 6, *arguments)
    assert np.array_equal(grey, first[:, 0])


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_nnc_and_the_programs_change_batches_alike(
    layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = layout == "channels_first"
    shape = (12, 3, 6, 8) if first else (12, 6, 8, 3)
    np.savez("d.npz", x=RNG.normal(size=shape).astype(np.float32), y=np.arange(12) % 3)
    spec = program(
        'source = npz("d.npz") x = column("x") y = column("y") split = shares(test=0.25)',
        f"x: f32{list(shape[1:])}",
        layout=layout,
        train="augment = [flip(x), crop(x, 1), rotate(x, 20), noise(x, 0.1), scale(x, 0.2)]",
    )
    data = open_data(spec, tmp_path)
    places = np.array([4, 0, 7])
    rows = data.splits["train"][places]
    plain, expected = data.batch(rows), data.batch(rows, 2)
    assert not np.array_equal(plain["x"], expected["x"])
    assert np.array_equal(plain["y"], expected["y"])
    assert not np.array_equal(data.batch(rows, 3)["x"], expected["x"])
    one = data.batch(rows[1:2], 2)
    assert np.array_equal(one["x"], expected["x"][1:2])
    module = load_module(emit(spec).text)
    batch = {name: x[places] for name, x in module.load_data()["train"].items()}
    assert np.array_equal(module.augment(batch, places, 3)["x"].numpy(), expected["x"])
    keras = executed(source(spec))
    examples = keras["load_data"]()["train"]
    given = {name: keras["tf"].constant(x[places]) for name, x in examples.items()}
    assert np.array_equal(keras["augment"](given, places, 3)["x"].numpy(), expected["x"])
    assert np.isfinite(module.train(module.M(), module.load_data(), 1)[0]["loss"])
