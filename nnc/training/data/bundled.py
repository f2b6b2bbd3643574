"""Data sets that ship with scikit-learn, out of the folder where it keeps their files.

Importing scikit-learn takes longer than training on its data sets. So the plainest of its files are
read without it, to the same values in the same order; scikit-learn itself reads the others, and
whatever another version of it keeps in another way.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from nnc.backends.pieces.tables import read_sklearn

_CELLS = (
    *("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity"),
    *("concave points", "symmetry", "fractal dimension"),
)
_FEATURES: Final[Mapping[str, tuple[str, ...]]] = {
    "digits": tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8)),
    "iris": (
        *("sepal length (cm)", "sepal width (cm)"),
        *("petal length (cm)", "petal width (cm)"),
    ),
    "breast_cancer": (
        *(f"mean {name}" for name in _CELLS),
        *(f"{name} error" for name in _CELLS),
        *(f"worst {name}" for name in _CELLS),
    ),
}
"""The names of the columns, which the files don't have; the last column is the target."""
_FILES: Final[Mapping[str, str]] = {
    "digits": "digits.csv.gz",
    "iris": "iris.csv",
    "breast_cancer": "breast_cancer.csv",
}
_SIZES: Final[Mapping[str, int]] = {"digits": 1797, "iris": 150, "breast_cancer": 569}


def table(name: str) -> dict[Any, Any]:
    """What `read_sklearn(name)` gives. Raises ImportError without scikit-learn."""
    numbers = _numbers(name)
    if numbers is None:
        return read_sklearn(name)
    data, target = numbers[:, :-1], numbers[:, -1].astype(np.int64)
    found: dict[Any, Any] = {}
    for number, (feature, column) in enumerate(zip(_FEATURES[name], data.T, strict=True)):
        found[number] = found[feature] = column
    found |= {"data": data, "target": target}
    return found | ({"images": data.reshape(-1, 8, 8)} if name == "digits" else {})


def _numbers(name: str) -> np.ndarray | None:
    """The rows of a file, the target last; None unless it is there as it is known."""
    installed = find_spec("sklearn")
    if name not in _FILES or installed is None or installed.origin is None:
        return None
    path = Path(installed.origin).parent / "datasets" / "data" / _FILES[name]
    if not path.is_file():
        return None
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    lines = text.decode().splitlines()
    # The first line of a file that is not compressed tells its size and the names of the classes.
    rows = lines if path.suffix == ".gz" else lines[1:]
    numbers = np.loadtxt(rows, delimiter=",", ndmin=2)
    shape = (_SIZES[name], len(_FEATURES[name]) + 1)
    return numbers if numbers.shape == shape else None
