"""A program with weights as a model for a runtime: the verb `nnc export` without its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

import nnc
from nnc.backends.base import Arrays
from nnc.backends.onnx import model as format_
from nnc.backends.onnx.emit import drawn
from nnc.backends.onnx.graph import OnnxGraph, written
from nnc.backends.onnx.optimize import Level, optimize
from nnc.backends.onnx.targets import TARGETS, Target, TargetName
from nnc.backends.safetensors import encoded
from nnc.compiler.document.write import to_json
from nnc.compiler.ir import Program
from nnc.deployment.around import surround

Chunks: TypeAlias = tuple[bytes | memoryview, ...]
Precision: TypeAlias = Literal["float32", "fp16", "int8"]


@dataclass(frozen=True)
class Options:
    """What is asked for. `opset` None is the target's; `external` puts the numbers beside the
    model, which happens anyway beyond 2 GB."""

    target: TargetName = "ort"
    opset: int | None = None
    optimize: Level = "safe"
    external: bool = False
    precision: Precision = "float32"
    keep: Collection[str] = ()
    """Layers that stay in float32 whatever the precision."""
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name of an output -> what its classes are called."""
    fitted: Mapping[str, Any] | None = None
    """What the preparations of the data block learnt: then they stand in front of the model, and
    answers behind it."""

    @property
    def runtime(self) -> Target:
        return TARGETS[self.target]


@dataclass(frozen=True)
class Exported:
    """A model and, where there is one, the file of numbers beside it: contents by file name, the
    model first."""

    name: str
    program: Program
    options: Options
    graph: OnnxGraph
    files: Mapping[str, Chunks]
    metadata: Mapping[str, str]
    judged: str = ""
    """What was measured of its precision, in words; empty for float32."""

    @cached_property
    def sha256(self) -> Mapping[str, str]:
        """The SHA-256 of each file, in hexadecimal digits."""
        return {file: digest(chunks) for file, chunks in self.files.items()}

    def size(self, file: str) -> int:
        """The bytes of a file."""
        return sum(memoryview(chunk).nbytes for chunk in self.files[file])


def exported(program: Program, weights: Arrays, name: str, options: Options) -> Exported:
    """The model `name` for a runtime. The same program, weights and options give the same bytes.

    Raises Failed: E701, E702, E704, and E706 for what the runtime can't run.
    """
    graph = prepared(program, weights, options)
    metadata = provenance(program, weights, options)
    files = model_files(graph, name, metadata, external=options.external)
    return Exported(name, program, options, graph, files, metadata)


def model_files(
    graph: OnnxGraph, name: str, metadata: Mapping[str, str], *, external: bool = False
) -> dict[str, Chunks]:
    """The bytes of a model, and of the file of numbers beside it where there is one."""
    large = sum(array.nbytes for array in graph.tensors.values()) > format_.MAXIMUM_BYTES * 0.99
    beside = f"{name}.data" if external or large else None
    made = written(graph, nnc.__version__, metadata=metadata, data_file=beside)
    files: dict[str, Chunks] = {name: made.whole}
    if beside and made.beside:
        files[beside] = made.beside
    return files


def prepared(program: Program, weights: Arrays, options: Options) -> OnnxGraph:
    """The model before it is written: lowered, rewritten, and accepted by the runtime."""
    runtime = options.runtime
    graph = drawn(program, weights, opset=options.opset or runtime.opset)
    optimize(graph, options.optimize)
    tuned = runtime.tuned if options.optimize in ("deploy", "fused") else ()
    for rewrite in (*runtime.rewrites, *tuned):
        rewrite(graph)
    finish(graph, program, options)
    return graph


def finish(graph: OnnxGraph, program: Program, options: Options) -> None:
    """Put around a network what is asked for. Raises Failed (E706, E718)."""
    runtime = options.runtime
    if options.fitted is not None:
        surround(graph, program, options.fitted, options.labels, texts=runtime.texts)
    runtime.check(graph)


def provenance(program: Program, weights: Arrays, options: Options) -> dict[str, str]:
    """Where a model comes from: what stands in its metadata."""
    found = {
        "nnc.version": nnc.__version__,
        "nnc.spec.sha256": digest([to_json(program).encode()]),
        "nnc.weights.sha256": digest(encoded(weights, {"format": "pt", "producer": "nnc"})),
        "nnc.target": options.target,
        "nnc.optimize": options.optimize,
        "nnc.precision": options.precision,
    }
    if options.fitted is not None:
        fitted = json.dumps(options.fitted, sort_keys=True)
        found[format_.PREPARES] = digest([fitted.encode()])
    for output, labels in options.labels.items():
        found[f"nnc.labels.{output}"] = "\n".join(labels)
    return found


def digest(chunks: Iterable[bytes | memoryview]) -> str:
    """The SHA-256 of bytes, in hexadecimal digits."""
    found = hashlib.sha256()
    for chunk in chunks:
        found.update(chunk)
    return found.hexdigest()
