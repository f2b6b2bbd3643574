"""Losses, family by family: importing them enters their lowerings."""

from nnc.backends.onnx.losses import alignment, classification, margins, regression

__all__ = ["alignment", "classification", "margins", "regression"]
