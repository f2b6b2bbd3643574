"""Reverse-mode differentiation of a model under construction (Griewank and Walther 2008, chapter
3): one pass over its nodes, last to first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nnc.backends.onnx.assembly import NUMPY, Array, Assembly, Handle, Scope
from nnc.backends.onnx.gradients.table import GRADIENTS, Back, Derivatives, Known


def differentiate(
    assembly: Assembly,
    known: Mapping[Handle, Known],
    values: Mapping[Handle, Array],
    result: Handle,
    by: Sequence[Handle],
    seed: Handle | None = None,
) -> list[Handle | None]:
    """Add the nodes that compute the gradients of a value with respect to others: one handle for
    each, None where the result doesn't depend on it.

    `known` has the shapes of all values, `values` the stored tensors. The result is a scalar, or
    `seed` is its own gradient. Raises Failed (E708) for an operator that is refused.
    """
    active = _active(assembly, by)
    derivatives = Derivatives(assembly, dict(known), values, active)
    if result in active:
        derivatives.give(result, seed or _one(assembly))
    for node in reversed(tuple(assembly.nodes)):
        wanted = any(handle in active for handle in node.reads if handle is not None)
        if wanted and any(derivatives.parts.get(handle) for handle in node.outputs):
            assembly.origin = node.origin
            GRADIENTS.apply(Back(derivatives, node))
    assembly.origin = None
    return [derivatives.total(handle) for handle in by]


def _one(assembly: Assembly) -> Handle:
    return Scope(assembly, "loss").constant(np.array(1.0, NUMPY[assembly.dtype("f32")]), "one")


def _active(assembly: Assembly, by: Sequence[Handle]) -> set[Handle]:
    """What depends on any of these values."""
    active = set(by)
    for node in assembly.nodes:
        if GRADIENTS.carries(node.operator) and not active.isdisjoint(node.reads):
            active.update(set(node.outputs) - assembly.detached)
    return active
