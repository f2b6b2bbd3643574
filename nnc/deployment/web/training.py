"""What the page needs to train: the graphs of a step, the first state, and the examples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final, TypeAlias

from nnc.backends import draws, initial
from nnc.backends.onnx.folder import training_files
from nnc.backends.reference.schedules import rate
from nnc.backends.safetensors import encoded
from nnc.compiler.ir import Program, Training
from nnc.training.data import Dataset
from nnc.training.watching import goal, watched

Files: TypeAlias = dict[str, Iterable[bytes | memoryview]]

FOLDER: Final = "training"
MAXIMUM_BYTES: Final = 32 * 2**20
"""Of the examples: more is a long wait in a browser."""


def hindrance(program: Program, data: Dataset | None) -> str | None:
    """Why a page can't train a program, or None."""
    training = program.training
    if training is None or data is None:
        return "the spec has no train block and data"
    for monitor, setting in watched(training).items():
        if monitor.startswith("val_") and "validation" not in data.splits:
            return f"`{setting}` watches `{monitor}`, but there are no validation examples"
    splits = [data.splits[name] for name in ("train", "validation") if name in data.splits]
    size = sum(array.nbytes for rows in splits for array in data.batch(rows).values())
    if size > MAXIMUM_BYTES:
        return f"its examples take {size:,} bytes"
    return None


def training_part(program: Program, data: Dataset) -> tuple[dict[str, Any], Files]:
    """The description of the training for the page, and the files in its folder.

    Training begins with the initial weights. Raises Failed for what can't be trained in ONNX.
    """
    training = program.training
    assert training is not None
    arrays = data.batch(data.splits["train"])
    count = len(data.splits["train"])
    start = initial.weights(program.graph, program.seed)
    files: Files = dict(training_files(program, start, _rates(training, count)))
    files["examples.safetensors"] = encoded(arrays, {"producer": "nnc"})
    validated = "validation" in data.splits
    if validated:
        held_out = data.batch(data.splits["validation"])
        files["validation.safetensors"] = encoded(held_out, {"producer": "nnc"})
    stop = training.stop
    about = {
        "folder": FOLDER,
        "examples": count,
        "validation": len(data.splits["validation"]) if validated else 0,
        "order": draws.key_of(program.seed, "order"),
        "goal": asdict(goal(program, validated=validated)),
        "stop": stop and {"patience": stop.patience, "restore_best": stop.restore_best},
    }
    return about, files


def _rates(training: Training, count: int) -> list[float]:
    """The learning rate of each update."""
    updates = training.epochs * -(-count // (training.batch or count))
    base = training.optimizer.lr
    rates = [rate(training.schedule, base, t, updates) for t in range(updates)]
    while len(rates) > 1 and rates[-1] == rates[-2]:  # the last one holds on
        rates.pop()
    return rates
