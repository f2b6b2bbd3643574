"""Digits: first networks, auto-encoders, augmentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from curriculum.lesson import Claim, Found, Picture
from curriculum.room import Room, Trained
from nnc.plot.svg import opening


def digits(room: Room) -> Found:
    for spec, name in (
        ("curriculum/digits_784", "784-512-10 with RMSprop, 5 epochs, batch 128"),
        ("curriculum/digits_mlp", "the same on the 64 pixels as they are"),
        ("examples/digits_cnn", "a CNN, 15 epochs"),
    ):
        run = room.train(spec, short=4 if "cnn" in spec else None)
        test, train = run.results["test_accuracy"], run.results["accuracy"]
        told = f"test accuracy {test:.3f}, training {train:.3f}"
        yield Claim(f"{name}: learns to read digits", told, test > 0.9)


def sequential(room: Room) -> Found:
    run = room.train("curriculum/sequential")
    first = run.history[0]["loss"]
    told = f"loss {first:.3f}, after 1000 epochs {run.loss:.3f}"
    yield Claim("Dense 2-3-1, SGD 0.01, 1000 epochs: the loss falls", told, run.loss < first)


# ---- augmentation ----------------------------------------------------------------------------


def augmentation(room: Room) -> Found:
    run = room.train("curriculum/augmented", seed=0, short=10)
    rows = run.data.splits["train"][:8]
    plain = run.data.batch(rows)["image"]
    first, second = (run.data.batch(rows, epoch)["image"] for epoch in (0, 1))
    again = run.data.batch(rows, 0)["image"]
    held = bool((first != plain).any() and (first != second).any() and (first == again).all())
    told = (
        "an epoch's images differ from the data and from the next one's; drawn again they are equal"
    )
    yield Claim("training images are changed, anew in each epoch, by the seed", told, held)
    if room.short:
        return
    changed = [room.train("curriculum/augmented", seed=seed) for seed in range(3)]
    as_is = [room.train("curriculum/augmented", seed=seed, augment=()) for seed in range(3)]
    ours, other = ([run.results["test_accuracy"] for run in runs] for runs in (changed, as_is))
    told = f"test accuracy {_listed(ours)} with it, {_listed(other)} without (seeds 0 to 2)"
    held = float(np.mean(ours)) > float(np.mean(other))
    yield Claim("a remedy for learning 180 examples by heart", told, held)
    images = [*plain[:, 0], *first[:, 0], *second[:, 0]]
    picture = tiles("Digits, and what two epochs make of them", images, 8)
    yield Picture("augmented", "Digits as they are, and in the first two epochs", picture)


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in values)


# ---- auto-encoders ---------------------------------------------------------------------------


def autoencoders(room: Room) -> Found:
    plain = room.train("curriculum/autoencoder", short=15)
    given = plain.examples("test")
    mean = plain.examples("train")["same"].mean(axis=0)
    nothing = _error(np.broadcast_to(mean, given["same"].shape), given["same"])
    kinds = {name: room.train(f"curriculum/autoencoder_{name}", short=15) for name in KINDS}
    runs = {"plain": plain, **kinds}
    again = {}
    for name, run in runs.items():
        examples = run.examples("test")
        again[name] = run.outputs(examples)["again"]
        error = _error(again[name], examples["image"])
        lecture = f"{name}: gives back what went in, by a narrow code"
        told = f"mean squared error {error:.4f}; the mean image has {nothing:.4f}"
        yield Claim(lecture, told, error < 0.6 * nothing)
    yield from _kinds(runs)
    yield _sparse(room, runs["sparse"])
    count = 12
    rows = [given["image"][:count], *(images[:count] for images in again.values())]
    images = [image.reshape(8, 8) for row in rows for image in row]
    names = ", ".join(again)
    picture = tiles(f"Test digits, and what comes back: {names}", images, count)
    yield Picture("autoencoders", f"Rows from above: test digits, {names}", picture)


KINDS = ("denoising", "sparse", "variational")


def _kinds(runs: dict[str, Trained]) -> Iterator[Claim]:
    """What each kind has of its own."""
    run = runs["denoising"]
    given = run.examples("test")
    noise = np.random.default_rng(0).normal(0, 0.2, given["image"].shape).astype(np.float32)
    clean = _error(run.outputs({"image": given["image"] + noise})["again"], given["clean"])
    disturbed = _error(given["image"] + noise, given["clean"])
    told = f"error {clean:.4f}, before {disturbed:.4f}"
    yield Claim("denoising: takes noise of deviation 0.2 away", told, clean < disturbed)
    run = runs["variational"]
    found = run.outputs(run.examples("test"))
    spread = float(np.mean(found["mean"].var(axis=0) + np.exp(found["log_variance"]).mean(axis=0)))
    told = f"variance of the codes {spread:.2f}, mean {float(found['mean'].mean()):+.2f}"
    yield Claim("variational: the codes are nearly standard normal", told, 0.5 < spread < 2)


def _sparse(room: Room, run: Trained) -> Claim:
    """The code with its penalty beside that of the same network without."""
    free = room.train("curriculum/autoencoder_sparse", short=15, activities=())
    ours, other = (float(r.outputs(r.examples("test"))["code"].mean()) for r in (run, free))
    told = f"the numbers of the code are {ours:.3f} on average, {other:.3f} without the penalty"
    return Claim("sparse: the loss wants the code near 0", told, ours < 0.6 * other)


def _error(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    return float(np.mean(np.square(found - expected, dtype=np.float64)))


# ---- pictures of pixels ----------------------------------------------------------------------

_PIXEL, _GAP, _TOP = 5, 8, 30
_GREYS = 8


def tiles(title: str, images: Sequence[NDArray[np.float32]], columns: int) -> str:
    """Images from 0 (white) to 1 (black) side by side, in eight shades, as an SVG document."""
    height, width = images[0].shape
    rows = -(-len(images) // columns)
    across, down = width * _PIXEL + _GAP, height * _PIXEL + _GAP
    right, bottom = columns * across + _GAP, rows * down + _GAP + _TOP
    parts = [opening(right, bottom), f"<title>{title}</title>"]
    parts.append(f'<rect width="{right}" height="{bottom}" fill="#ffffff"/>')
    parts.append(f'<text x="{_GAP}" y="20" font-size="13" fill="#1f2937">{title}</text>')
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        parts += _tile(image, column * across + _GAP, row * down + _TOP)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _tile(image: NDArray[np.float32], left: int, top: int) -> Iterator[str]:
    """A path for each shade."""
    height, width = image.shape
    shades = np.clip(np.rint(image * (_GREYS - 1)), 0, _GREYS - 1).astype(int)
    size = f'width="{width * _PIXEL}" height="{height * _PIXEL}"'
    yield f'<rect x="{left}" y="{top}" {size} fill="#f3f4f6"/>'
    for shade in range(1, _GREYS):
        places = np.argwhere(shades == shade)
        squares = "".join(
            f"M{left + x * _PIXEL} {top + y * _PIXEL}h{_PIXEL}v{_PIXEL}h-{_PIXEL}z"
            for y, x in places.tolist()
        )
        if squares:
            level = 243 - shade * 243 // (_GREYS - 1)
            yield f'<path d="{squares}" fill="rgb({level},{level},{level})"/>'
