"""How long a newcomer waits: whole processes that train the digits network, imports included.

    python -m bench.first_epoch [--rounds 7] [--json FILE]

One epoch, beside PyTorch and scikit-learn by hand; then five, beside the PyTorch program that nnc
generates. Aims: `nnc train` for one epoch at most a third of PyTorch by hand (0.8 s where that
takes 2.3 s); `nnc train --backend torch` for five at most 1.2 times the generated program alone.
One thread each.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from bench.pairs import Result, as_json, compare, run, table

SPEC = Path(__file__).parents[1] / "specs" / "curriculum" / "digits_mlp.nn"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="how often each command is run")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        for commands in (first(Path(folder)), five(Path(folder))):
            found = compare(commands, rounds=arguments.rounds)
            print(table(found), end="\n\n")
            results += found
    if arguments.json:
        arguments.json.write_text(as_json(results) + "\n", encoding="utf-8")


def first(folder: Path) -> dict[str, list[str]]:
    """One epoch; ratios are to PyTorch by hand."""
    hand = [sys.executable, "-m", "bench.digits_by_hand"]
    return {
        "torch by hand, 1 epoch": [*hand, "torch", "1"],
        "MLPClassifier, 1 epoch": [*hand, "sklearn", "1"],
        "nnc train, 1 epoch": trained(folder, "onnx", 1),
    }


def five(folder: Path) -> dict[str, list[str]]:
    """Five epochs; ratios are to the generated program."""
    program = folder / "digits_mlp.py"
    compiling = [sys.executable, "-m", "nnc", "compile", str(SPEC), "--backend", "torch"]
    run([*compiling, "-o", str(program)])
    weights = ["--save", str(folder / "digits.safetensors")]
    hand = [sys.executable, "-m", "bench.digits_by_hand"]
    return {
        "generated torch, 5 epochs": [sys.executable, str(program), *weights, "--epochs", "5"],
        "torch by hand, 5 epochs": [*hand, "torch", "5"],
        "nnc train --backend torch, 5": trained(folder, "torch", 5),
        "nnc train, 5 epochs": trained(folder, "onnx", 5),
        "MLPClassifier, 5 epochs": [*hand, "sklearn", "5"],
    }


def trained(folder: Path, backend: str, epochs: int) -> list[str]:
    """`nnc train` into a folder."""
    place = str(folder / f"{backend}-{epochs}")
    options = ["--backend", backend, "--epochs", str(epochs), "--force", "-o", place]
    return [sys.executable, "-m", "nnc", "train", str(SPEC), *options]


if __name__ == "__main__":
    main()
