"""Reading a table: nnc's data blocks against NumPy's own reader and the csv module, in one run.

    python -m bench.tables

The file is made here: 60 MB of CSV with eleven columns of numbers.
"""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nnc.backends.recipes import Call, Reading
from nnc.training.data.streaming import Request, stream

ROWS = 300_000
COLUMNS = 11
ROUNDS = 3


def main() -> None:
    """Print the best time of each reader, and the ratio to NumPy's."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        written(path)
        readers: dict[str, Callable[[Path], np.ndarray]] = {
            "numpy.loadtxt": by_numpy,
            "nnc": by_nnc,
            "csv module and float": by_csv,
        }
        times = {name: float("inf") for name in readers}
        expected = by_numpy(path)
        for _ in range(ROUNDS):
            for name, reader in readers.items():
                start = time.perf_counter()
                found = reader(path)
                times[name] = min(times[name], time.perf_counter() - start)
                assert np.array_equal(found, expected)
        size = path.stat().st_size / 1e6
        for name, seconds in times.items():
            ratio = seconds / times["numpy.loadtxt"]
            print(f"{name:22} {seconds:6.2f} s {size / seconds:6.0f} MB/s {ratio:6.2f}")


def written(path: Path) -> None:
    """A file of random numbers; the same thousand rows again and again."""
    rows = np.random.default_rng(0).normal(size=(1000, COLUMNS)).tolist()
    part = "".join(",".join(f"{value:.15g}" for value in row) + "\n" for row in rows)
    with path.open("w") as file:
        file.write(",".join(f"c{i}" for i in range(COLUMNS)) + "\n")
        for _ in range(ROWS // 1000):
            file.write(part)


def by_numpy(path: Path) -> np.ndarray:
    return np.loadtxt(path, delimiter=",", skiprows=1)


def by_nnc(path: Path) -> np.ndarray:
    request = Request(tuple(range(COLUMNS)))
    found = stream(Reading(Call("tables:read_csv")), path, path.name, [request])
    return np.asarray(found[request])


def by_csv(path: Path) -> np.ndarray:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return np.array([[float(cell) for cell in row] for row in rows])


if __name__ == "__main__":
    main()
