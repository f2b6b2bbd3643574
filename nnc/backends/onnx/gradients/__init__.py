"""Gradients on the level of ONNX: one rule for each operator that the lowerings write."""

from nnc.backends.onnx.gradients import (  # noqa: F401  each fills its part of the table
    activation,
    arithmetic,
    conv,
    normalization,
    pooling,
    recurrent,
    reduction,
    resize,
    selection,
    shape,
)
from nnc.backends.onnx.gradients.known import known_values
from nnc.backends.onnx.gradients.reverse import differentiate
from nnc.backends.onnx.gradients.table import GRADIENTS, Known

__all__ = ["GRADIENTS", "Known", "differentiate", "known_values"]
