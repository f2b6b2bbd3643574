"""A program's training as files that need nothing of nnc: the graphs, the first state, and a
manifest that says what is what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

import nnc
from nnc.backends.base import Arrays
from nnc.backends.onnx.augmentations import CHANGED, EPOCH, PLACES, augmentation
from nnc.backends.onnx.descent import NEXT, RATE
from nnc.backends.onnx.emit import DEFAULT_OPSET
from nnc.backends.onnx.graph import End, OnnxGraph, written
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.backends.onnx.training import (
    LOSS,
    ROW,
    STEP,
    TrainingStep,
    evaluation,
    inference,
    initial_state,
    training_step,
)
from nnc.backends.safetensors import encoded
from nnc.compiler.ir import Program
from nnc.compiler.vocabulary.schedules import Plateau

Chunks: TypeAlias = Sequence[bytes | memoryview]

TRAIN, EVALUATE, INFER = "train_step.onnx", "eval.onnx", "infer.onnx"
AUGMENT = "augment.onnx"
STATE, MANIFEST = "state.safetensors", "manifest.json"
_TYPES = {number: dtype for dtype, number in ELEMENT_TYPES.items()}


def training_files(
    program: Program,
    weights: Arrays,
    rates: Sequence[float],
    *,
    opset: int = DEFAULT_OPSET,
) -> dict[str, Chunks]:
    """The files by name, the manifest last.

    `rates` are the learning rates of the updates from the first on; the last one holds on.
    Raises ValueError for a program without a train block, Failed (E701 to E704, E708).
    """
    step = training_step(program, opset=opset)
    judged = evaluation(program, opset=opset)
    graphs = {TRAIN: step.graph, EVALUATE: judged.graph, INFER: inference(program, opset=opset)}
    state = initial_state(step, weights, "float32")
    manifest = {
        "format": 1,
        "producer": f"nnc {nnc.__version__}",
        "model": program.name,
        "opset": opset,
        "state": {"file": STATE, "tensors": _kept(step)},
        "train": _train(program, step.graph, rates),
        "evaluate": {
            "file": EVALUATE,
            "loss": LOSS,
            "metrics": [
                {"name": name, "statistics": f"metric/{name}", "finish": finish.__name__}
                for name, finish in judged.metrics.items()
            ],
        },
        "infer": {"file": INFER, "outputs": [_described(end) for end in graphs[INFER].outputs]},
    }
    if program.training and program.training.augment:
        graphs[AUGMENT] = augmentation(program, opset=opset)
        manifest["augment"] = _augment(graphs[AUGMENT])
    files: dict[str, Chunks] = {
        name: written(graph, nnc.__version__).whole for name, graph in graphs.items()
    }
    files[STATE] = list(encoded(state, {"producer": "nnc"}))
    files[MANIFEST] = [json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n"]
    return files


def _kept(step: TrainingStep) -> list[dict[str, Any]]:
    """The inputs that make up the state, each with what takes its place."""
    return [
        {**_described(end), "next": f"{NEXT}{end.name}" if part.changes else None}
        for part in step.state
        for end in step.graph.inputs
        if end.name == part.name
    ]


def _train(program: Program, graph: OnnxGraph, rates: Sequence[float]) -> dict[str, Any]:
    """What a step takes beside the state, and how often it is to be taken."""
    training = program.training
    assert training is not None
    ends = {end.name: _described(end) for end in graph.inputs}
    about: dict[str, Any] = {
        "file": TRAIN,
        "inputs": [ends[value.name] for value in program.graph.inputs],
        "targets": [ends[value.name] for value in training.targets],
        "step": STEP,
        "row": ROW,
        "rate": RATE,
        "loss": LOSS,
        "batch": training.batch,
        "epochs": training.epochs,
        "rates": list(rates),
    }
    if isinstance(training.schedule, Plateau):
        about["plateau"] = training.schedule.arguments()
    return about


def _augment(graph: OnnxGraph) -> dict[str, Any]:
    """What changes a batch before a step: the inputs that it takes and the outputs that stand in
    for them."""
    inputs = [
        {**_described(end), "changed": f"{CHANGED}{end.name}"}
        for end in graph.inputs
        if end.name not in (PLACES, EPOCH)
    ]
    return {"file": AUGMENT, "inputs": inputs, "places": PLACES, "epoch": EPOCH}


def _described(end: End) -> dict[str, Any]:
    """An input or output: its name, element type and shape, free sizes by their names."""
    shape = [size if isinstance(size, int) else size.name for size in end.shape]
    return {"name": end.name, "type": _TYPES[end.element], "shape": shape}
