"""A model card: what a model is, how it is called, where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

from nnc.backends.onnx.graph import End
from nnc.backends.onnx.model import ELEMENT_TYPES, IR_VERSIONS, TEXT
from nnc.deployment.export import Exported

_TYPES = {TEXT: "text", **{number: name for name, number in ELEMENT_TYPES.items()}}


def card(model: Exported) -> str:
    """The card of an exported model, in Markdown."""
    graph = model.graph
    sections = [
        f"# {graph.name}",
        f"An ONNX model for {model.options.runtime.title}, by nnc {model.metadata['nnc.version']}.",
        _table(("file", "bytes", "SHA-256"), _files(model)),
        "## Inputs and outputs",
        _table(("name", "", "type", "shape"), _ends(graph.inputs, graph.outputs)),
        "Sizes with a name are free at run time. The first axis counts examples.",
        *_labels(model),
        "## The model",
        _table(("", ""), _facts(model)),
        "## Running it",
        _program(model),
    ]
    return "\n\n".join(sections) + "\n"


def _files(model: Exported) -> list[Sequence[str]]:
    return [(f"`{f}`", f"{model.size(f):,}", f"`{model.sha256[f]}`") for f in model.files]


def _ends(inputs: Iterable[End], outputs: Iterable[End]) -> list[Sequence[str]]:
    return [
        (f"`{end.name}`", kind, _TYPES[end.element], f"`[{', '.join(map(str, end.shape))}]`")
        for kind, ends in (("input", inputs), ("output", outputs))
        for end in ends
    ]


def _labels(model: Exported) -> list[str]:
    return [
        f"The classes of `{output}`: " + ", ".join(f"{i} {name}" for i, name in enumerate(names))
        for output, names in model.options.labels.items()
    ]


def _facts(model: Exported) -> list[Sequence[str]]:
    graph, options = model.graph, model.options
    weights = model.program.graph.weights.values()
    count = sum(prod(w.shape) for w in weights if w.role != "fixed")
    return [
        ("operator set, IR version", f"{graph.opset}, {IR_VERSIONS[graph.opset]}"),
        ("nodes", f"{len(graph.nodes):,}"),
        ("numbers in its weights", f"{count:,}"),
        ("optimisation", f"`{options.optimize}`"),
        ("precision", model.judged or "float32"),
        ("operators of the runtime", options.runtime.source),
        ("SHA-256 of the spec", f"`{model.metadata['nnc.spec.sha256']}`"),
        ("SHA-256 of the weights", f"`{model.metadata['nnc.weights.sha256']}`"),
    ]


def _program(model: Exported) -> str:
    names = ", ".join(f'"{end.name}": …' for end in model.graph.inputs)
    lines = (
        "```python",
        "import onnxruntime",
        "",
        f'session = onnxruntime.InferenceSession("{model.name}")',
        f"outputs = session.run(None, {{{names}}})",
        "```",
    )
    return "\n".join(lines)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
