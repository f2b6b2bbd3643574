"""What stands around a network: the fitted preparations in front of it, answers behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.graph import End, OnnxGraph
from nnc.backends.onnx.model import ELEMENT_TYPES, TEXT
from nnc.backends.onnx.preparation import Stage, preparations, reads_texts
from nnc.compiler.diagnostics import Diagnostic, Failed, Label
from nnc.compiler.ir import Field, LossTerm, Program
from nnc.compiler.types import Dim, is_static
from nnc.compiler.vocabulary.data import Columns, ReshapeData
from nnc.compiler.vocabulary.losses.classification import BinaryCrossEntropy, CrossEntropy
from nnc.compiler.vocabulary.ops.activation import Sigmoid, Softmax


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
    `texts`, `NAME_label`. Raises Failed (E718) for a preparation that ONNX can't express.
    """
    chains = _chains(program, fitted)
    _check(graph, program, fitted, texts=texts)
    for number, end in enumerate(graph.inputs):
        if end.name in chains:
            raw = _prepared(graph, end, *chains[end.name])
            graph.inputs = (*graph.inputs[:number], raw, *graph.inputs[number + 1 :])
    for term in program.training.losses if program.training else ():
        for output in term.outputs:
            _answered(graph, program, term, output, labels.get(output, ()) if texts else ())


def _chains(program: Program, fitted: Mapping[str, Any]) -> dict[str, tuple[Field, list[Any]]]:
    """What feeds each input that is prepared, and what its preparations learnt."""
    fields = program.data.fields if program.data else ()
    return {
        chain.names[0]: (chain, fitted["fields"][",".join(chain.names)])
        for chain in fields
        if chain.preparations
    }


def _check(graph: OnnxGraph, program: Program, fitted: Mapping[str, Any], *, texts: bool) -> None:
    wrong = []
    for name, (chain, learnt) in _chains(program, fitted).items():
        if all(name != value.name for value in program.graph.inputs):
            continue
        reasons = {step.word: preparations.refusal(step) for step in chain.preparations}
        if not isinstance(chain.columns, Columns):
            reasons[chain.columns.word] = "what it reads is not one row of numbers an example"
        elif reads_texts(chain.preparations[0], learnt[0] if learnt else {}):
            if not texts:
                reasons[chain.preparations[0].word] = "the runtime has no texts"
            elif graph.opset < 19:
                reasons[chain.preparations[0].word] = "texts are compared since opset 19"
        wrong += [_inexpressible(name, chain, word, why) for word, why in reasons.items() if why]
    if wrong:
        raise Failed(wrong)


def _inexpressible(name: str, chain: Field, word: str, why: str) -> Diagnostic:
    return Diagnostic(
        "E718",
        f"ONNX can't express `{word}`, which prepares `{name}`: {why}",
        (Label(chain.span, "prepared here"),),
        help="export without `--with-preprocessing`, and prepare the input before",
    )


def _prepared(graph: OnnxGraph, end: End, chain: Field, learnt: Sequence[Mapping[str, Any]]) -> End:
    """The raw input that takes the place of an input; nodes that prepare it stand first."""
    stage = Stage(graph, f"{end.name}/prepared")
    first = learnt[0] if learnt else {}
    texts = reads_texts(chain.preparations[0], first)
    x = raw = Handle(end.name)
    for step, known in zip(chain.preparations, learnt, strict=True):
        x = preparations.find(step)(step, known, stage, x)
    if end.element != ELEMENT_TYPES["f32"]:
        x = stage.add("Cast", "whole", x, to=end.element)
    end.handle.wish = f"{end.name}/ready"
    if is_static(end.shape[1:]):
        x = stage.add("Reshape", "ready", x, stage.constant(np.array([0, *end.shape[1:]]), "shape"))
    stage.nodes[-1] = replace(stage.nodes[-1], outputs=(end.handle,))
    graph.nodes[:0] = stage.nodes
    element = TEXT if texts else ELEMENT_TYPES["f32"]
    return End(raw, end.name, element, (end.shape[0], *_raw_shape(end, chain, learnt)))


def _raw_shape(end: End, chain: Field, learnt: Sequence[Mapping[str, Any]]) -> tuple[Dim, ...]:
    """The shape of one example as the data hold it; unknown ones as a row of numbers."""
    assert isinstance(chain.columns, Columns)
    names = len(chain.columns.names)
    if names > 1:
        return (names,)
    for step, known in zip(chain.preparations, learnt, strict=True):
        if step.word == "one_hot":
            return ()
        if isinstance(step, ReshapeData):
            break
        for value in known.values():
            return tuple(np.shape(value))
    else:
        return end.shape[1:]
    shape = end.shape[1:]
    return (prod(shape),) if is_static(shape) else shape


def _answered(
    graph: OnnxGraph, program: Program, term: LossTerm, output: str, labels: Sequence[str]
) -> None:
    if not isinstance(term.loss, CrossEntropy | BinaryCrossEntropy):
        return
    end = next(found for found in graph.outputs if found.name == output)
    stage = Stage(graph, output)
    scores, shape = end.handle, end.shape
    made: list[End] = []
    maker = program.graph.makers.get(_value_of(program, output))
    chance = Softmax if isinstance(term.loss, CrossEntropy) else Sigmoid
    if term.logits and not (maker and isinstance(maker.op, chance)):
        axis = {"axis": -1} if chance is Softmax else {}
        scores = stage.add(chance.__name__, "probability", scores, **axis)
        made.append(End(scores, f"{output}_probability", end.element, shape))
    if chance is Softmax:
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


def _value_of(program: Program, output: str) -> str:
    return next(found.value.name for found in program.graph.outputs if found.name == output)
