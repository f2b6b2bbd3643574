"""Images: out of folders, in other sizes. Channels stand first unless `last` says
otherwise; an image may have none."""

from pathlib import Path
from typing import Any

import numpy as np


def read_folder(path: str, pattern: str) -> dict[Any, Any]:
    """The images whose names match, `files`, and the subfolder of each, `class`."""
    if not Path(path).exists():
        raise FileNotFoundError(f"{path} does not exist")
    if not Path(path).is_dir():
        raise ValueError("it is a file, not a folder")
    files = sorted(file for file in Path(path).rglob(pattern) if file.is_file())
    if not files:
        raise ValueError(f"no file matches {pattern}")
    return {"files": files, "class": [file.parent.name for file in files]}


def images(files: list[Path], channels: int = 3, last: bool = False) -> Any:
    """Images as whole numbers from 0 to 255: one array if they are all of one size."""
    found = [read_image(file, channels, last) for file in files]
    return np.stack(found) if len({x.shape for x in found}) == 1 else found


def read_image(file: Path, channels: int, last: bool) -> np.ndarray:
    """One image. Raises ValueError for a file that is none."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            x = np.array(image.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels]))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        name = f"{file.parent.name}/{file.name}"
        raise ValueError(f"{name} is not an image that can be read") from None
    x = x.reshape(*x.shape[:2], channels)
    return x if last else np.moveaxis(x, 2, 0)


def of_images(change: Any, images: Any, last: bool) -> Any:
    """A change of [height, width, channels] made to every image."""
    made = []
    for x in images:
        first = x.ndim == 3 and not last
        x = change(np.moveaxis(x, 0, -1) if first else x)
        made.append(np.moveaxis(x, -1, 0) if first else x)
    return np.stack(made)


def resize(images: Any, height: int, width: int, last: bool = False) -> Any:
    """Images in another size: bilinear, with a wider filter where they shrink."""

    def resized(x: np.ndarray) -> np.ndarray:
        down, across = bilinear(x.shape[0], height), bilinear(x.shape[1], width)
        x = np.tensordot(down, x.astype(np.float64), 1)
        x = np.moveaxis(np.tensordot(across, x, (1, 1)), 0, 1)
        return x.astype(np.float32)

    return of_images(resized, images, last)


def bilinear(size: int, wanted: int) -> Any:
    """[wanted, size]: how much each old pixel counts in each new one."""
    step = size / wanted
    centres = (np.arange(wanted)[:, None] + 0.5) * step
    distance = np.abs(np.arange(size) + 0.5 - centres) / max(step, 1.0)
    weights = np.maximum(1 - distance, 0.0)
    return weights / weights.sum(axis=1, keepdims=True)


def crop(images: Any, height: int, width: int, last: bool = False) -> Any:
    """The middle of each image. Raises ValueError for an image that is too small."""

    def cropped(x: np.ndarray) -> np.ndarray:
        top, left = (x.shape[0] - height) // 2, (x.shape[1] - width) // 2
        if top < 0 or left < 0:
            size = f"{x.shape[0]} x {x.shape[1]}"
            raise ValueError(f"an image of {size} has no {height} x {width}")
        return x[top : top + height, left : left + width]

    return of_images(cropped, images, last)
