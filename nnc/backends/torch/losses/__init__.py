"""Losses, family by family: importing them enters their lowerings."""

from nnc.backends.torch.losses import classification, margins, regression

__all__ = ["classification", "margins", "regression"]
