"""What is made of constants alone is computed beforehand, in the element type of the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from nnc.backends.onnx.assembly import Array
from nnc.backends.onnx.graph import OnnxGraph

_GROWTH: Final = 1 << 16
"""How many bytes more than its operands a result may have: a file is not to grow by folding."""


def fold_constants(graph: OnnxGraph) -> None:
    """Replace every node whose operands are all stored by its result.

    Values are those that a runtime computes bit for bit: no operator here rounds in ways of its
    own.
    """
    kept = []
    ends = {end.handle for end in graph.outputs}
    for node in graph.nodes:
        compute = _OPERATORS.get(node.operator)
        operands = [graph.tensors.get(handle) for handle in node.inputs if handle is not None]
        known = [array for array in operands if array is not None]
        if compute is None or len(known) < len(operands) or ends.intersection(node.outputs):
            kept.append(node)
            continue
        made = compute(node.attributes, *known)
        if made.nbytes > sum(array.nbytes for array in known) + _GROWTH:
            kept.append(node)
        else:
            graph.tensors[node.outputs[0]] = np.ascontiguousarray(made).reshape(made.shape)
    graph.nodes[:] = kept


def _plain(function: Callable[..., Any]) -> Callable[..., Array]:
    return lambda attributes, *operands: np.asarray(function(*operands))


def _transpose(attributes: Mapping[str, Any], x: Array) -> Array:
    return x.transpose(attributes.get("perm"))


def _reshape(attributes: Mapping[str, Any], x: Array, shape: Array) -> Array:
    """A size of 0 is that of the operand."""
    return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(shape)])


def _unsqueeze(attributes: Mapping[str, Any], x: Array, axes: Array) -> Array:
    return np.expand_dims(x, tuple(int(axis) for axis in axes))


def _squeeze(attributes: Mapping[str, Any], x: Array, axes: Array) -> Array:
    return np.squeeze(x, tuple(int(axis) for axis in axes))


def _gather(attributes: Mapping[str, Any], x: Array, places: Array) -> Array:
    return np.take(x, places, attributes.get("axis", 0))


def _slice(
    attributes: Mapping[str, Any],
    x: Array,
    starts: Array,
    stops: Array,
    axes: Array | None = None,
) -> Array:
    taken = [slice(None)] * x.ndim
    numbers = range(len(starts)) if axes is None else (int(axis) for axis in axes)
    for axis, start, stop in zip(numbers, starts, stops, strict=True):
        taken[axis] = slice(int(start), int(stop))
    return x[tuple(taken)]


_OPERATORS: Final[Mapping[str, Callable[..., Array]]] = {
    "And": _plain(np.logical_and),
    "Equal": _plain(np.equal),
    "Gather": _gather,
    "Greater": _plain(np.greater),
    "GreaterOrEqual": _plain(np.greater_equal),
    "Less": _plain(np.less),
    "LessOrEqual": _plain(np.less_equal),
    "Not": _plain(np.logical_not),
    "Or": _plain(np.logical_or),
    "Range": _plain(np.arange),
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _plain(np.where),
}
