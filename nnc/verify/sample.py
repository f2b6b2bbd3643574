"""Data and weights for a comparison, drawn from a seed: whatever a spec's author did not give.

All floats are numbers that float32 has, so that every precision begins from the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nnc.backends import initial
from nnc.backends.base import Arrays
from nnc.compiler.ir import Graph, LossTerm, Node, Program, Value
from nnc.compiler.types import FLOATS, Dim, Symbol, TensorType
from nnc.compiler.vocabulary.base import Rejected
from nnc.compiler.vocabulary.ops.embedding import Embedding
from nnc.compiler.vocabulary.ops.selection import Gather

LABELS = 3
"""The size of a target's dimension that the inputs do not tell: how many labels a sequence has."""
SIZES = (7, 5, 12, 33, 65, 129, 257, 6, 4, 3, 2, 1)
"""What is tried for symbolic dimensions, in this order."""
HIGHEST = 10
"""Whole numbers whose use sets no bound are drawn below this."""


def inputs(graph: Graph, batch: int, rng: np.random.Generator) -> Arrays:
    """Random inputs. Raises ValueError when no size is found that every layer accepts."""
    sizes = symbols(graph)
    bounds = _bounds(graph, _sized(graph, sizes))
    return {
        value.name: _draw(value.type, batch, sizes, bounds.get(value.name, HIGHEST), rng)
        for value in graph.inputs
    }


def targets(program: Program, given: Arrays, rng: np.random.Generator) -> Arrays:
    """Random targets that fit the losses; `given` are the inputs, which have the sizes."""
    if program.training is None:
        return {}
    sizes: dict[Symbol, int] = {}
    batch = 1
    for value in program.graph.inputs:
        batch, *shape = given[value.name].shape
        pairs = zip(value.type.shape, shape, strict=True)
        sizes |= {dim: n for dim, n in pairs if isinstance(dim, Symbol)}
    drawn: Arrays = {}
    sizes |= _derived(program.graph, sizes)
    for target in program.training.targets:
        for dim in target.type.shape:
            if isinstance(dim, Symbol):
                sizes.setdefault(dim, LABELS)
    for term in program.training.losses:
        if term.target is not None and term.target.name not in drawn:
            drawn[term.target.name] = _target(term, term.target, batch, sizes, rng)
    for value in program.training.targets:
        if value.name not in drawn:
            drawn[value.name] = _draw(value.type, batch, sizes, 2, rng)
    return drawn


def weights(graph: Graph, seed: int) -> Arrays:
    """Initial weights with nothing left at a constant: a bias of 0 would hide a mistake about it.

    Literal values and what is fixed stay as they are.
    """
    rng = np.random.default_rng(seed)
    drawn: Arrays = dict(initial.weights(graph, seed))
    for name, weight in graph.weights.items():
        values = drawn[name]
        noise = rng.normal(size=weight.shape)
        if weight.role == "fixed" or weight.value is not None or np.ptp(values) > 0:
            continue
        # A factor keeps what is positive so: a running variance.
        moved = values * np.exp(0.3 * noise) if values.any() else 0.1 * noise
        drawn[name] = moved.astype(np.float32)
    return drawn


def symbols(graph: Graph) -> dict[Symbol, int]:
    """A size for each symbolic dimension of the inputs that every layer accepts.

    Different symbols have different sizes where possible. Raises ValueError when none is found.
    """
    free = list(
        dict.fromkeys(d for v in graph.inputs for d in v.type.shape if isinstance(d, Symbol))
    )
    for start in range(len(SIZES)):
        turned = SIZES[start:] + SIZES[:start]
        for step in (1, 0):
            sizes = {dim: turned[i * step % len(turned)] for i, dim in enumerate(free)}
            if _accepted(graph, sizes):
                return sizes
    names = ", ".join(f"`{dim}`" for dim in free)
    raise ValueError(f"no size was found for {names} that every layer accepts: give data")


def _accepted(graph: Graph, sizes: dict[Symbol, int]) -> bool:
    try:
        _sized(graph, sizes)
    except Rejected:
        return False
    return True


def _sized(graph: Graph, sizes: dict[Symbol, int]) -> dict[str, TensorType]:
    """The type of every value with numbers in place of symbols."""
    types = {v.name: v.type.with_shape(_shape(v.type.shape, sizes)) for v in graph.inputs}
    for node in graph.nodes:
        results = node.op.infer(tuple(types[value.name] for value in node.inputs))
        types |= {v.name: type_ for v, type_ in zip(node.outputs, results, strict=True)}
    return types


def _derived(graph: Graph, sizes: dict[Symbol, int]) -> dict[Symbol, int]:
    """The sizes of dimensions that the layers make out of the free ones."""
    types = _sized(graph, sizes)
    return {
        dim: size
        for value in graph.values()
        for dim, size in zip(value.type.shape, types[value.name].shape, strict=True)
        if isinstance(dim, Symbol) and isinstance(size, int)
    }


def _shape(shape: tuple[Dim, ...], sizes: dict[Symbol, int]) -> tuple[int, ...]:
    return tuple(dim if isinstance(dim, int) else sizes[dim] for dim in shape)


def _bounds(graph: Graph, types: Mapping[str, TensorType]) -> dict[str, int]:
    """For each value of whole numbers what they must stay below, by the tables they reach."""
    bounds: dict[str, int] = {}
    for node in reversed(graph.nodes):
        here = min((bounds[v.name] for v in node.outputs if v.name in bounds), default=0)
        for place, value in enumerate(node.inputs):
            bound = _rows(node, place, types) or here
            if bound and value.type.dtype not in FLOATS:
                bounds[value.name] = min(bound, bounds.get(value.name, bound))
    return bounds


def _rows(node: Node, place: int, types: Mapping[str, TensorType]) -> int:
    """The size of the table whose places an input of a node numbers; 0 for any other input."""
    if isinstance(node.op, Embedding):
        return node.op.vocabulary
    if isinstance(node.op, Gather) and place == 1:
        size = types[node.inputs[0].name].shape[node.op.axis]
        assert isinstance(size, int)
        return size
    return 0


def _draw(
    type_: TensorType,
    batch: int,
    sizes: dict[Symbol, int],
    highest: int,
    rng: np.random.Generator,
) -> np.ndarray:
    shape = (batch, *_shape(type_.shape, sizes))
    if type_.dtype == "bool":
        return rng.random(shape) < 0.7
    if type_.dtype in FLOATS:
        return rng.normal(size=shape).astype(np.float32)
    names = {"i32": np.int32, "i64": np.int64, "u8": np.uint8}
    return rng.integers(0, highest, shape).astype(names[type_.dtype])


def _target(
    term: LossTerm, target: Value, batch: int, sizes: dict[Symbol, int], rng: np.random.Generator
) -> np.ndarray:
    if target.type.dtype not in FLOATS:
        classes = term.predictions[0].type.shape[-1]
        return _draw(target.type, batch, sizes, classes if isinstance(classes, int) else 2, rng)
    shape = (batch, *_shape(target.type.shape, sizes))
    shares = rng.random(shape)
    drawn: np.ndarray
    match term.loss.values:
        case "share":
            drawn = shares
        case "distribution":
            drawn = shares / shares.sum(axis=-1, keepdims=True)
        case "sign":
            drawn = np.sign(shares - 0.5)
        case "count":
            drawn = rng.integers(0, 5, shape)
        case _:
            return _draw(target.type, batch, sizes, 0, rng)
    return drawn.astype(np.float32)
