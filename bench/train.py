"""One training step: the generated programs beside those that a good engineer writes by hand.

    python -m bench.train [--rounds 15] [--networks mlp,cnn,lstm] [--json FILE]

The same network, batch and optimiser (Adam) for everybody, one thread each, all in one process; the
steps take turns. Ratios are to PyTorch's plain training loop. Aims: nnc's PyTorch program at most
1.02 times the best loop by hand (fused optimiser, channels-last memory where it helps), its Keras
program at most 1.05 times a `tf.function` by hand, its ONNX graphs on onnxruntime no slower than
such a graph by hand, and at most 0.55 (MLP), 0.62 (CNN) and 1.0 (LSTM) times PyTorch's plain loop
where the processor lets them: the README tells how far that is.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnc import compile_text
from nnc.backends import initial
from nnc.backends.base import Arrays
from nnc.compiler.ir import Program

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")

Step: TypeAlias = Callable[[], Any]
Array: TypeAlias = "NDArray[Any]"

NETWORKS = {
    "mlp": ("model Mlp { input x: f32[784] output scores = x -> Dense(512) -> relu -> Dense(10) }"),
    "cnn": (
        "model Cnn { input x: f32[3, 64, 64]"
        " output scores = x -> Conv2D(32, 3, padding=1) -> relu -> MaxPool2D(2)"
        " -> Conv2D(64, 3, padding=1) -> relu -> MaxPool2D(2)"
        " -> Conv2D(64, 3, padding=1) -> relu -> MaxPool2D(2)"
        " -> Flatten -> Dense(128) -> relu -> Dense(10) }"
    ),
    "lstm": (
        "model Lstm { input x: f32[50, 64]"
        " output scores = x -> LSTM(128, return_sequences=false) -> Dense(10) }"
    ),
}
TRAIN = (
    " train { target y: i64 loss = cross_entropy(scores, y) optimizer = adam(1e-6) batch = 128 }"
)
BATCH = 128
RATE = 1e-6
"""So small that the batch is not learnt: tiny gradients take processors longer."""


@dataclass(frozen=True)
class Result:
    """The medians of a step, and its time as a multiple of the base's."""

    network: str
    name: str
    milliseconds: float
    ratio: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="how often each step is measured")
    parser.add_argument("--networks", default=",".join(NETWORKS), help="which, with commas")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    arguments = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for network in arguments.networks.split(","):
            found = measured(network, steps(network, Path(folder)), arguments.rounds)
            print(table(found), flush=True)
            results += found
    if arguments.json:
        rows = [vars(result) for result in results]
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def steps(network: str, folder: Path) -> dict[str, Step]:
    """Everybody's step on one batch; the first is the base."""
    import tensorflow as tf
    import torch

    from bench.onnx_by_hand import onnx_step
    from bench.steps_by_hand import keras_step, torch_step

    torch.set_num_threads(1)
    if not tf.config.list_physical_devices("GPU"):
        _one_thread(tf)
    program, _ = compile_text(NETWORKS[network] + TRAIN)
    assert program is not None
    weights = initial.weights(program.graph, 0)
    rng = np.random.default_rng(0)
    shape = [d for d in program.graph.inputs[0].type.shape if isinstance(d, int)]
    x = rng.normal(size=(BATCH, *shape)).astype(np.float32)
    y = rng.integers(0, 10, BATCH)
    batch: Arrays = {"x": x, "y": y}
    found = {
        "torch by hand": torch_step(network, x, y, RATE, tuned=False),
        "torch by hand, tuned": torch_step(network, x, y, RATE, tuned=True),
        "nnc torch": _nnc_torch(program, weights, batch, folder),
        "tf.function by hand": keras_step(network, x, y, RATE),
        "nnc keras": _nnc_keras(program, weights, batch, folder),
        "nnc onnx": _nnc_onnx(program, weights, batch),
    }
    if network != "lstm":
        found["onnx by hand"] = onnx_step(network, x, y, RATE)
    return found


def _one_thread(tf: Any) -> None:
    """As PyTorch has it; only before TensorFlow has done anything."""
    if tf.config.threading.get_intra_op_parallelism_threads() != 1:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)


def _names(text: str, folder: Path) -> dict[str, Any]:
    """What a generated program defines: a file like any other, so that Keras finds its text."""
    path = Path(tempfile.mkstemp(".py", dir=folder)[1])
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("generated", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generated"] = module
    spec.loader.exec_module(module)
    return vars(module)


def _nnc_torch(program: Program, weights: Arrays, batch: Arrays, folder: Path) -> Step:
    import torch

    from nnc.backends.torch.emit import emit

    names = _names(emit(program).text, folder)
    model = names[program.name]()
    model.load_state_dict(
        {name: torch.from_numpy(array) for name, array in weights.items()}, strict=False
    )
    optimizer = names["optimizer_of"](model)
    given = {name: torch.from_numpy(array) for name, array in batch.items()}
    return lambda: float(names["update"](model, optimizer, given, RATE))


def _nnc_keras(program: Program, weights: Arrays, batch: Arrays, folder: Path) -> Step:
    import tensorflow as tf

    from nnc.backends.keras.emit import emit

    names = _names(emit(program).text, folder)
    model = names["build_model"]()
    names["set_weights"](model, weights)
    update = names["make_update"](model, model)
    given = {name: tf.constant(array) for name, array in batch.items()}
    return lambda: float(update(given, RATE))


def _nnc_onnx(program: Program, weights: Arrays, batch: Arrays) -> Step:
    from nnc.backends.onnx.engine import OnnxEngine

    engine = OnnxEngine(program, weights)
    return lambda: engine.step([batch], 0, RATE)


def measured(network: str, found: Mapping[str, Step], rounds: int) -> list[Result]:
    """The steps take turns; each turn is as many steps as take a moment."""
    repeats = {name: _repeats(step) for name, step in found.items()}
    times: dict[str, list[float]] = {name: [] for name in found}
    names = list(found)
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            times[name].append(_seconds(found[name], repeats[name]))
    base = times[names[0]]
    return [
        Result(
            network,
            name,
            1000 * statistics.median(times[name]),
            statistics.median(mine / its for mine, its in zip(times[name], base, strict=True)),
        )
        for name in names
    ]


def _repeats(step: Step) -> int:
    """How often a step is taken in one turn: for a tenth of a second. The first ones warm up."""
    for _ in range(3):
        step()
    return max(1, round(0.1 / _seconds(step, 1)))


def _seconds(step: Step, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    return (time.perf_counter() - start) / repeats


def table(results: list[Result]) -> str:
    """The results for people."""
    width = max(len(result.name) for result in results)
    head = f"{results[0].network:{width}}       median   ratio"
    rows = [f"{r.name:{width}}  {r.milliseconds:8.2f} ms  {r.ratio:6.2f}" for r in results]
    return "\n".join([head, *rows])


if __name__ == "__main__":
    main()
