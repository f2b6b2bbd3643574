"""Constraints on weights."""

from __future__ import annotations

import numpy as np

from nnc.backends.reference.table import constraints
from nnc.backends.reference.tape import Array
from nnc.compiler.vocabulary.constraints import MaxNorm, NonNegative, UnitNorm


def _norms(weight: Array) -> Array:
    """The norm of each unit, with axes of size 1 for the others."""
    others = tuple(range(1, weight.ndim))
    return np.asarray(np.sqrt((weight**2).sum(axis=others, keepdims=True)))


@constraints.lowers(MaxNorm)
def max_norm(constraint: MaxNorm, weight: Array) -> Array:
    return weight * constraint.limit / np.maximum(_norms(weight), constraint.limit)


@constraints.lowers(NonNegative)
def non_negative(constraint: NonNegative, weight: Array) -> Array:
    return np.maximum(weight, 0.0)


@constraints.lowers(UnitNorm)
def unit_norm(constraint: UnitNorm, weight: Array) -> Array:
    norms = _norms(weight)
    return weight / np.where(norms > 0, norms, 1.0)
