"""Whether a model of less precision is still good enough: measured on examples that were held out.

The score is the spec's first metric that is a number. Without one it is the agreement of the
outputs with those of float32: 1 - ‖difference‖ / ‖outputs‖.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from nnc.backends.base import Arrays, numbers
from nnc.backends.onnx.graph import OnnxGraph
from nnc.compiler.diagnostics import Diagnostic, Failed, Label
from nnc.compiler.ir import MetricUse, Program
from nnc.deployment.export import Chunks
from nnc.training.data import Dataset

EXAMPLES: Final = 2048
"""At most so many held-out examples are looked at, and so many calibrate."""
_BATCH: Final = 64
_WORST: Final = 3
_WEIGHTY: Final = ("Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU", "RNN")
"""Operators of which a layer's error is told."""


@dataclass(frozen=True)
class Score:
    """How good a model is: the name of the metric, its value, and whether larger is better."""

    name: str
    value: float
    larger: bool = True

    def drop(self, before: Score) -> float:
        """How much worse this is: the difference, for errors as a share of the error before."""
        if self.larger:
            return before.value - self.value
        return (self.value - before.value) / max(abs(before.value), 1e-12)


@dataclass(frozen=True)
class Examples:
    """What calibrates, and what was held out to judge by; no example is in both."""

    calibration: Arrays
    held_out: Arrays
    share: str
    """Which examples were held out, in words."""


def examples(data: Dataset) -> Examples:
    """Test or validation examples judge, training ones calibrate; without such, halves."""
    for split in ("test", "validation"):
        if split in data.splits and len(data.splits[split]):
            train, held = data.splits["train"], data.splits[split]
            words = f"{split} examples"
            break
    else:
        rows = data.splits["train"]
        train, held = rows[: len(rows) // 2], rows[len(rows) // 2 :]
        words = "examples, the second half"
    if not len(train) or not len(held):
        message = "there are too few examples to calibrate and to judge by"
        raise Failed([Diagnostic("E707", message, help="give more: `--data FILE`")])
    train, held = train[:EXAMPLES], held[:EXAMPLES]
    return Examples(data.batch(train), data.batch(held), f"{len(held):,} {words}")


class Judged:
    """A model file, running on onnxruntime in batches."""

    def __init__(self, chunks: Chunks, extra: Sequence[str] = ()) -> None:
        """`extra` are inner values that are given as outputs as well."""
        import onnx
        import onnxruntime

        model = b"".join(chunks)
        if extra:
            parsed = onnx.load_model_from_string(model)
            known = {output.name for output in parsed.graph.output}
            more = [onnx.ValueInfoProto(name=name) for name in extra if name not in known]
            parsed.graph.output.extend(more)
            model = parsed.SerializeToString()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        self._names = [output.name for output in self._session.get_outputs()]
        self._inputs = [given.name for given in self._session.get_inputs()]

    def run(self, inputs: Mapping[str, Any]) -> Arrays:
        """The outputs of one batch by name."""
        feeds = {name: inputs[name] for name in self._inputs}
        return dict(zip(self._names, self._session.run(None, feeds), strict=True))

    def outputs(self, inputs: Arrays) -> Arrays:
        """The outputs of many examples by name."""
        parts = [self.run(batch) for batch in batches(inputs)]
        return {name: np.concatenate([part[name] for part in parts]) for name in self._names}


def batches(inputs: Arrays) -> Iterator[Arrays]:
    """Examples in batches."""
    count = len(next(iter(inputs.values())))
    for start in range(0, count, _BATCH):
        yield {name: array[start : start + _BATCH] for name, array in inputs.items()}


def score(program: Program, outputs: Arrays, exact: Arrays, held_out: Arrays) -> Score:
    """How good outputs are. `exact` are those of float32."""
    use = _metric(program)
    if use is None:
        apart = sum(float(((outputs[n] - exact[n]) ** 2.0).sum()) for n in exact)
        size = sum(float((exact[n] ** 2.0).sum()) for n in exact)
        return Score("agreement with float32", 1 - (apart / max(size, 1e-30)) ** 0.5)
    from nnc.backends.reference.table import metrics

    given = outputs[use.output].astype(np.float64)
    target = held_out[use.target.name]
    found = {use.name: metrics.find(use.metric)(use.metric, given, target)}
    return Score(use.name, numbers(found)[use.name], use.metric.larger_is_better)


def _metric(program: Program) -> MetricUse | None:
    uses = program.training.metrics if program.training else ()
    outputs = {output.value.name: output.name for output in program.graph.outputs}
    return next(
        (use for use in uses if use.prediction.name in outputs and not use.metric.table), None
    )


def worst_layers(graph: OnnxGraph, exact: Chunks, made: Chunks, inputs: Arrays) -> dict[str, float]:
    """The layers that add most to the relative error of the values, and how much, worst first.

    `graph` is the model in float32, `exact` its bytes.
    """
    names, inner = graph.names(), _inner(made)
    layers = {
        names[node.outputs[0]]: node.origin.name
        for node in graph.nodes
        if node.operator in _WEIGHTY and node.origin and names[node.outputs[0]] in inner
    }
    batch = next(batches(inputs))
    first, second = (Judged(model, list(layers)).run(batch) for model in (exact, made))
    added, before = [], 0.0
    for value, layer in layers.items():
        true = first[value].astype(np.float64)
        size = float(np.linalg.norm(true))
        error = float(np.linalg.norm(true - second[value])) / max(size, 1e-30)
        added.append((error - before, layer))
        before = error
    return {layer: more for more, layer in sorted(added, reverse=True)[:_WORST] if more > 0}


def _inner(model: Chunks) -> set[str]:
    """The names of all values of a model."""
    import onnx

    parsed = onnx.load_model_from_string(b"".join(model))
    return {name for node in parsed.graph.node for name in node.output}


def refusal(
    graph: OnnxGraph,
    precision: str,
    before: Score,
    after: Score,
    allowed: float,
    worst: Mapping[str, float],
) -> Failed:
    """What is said of a model that lost too much."""
    origins = {node.origin.name: node.origin for node in graph.nodes if node.origin}
    labels = tuple(
        Label(origins[layer].span, f"`{layer}` adds an error of {added:.2%}")
        for layer, added in worst.items()
    )
    keep = "".join(f" --keep {layer}" for layer in list(worst)[:1])
    share = "" if after.larger else " of itself"
    return Failed(
        [
            Diagnostic(
                "E707",
                f"{precision} loses too much: {after.name} goes from {before.value:.4f} to "
                f"{after.value:.4f}, by {after.drop(before):.4f}{share}; {allowed:g} is allowed",
                labels,
                help=f"keep layers in float32 (`{keep.strip() or '--keep LAYER'}`), or allow more "
                "with `--max-drop`",
            )
        ]
    )
