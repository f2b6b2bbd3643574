"""Whether reading data holds training up: the share of the time of a run that goes into it.

    python -m bench.reading

A network of 784-512-10 is trained for 5 epochs on 10,000 made-up digits, out of a CSV file and out
of an `.npz` file with the same numbers, in turns. `waits` is the time of a run as a ratio to the
same run without the time that went into data.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from nnc.loading import compile_text
from nnc.training import start
from nnc.training.engines import Setup
from nnc.training.folder import Folder
from nnc.training.spent import Spent

EXAMPLES = 10_000
PIXELS = 784
SPEC = """\
data {
  source = %s
  x = %s -> scale(1 / 255)
  y = column("label")
}

model Digits { input x: f32[784]  output p = x -> Dense(512) -> relu -> Dense(10) -> softmax }

train {
  target y: i64
  loss = cross_entropy(p, y)
  optimizer = rmsprop(lr=0.001)
  epochs = 5
  batch = 128
}
"""
SOURCES = {
    "csv": ('csv("digits.csv")', 'columns("p*")'),
    "npz": ('npz("digits.npz")', 'column("pixels")'),
}


def main() -> None:
    """Print, for each source, the medians of the seconds and of the share."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--backend", default="torch")
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        written(base)
        found: dict[str, list[Spent]] = {name: [] for name in SOURCES}
        for number in range(given.rounds + 1):
            for name in SOURCES if number % 2 else reversed(SOURCES):
                spent = trained(base, name, given.backend, base / f"{name}-{number}")
                found[name] += [spent] if number else []  # the first round warms up
    print("source  opening  reading   steps   share   waits")
    figures = {}
    for name, runs in found.items():
        part = {f: median(getattr(s, f) for s in runs) for f in ("opening", "reading", "steps")}
        part["share"] = median(spent.on_data for spent in runs)
        part["waits"] = median(1 / (1 - spent.on_data) for spent in runs)
        print(
            f"{name:6} {part['opening']:7.2f}s {part['reading']:7.2f}s {part['steps']:6.2f}s "
            f"{part['share']:7.1%} {part['waits']:7.2f}"
        )
        figures[name] = part
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def written(base: Path) -> None:
    """The same examples in both files."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (EXAMPLES, PIXELS), np.uint8)
    label = rng.integers(0, 10, EXAMPLES)
    np.savez(base / "digits.npz", pixels=pixels, label=label)
    head = ",".join([*(f"p{i}" for i in range(PIXELS)), "label"])
    rows = np.concatenate([pixels, label[:, None]], axis=1)
    np.savetxt(base / "digits.csv", rows, "%d", ",", header=head, comments="")


def trained(base: Path, source: str, backend: str, path: Path) -> Spent:
    """What the time of a run is spent on."""
    program, diagnostics = compile_text(SPEC % SOURCES[source])
    assert program is not None, diagnostics
    path.mkdir()
    run = start.prepare(program, Setup(backend), base=base).into(Folder(path))
    for _ in run.updates():
        pass
    assert run.record.status == "finished"
    return replace(run.record.spent)


if __name__ == "__main__":
    main()
