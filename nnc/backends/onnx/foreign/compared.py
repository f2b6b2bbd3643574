"""What a model compares its inputs with: the values that it knows of a category."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np

from nnc.backends.onnx.foreign.records import Model, Tensor
from nnc.backends.onnx.model import ELEMENT_TYPES

Known: TypeAlias = list[str | float]
_KEEPS: Final = {"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Where"}
"""Operators that hand on the values they get, or others in place of some of them."""


def compared(model: Model) -> dict[str, Known]:
    """By input the first few of the stored texts, or of the numbers in float32, that it is compared
    with; none of an input that isn't."""
    stored = {tensor.name: _values(tensor) for tensor in model.tensors}
    carried = {end.name: end.name for end in model.inputs}
    found: dict[str, Known] = {}
    for node in model.nodes:
        source = next((carried[name] for name in node.inputs if name in carried), None)
        if source is None:
            continue
        if node.operator in _KEEPS:
            carried |= dict.fromkeys(node.outputs, source)
        elif node.operator == "Equal":
            values = next((stored[name] for name in node.inputs if stored.get(name)), [])
            found.setdefault(source, []).extend(values)
    return {name: values for name, values in found.items() if values}


def _values(tensor: Tensor) -> Known:
    if tensor.element != ELEMENT_TYPES["f32"] or len(tensor.begin) % 4:
        return [*tensor.texts]
    return [float(number) for number in np.frombuffer(tensor.begin, "<f4")]
