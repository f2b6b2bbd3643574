"""Losses, family by family: importing them enters their formulas."""

from nnc.backends.reference.losses import alignment, classification, margins, regression

__all__ = ["alignment", "classification", "margins", "regression"]
