"""Latency of an ONNX model on onnxruntime: nnc's beside those of the frameworks' own exporters.

    python -m bench.infer [--rounds 9] [--json FILE] [--only NAME] [--batch 1] [--batch 32]

The same network with the same weights each time, exported by nnc (`--optimize fused`, and `deploy`
beside it), by PyTorch's two exporters, and by Keras' on TensorFlow, which needs tf2onnx and is left
out without it. The sessions take turns in one process, with one thread, whose own time is measured,
so that others on the machine count for little. Where a session's memory lies changes its time by
some percent, so all are made anew, in another order, as often as there are models. Before that, all
of them have to give the same numbers.
Aim: no slower than the best of the others, within noise, with fewer nodes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from nnc.deployment.latency import in_turns

ROOT = Path(__file__).resolve().parent.parent
NETWORKS = {
    "MLP": ("specs/examples/mnist_mlp.nn", "Mnist", (784,)),
    "ResNet-50": ("specs/zoo/resnet50.nn", "ResNet50", (3, 224, 224)),
    "MobileNetV2": ("bench/networks/mobilenet.nn", "MobileNet", (3, 224, 224)),
    "LSTM": ("bench/networks/lstm.nn", "Lstm", (64, 64)),
    "encoder": ("bench/networks/encoder.nn", "Encoder", (32, 512)),
}
"""The spec, the name of its model, the shape of one example."""
MINE = "nnc"
STANDARD = "nnc deploy"
"""nnc's too, in operators of the standard alone."""
NOISE = 0.01
"""What two models differ by that onnxruntime turns into the same operators."""


@dataclass(frozen=True)
class Result:
    """One model on one batch: nodes, milliseconds, and the ratio of nnc's time to its, as the
    median of the rounds with the quartiles."""

    network: str
    batch: int
    name: str
    nodes: int
    milliseconds: float
    ratio: float
    low: float
    high: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each session is run")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    parser.add_argument("--only", choices=NETWORKS, action="append", help="one of the networks")
    parser.add_argument("--batch", type=int, action="append", help="examples at once")
    arguments = parser.parse_args()
    results = []
    for name in arguments.only or NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            models = exported(name, Path(folder))
            for batch in arguments.batch or (1, 32):
                found = compared(name, models, batch, arguments.rounds)
                print(table(found), flush=True)
                results += found
    if arguments.json:
        text = json.dumps([asdict(result) for result in results], indent=2)
        arguments.json.write_text(text + "\n", encoding="utf-8")


def exported(name: str, folder: Path) -> dict[str, Path]:
    """The models of a network by the name of their exporter; nnc's is the first."""
    spec, model, shape = NETWORKS[name]
    paths = {MINE: folder / "fused.onnx", STANDARD: folder / "deploy.onnx"}
    nnc = ["-m", "nnc"]
    for path in paths.values():
        _run(*nnc, "export", spec, "-o", str(path), "--optimize", path.stem)
    peers = {"torch dynamo": "dynamo", "torch legacy": "legacy"}
    if find_spec("tf2onnx"):
        peers["Keras"] = "keras"
    for peer, exporter in peers.items():
        backend = "keras" if exporter == "keras" else "torch"
        program = folder / f"{backend}_{model.lower()}.py"
        _run(*nnc, "compile", spec, "--backend", backend, "-o", str(program))
        paths[peer] = folder / f"{exporter}.onnx"
        weights, sizes = str(program.with_suffix(".safetensors")), ",".join(map(str, shape))
        exporting = ["-m", "bench.exporters", exporter, str(program), model, weights]
        _run(*exporting, str(paths[peer]), sizes)
    return paths


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)


def compared(network: str, models: dict[str, Path], batch: int, rounds: int) -> list[Result]:
    """All models of a network in turns. Raises AssertionError unless they give the same numbers."""
    shape = NETWORKS[network][2]
    x = np.random.default_rng(0).normal(size=(batch, *shape)).astype(np.float32)
    expected = _call(models[MINE], x)()
    times: dict[str, list[float]] = {name: [] for name in models}
    names = list(models)
    for turn in range(len(names)):
        calls = {name: _call(models[name], x) for name in names[turn:] + names[:turn]}
        for call in calls.values():
            np.testing.assert_allclose(call(), expected, rtol=1e-3, atol=2e-4)
        for name, found in in_turns(calls, rounds, time.thread_time).items():
            times[name] += found
    return [
        _result(network, batch, name, models[name], times[MINE], found)
        for name, found in times.items()
    ]


def _call(path: Path, x: Any) -> Callable[[], Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return lambda: session.run(None, {given.name: x})[0]


def _result(
    network: str, batch: int, name: str, path: Path, mine: Sequence[float], its: Sequence[float]
) -> Result:
    import onnx

    nodes = len(onnx.load(path).graph.node)
    ratios = [a / b for a, b in zip(mine, its, strict=True)]
    low, middle, high = statistics.quantiles(ratios)
    seconds = statistics.median(its)
    return Result(network, batch, name, nodes, 1000 * seconds, middle, low, high)


def table(results: Sequence[Result]) -> str:
    """The results of one network and batch for people, with whether the aim is reached."""
    lines = [
        f"{r.network:12} {r.batch:3}  {r.name:13} {r.nodes:5} nodes  {r.milliseconds:9.3f} ms"
        + (f"   nnc / it {r.ratio:.3f} ({r.low:.3f} to {r.high:.3f})" if r.name != MINE else "")
        for r in results
    ]
    mine, *others = (r for r in results if r.name != STANDARD)
    worst = max(others, key=lambda r: r.ratio)
    nodes = min(r.nodes for r in others)
    # Slower where three rounds of four say so, by more than equal models differ.
    reached = all(r.low <= 1 + NOISE for r in others) and mine.nodes < nodes
    lines.append(
        f"{'reached' if reached else 'MISSED':7}  {worst.ratio:.3f} of the best of the others, "
        f"{mine.nodes} nodes beside {nodes}"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
