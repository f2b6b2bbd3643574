"""Training examples changed at random. What is drawn depends on the key, which belongs
to the change and the epoch, and on the place of an example among those of training."""

from typing import Any

import numpy as np

from nnc.backends.pieces.draws import hashed


def drawn(places: np.ndarray, key: int, count: int) -> Any:
    """[examples, count]: 32 random bits each."""
    index = places[:, None] * count + np.arange(count)
    return hashed(index & 0xFFFFFFFF, key)


def normal(places: np.ndarray, key: int, count: int) -> Any:
    """[examples, count]: normal numbers of mean 0 and variance 1 (Box and Muller)."""
    bits = drawn(places, key, 2 * count).reshape(len(places), count, 2) >> 8
    u, v = (1 + bits[:, :, 0]) / 2**24, bits[:, :, 1] / 2**24
    return np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)


def flip_images(
    x: np.ndarray,
    places: np.ndarray,
    key: int,
    rate: float = 0.5,
    horizontal: bool = True,
    vertical: bool = False,
    last: bool = False,
) -> Any:
    """Images mirrored at a rate, from left to right and from top to bottom."""
    top = 1 if last or x.ndim == 3 else 2
    chosen = drawn(places, key, 2) < rate * 2**32
    for flips, axis, wanted in (
        (chosen[:, 0], top + 1, horizontal),
        (chosen[:, 1], top, vertical),
    ):
        if wanted:
            which = flips.reshape(-1, *[1] * (x.ndim - 1))
            x = np.where(which, np.flip(x, axis), x)
    return x


def move_images(
    x: np.ndarray, places: np.ndarray, key: int, padding: int, last: bool = False
) -> Any:
    """Images moved by up to `padding` pixels; zeros come in at the edges."""
    top = 0 if last or x.ndim == 3 else 1
    height, width = x.shape[top + 1 : top + 3]
    before = (slice(None),) * top
    edges = [(0, 0)] * (x.ndim - 1)
    edges[top] = edges[top + 1] = (padding, padding)
    made = np.empty_like(x)
    for row, (down, right) in enumerate(drawn(places, key, 2) % (2 * padding + 1)):
        part = (*before, slice(down, down + height), slice(right, right + width))
        made[row] = np.pad(x[row], edges)[part]
    return made


def rotate_images(
    x: np.ndarray, places: np.ndarray, key: int, degrees: float, last: bool = False
) -> Any:
    """Images turned about their middle, bilinear, with zeros from outside."""
    turns = np.deg2rad((drawn(places, key, 1)[:, 0] / 2**31 - 1) * degrees)
    first = x.ndim == 4 and not last
    images = np.moveaxis(x, 1, -1) if first else x
    made = np.stack([turned(*pair) for pair in zip(images, turns, strict=True)])
    return (np.moveaxis(made, -1, 1) if first else made).astype(x.dtype)


def turned(image: np.ndarray, angle: float) -> Any:
    """An image, [height, width] or with channels behind, turned counterclockwise."""
    height, width = image.shape[:2]
    down, right = np.mgrid[:height, :width]
    down, right = down - (height - 1) / 2, right - (width - 1) / 2
    y = np.cos(angle) * down + np.sin(angle) * right + (height - 1) / 2
    x = np.cos(angle) * right - np.sin(angle) * down + (width - 1) / 2
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    shape = (height, width, *[1] * (image.ndim - 2))
    made = np.zeros(image.shape)
    for i, j in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        weight = np.maximum(1 - np.abs(y - i), 0) * np.maximum(1 - np.abs(x - j), 0)
        weight *= (i >= 0) & (i < height) & (j >= 0) & (j < width)
        pixels = image[np.clip(i, 0, height - 1), np.clip(j, 0, width - 1)]
        made += weight.reshape(shape) * pixels
    return made


def add_noise(x: np.ndarray, places: np.ndarray, key: int, std: float) -> Any:
    """x plus normal numbers of a standard deviation."""
    flat = x.reshape(len(x), -1)
    noise = std * normal(places, key, flat.shape[1])
    return (flat + noise).reshape(x.shape).astype(x.dtype)


def stretch(x: np.ndarray, places: np.ndarray, key: int, std: float) -> Any:
    """Each example times 1 plus a normal number of a standard deviation."""
    factors = 1 + std * normal(places, key, 1)
    return (x * factors.reshape(-1, *[1] * (x.ndim - 1))).astype(x.dtype)
