"""Inputs for a model of which no more is known than what it takes: to measure, not to judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from nnc.backends.base import Arrays
from nnc.backends.inputs import Input
from nnc.compiler.ir import Graph, Value
from nnc.compiler.types import TensorType
from nnc.verify import sample

_TEXTS: Final = ("red", "a good film", "Number 7")


def random_inputs(
    inputs: Sequence[Input],
    known: Mapping[str, Sequence[Any]],
    batch: int,
    rng: np.random.Generator,
) -> Arrays:
    """Random inputs. Texts are those that are `known` of an input, or a few others; numbers are
    known ones where the model prepares them, as a category may have no row for others."""
    values = [
        Value(one.name, TensorType("i64" if one.element == "text" else one.element, one.shape))
        for one in inputs
    ]
    found = sample.inputs(Graph("Model", tuple(values), (), ()), batch, rng)
    for one in inputs:
        shape = found[one.name].shape
        if one.is_text:
            found[one.name] = rng.choice(np.array(known.get(one.name, _TEXTS), object), shape)
        elif one.gaps and one.name in known:
            dtype = found[one.name].dtype
            found[one.name] = rng.choice(np.array(known[one.name], dtype), shape)
    return found
