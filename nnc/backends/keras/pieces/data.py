"""Examples as the model takes them."""

import numpy as np

from nnc.backends.keras.pieces.program import INPUTS, TARGETS
from nnc.backends.pieces.columns import declared, numbers
from nnc.backends.pieces.tables import read_npz


def divide(
    fields: dict[str, np.ndarray], splits: dict[str, np.ndarray]
) -> dict[str, dict[str, np.ndarray]]:
    """The examples of each split, in the types and shapes that the model takes."""
    wanted = INPUTS | TARGETS
    examples = {name: declared(x, name, *wanted[name]) for name, x in fields.items()}
    return {
        split: {name: array[rows] for name, array in examples.items()}
        for split, rows in splits.items()
    }


def load_arrays(
    path: str, wanted: dict[str, tuple[str, tuple[int, ...]]]
) -> dict[str, np.ndarray]:
    """The arrays of an npz file that bear these names."""
    table = read_npz(path)
    return {
        name: declared(numbers(table, name), name, dtype, shape)
        for name, (dtype, shape) in wanted.items()
    }


def load_npz(path: str | None) -> dict[str, dict[str, np.ndarray]]:
    """Examples from an npz file whose arrays are named as inputs and targets are."""
    if path is None:
        raise ValueError("give the examples: --data FILE.npz")
    return {"train": load_arrays(path, INPUTS | TARGETS)}
