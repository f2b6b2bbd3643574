"""Losses, family by family: importing them enters their formulas."""

from nnc.backends.reference.losses import classification, margins, regression

__all__ = ["classification", "margins", "regression"]
