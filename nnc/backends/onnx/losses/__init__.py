"""Losses, family by family: importing them enters their lowerings."""

from nnc.backends.onnx.losses import classification, margins, regression

__all__ = ["classification", "margins", "regression"]
