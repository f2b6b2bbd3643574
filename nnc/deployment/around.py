"""What stands around a network: the fitted preparations in front of it, answers behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.graph import End, OnnxGraph
from nnc.backends.onnx.model import ELEMENT_TYPES, TEXT
from nnc.backends.onnx.preparation import Stage, preparations
from nnc.compiler.diagnostics import Diagnostic, Failed, Label
from nnc.compiler.ir import Field, Program
from nnc.compiler.types import Dim, is_static
from nnc.compiler.vocabulary.losses.classification import BinaryCrossEntropy, CrossEntropy
from nnc.compiler.vocabulary.ops.activation import Sigmoid, Softmax
from nnc.deployment.raw import Raw, raw_inputs
from nnc.training.units import restored

_WHOLE: Final = tuple(ELEMENT_TYPES[dtype] for dtype in ("u8", "i32", "i64", "bool"))


def surround(
    graph: OnnxGraph,
    program: Program,
    fitted: Mapping[str, Any],
    labels: Mapping[str, Sequence[str]],
    *,
    texts: bool,
) -> None:
    """Let a model take what the data block reads, and give answers beside numbers.

    For an output that a classifying loss judges: `NAME_probability` where it gives logits,
    `NAME_class`, the number of the class, and with `labels` of the output and a runtime that has
    `texts`, `NAME_label`. For one that estimates a target that was prepared, `NAME_value`, in the
    units of the data. Raises Failed (E718) for a preparation that ONNX can't express.
    """
    raw = raw_inputs(program, graph.inputs, fitted)
    _check(graph, raw, texts=texts)
    graph.inputs = tuple(
        _prepared(graph, raw[end.name]) if end.name in raw else end for end in graph.inputs
    )
    for answer in answers(program):
        _answered(graph, answer, labels.get(answer.output, ()) if texts else ())
    for output, (factor, offset) in in_units(program, fitted).items():
        _restored(graph, output, factor, offset)


def preparing(raw: Sequence[Raw], opset: int) -> OnnxGraph:
    """A model of preparations alone: takes inputs as the data have them, and gives each as
    `NAME/ready`, as the network takes it."""
    graph = OnnxGraph("Preparations", opset, (), (), [], {})
    for one in raw:
        graph.inputs += (_prepared(graph, one),)
        graph.outputs += (replace(one.end, name=f"{one.end.name}/ready"),)
    return graph


@dataclass(frozen=True)
class Answer:
    """An output that a classifying loss judges. `makes_chances`: whether it gives logits, from
    which probabilities are made; `exclusive`: whether one of many classes is the answer."""

    output: str
    exclusive: bool
    makes_chances: bool


def answers(program: Program) -> Iterator[Answer]:
    """The outputs behind which answers stand."""
    makers = {output.name: output.value.name for output in program.graph.outputs}
    for term in program.training.losses if program.training else ():
        if not isinstance(term.loss, CrossEntropy | BinaryCrossEntropy):
            continue
        exclusive = isinstance(term.loss, CrossEntropy)
        for output in term.outputs:
            maker = program.graph.makers.get(makers[output])
            ready = maker and isinstance(maker.op, Softmax if exclusive else Sigmoid)
            yield Answer(output, exclusive, term.logits and not ready)


def in_units(program: Program, fitted: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The outputs that are not in the units of the data, and what leads there, which is a factor
    and then an offset: what was done to the target is undone."""
    if program.training is None:
        return {}
    shapes = {
        output.name: (
            1,
            *(size if isinstance(size, int) else 1 for size in output.value.type.shape),
        )
        for output in program.graph.outputs
    }
    zeros, ones = (
        restored(program, fitted, {name: make(shape) for name, shape in shapes.items()})
        for make in (np.zeros, np.ones)
    )
    found = {name: (ones[name] - zeros[name], zeros[name]) for name in shapes}
    return {
        name: (_single(factor), _single(offset))
        for name, (factor, offset) in found.items()
        if np.any(factor != 1) or np.any(offset != 0)
    }


def _single(array: Any) -> Any:
    """One number in place of many that are the same."""
    return array.flat[0] if np.ptp(array) == 0 else array


