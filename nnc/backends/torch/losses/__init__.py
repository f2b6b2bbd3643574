"""Losses, family by family: importing them enters their lowerings."""

from nnc.backends.torch.losses import alignment, classification, margins, regression

__all__ = ["alignment", "classification", "margins", "regression"]
