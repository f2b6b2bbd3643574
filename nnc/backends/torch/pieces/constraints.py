"""What brings weights back to where they may be, after an update."""

import torch
from torch import Tensor


def unit_norms(weight: Tensor) -> Tensor:
    """The norm of each unit, with axes of size 1 for the others."""
    norms = weight.reshape(len(weight), -1).norm(dim=1)
    return norms.reshape(-1, *(1 for _ in weight.shape[1:]))


def max_norm(weight: Tensor, limit: float) -> None:
    """Make no unit longer than the limit."""
    weight.mul_(limit / unit_norms(weight).clamp(min=limit))


def non_negative(weight: Tensor) -> None:
    """Make what is below 0 to 0."""
    weight.clamp_(min=0)


def unit_norm(weight: Tensor) -> None:
    """Make every unit 1 long; a unit of zeros stays."""
    norms = unit_norms(weight)
    weight.div_(torch.where(norms > 0, norms, 1.0))