def _restored(graph: OnnxGraph, output: str, factor: Any, offset: Any) -> None:
    end = next(found for found in graph.outputs if found.name == output)
    stage = Stage(graph, output)
    scaled = stage.add("Mul", "scaled", end.handle, stage.constant(factor, "factor"))
    value = stage.add("Add", "value", scaled, stage.constant(offset, "offset"))
    graph.nodes += stage.nodes
    graph.outputs += (End(value, f"{output}_value", end.element, end.shape),)


def _check(graph: OnnxGraph, raw: Mapping[str, Raw], *, texts: bool) -> None:
    wrong = [
        _inexpressible(name, given.chain, word, why)
        for name, given in raw.items()
        for word, why in given.hindrances(texts=texts, opset=graph.opset)
    ]
    if wrong:
        raise Failed(wrong)


def _inexpressible(name: str, chain: Field, word: str, why: str) -> Diagnostic:
    return Diagnostic(
        "E718",
        f"ONNX can't express `{word}`, which prepares `{name}`: {why}",
        (Label(chain.span, "prepared here"),),
        help="export without `--with-preprocessing`, and prepare the input before",
    )


def _prepared(graph: OnnxGraph, raw: Raw) -> End:
    """The raw input that takes the place of an input; nodes that prepare it stand first."""
    end = raw.end
    whole = end.element in _WHOLE
    stage = Stage(graph, f"{end.name}/prepared", whole=whole, channels=raw.channels)
    given = Handle(end.name)
    x = _rows(stage, raw, given)
    for step, known in raw.steps():
        x = preparations.find(step)(step, known, stage, x)
    if end.element != ELEMENT_TYPES["f32"]:
        x = stage.add("Cast", "cast", x, to=end.element)
    end.handle.wish = f"{end.name}/ready"
    shape = _settled(raw)
    if is_static(shape):
        x = stage.add("Reshape", "ready", x, stage.whole_numbers(shape, "shape"))
    stage.nodes[-1] = replace(stage.nodes[-1], outputs=(end.handle,))
    graph.nodes[:0] = stage.nodes
    return End(given, end.name, raw.element, raw.shape)


def _rows(stage: Stage, raw: Raw, x: Handle) -> Handle:
    """What is given as preparations take it: images as nnc has them, windows as rows."""
    if raw.is_files:
        x = stage.add("Cast", "numbers", x, to=ELEMENT_TYPES["f32"])
        if raw.channels == "first":
            x = stage.add("Transpose", "channels_first", x, perm=(0, 3, 1, 2))
    if raw.window is not None:
        x = stage.add("Reshape", "rows", x, stage.whole_numbers((-1, *raw.row), "row"))
    return x


def _settled(raw: Raw) -> tuple[Dim, ...]:
    """The shape that the network takes, as Reshape has it: 0 keeps the batch, but behind windows
    -1 finds it anew."""
    shape = raw.end.shape[1:]
    if raw.window is None:
        return (0, *shape)
    return (-1, raw.window.lookback, *shape[1:]) if shape else (-1,)


def _answered(graph: OnnxGraph, answer: Answer, labels: Sequence[str]) -> None:
    output = answer.output
    end = next(found for found in graph.outputs if found.name == output)
    stage = Stage(graph, output)
    scores, shape = end.handle, end.shape
    made: list[End] = []
    if answer.makes_chances:
        chance, axis = ("Softmax", {"axis": -1}) if answer.exclusive else ("Sigmoid", {})
        scores = stage.add(chance, "probability", scores, **axis)
        made.append(End(scores, f"{output}_probability", end.element, shape))
    if answer.exclusive:
        number = stage.add("ArgMax", "class", scores, axis=-1, keepdims=0)
        shape = shape[:-1]
    else:
        above = stage.add("Greater", "above", scores, stage.constant(0.5, "half"))
        number = stage.add("Cast", "class", above, to=ELEMENT_TYPES["i64"])
    made.append(End(number, f"{output}_class", ELEMENT_TYPES["i64"], shape))
    if labels:
        names = stage.constant(np.array(labels), "labels")
        named = stage.add("Gather", "label", names, number)
        made.append(End(named, f"{output}_label", TEXT, shape))
    graph.nodes += stage.nodes
    graph.outputs += tuple(made)
