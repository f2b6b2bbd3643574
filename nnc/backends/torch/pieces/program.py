"""What every generated program defines itself, declared for the pieces that use it."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn, optim

WEIGHTS: Path
"""The weights beside the program."""
INPUTS: dict[str, tuple[torch.dtype, tuple[int, ...]]]
TARGETS: dict[str, tuple[torch.dtype, tuple[int, ...]]]
OUTPUTS: tuple[str, ...]
SEED: int
EPOCHS: int
BATCH: int
ORDER_KEY: int
LOG_EVERY: int


def objective(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """The loss of a batch, penalties included."""
    raise NotImplementedError


def measure(
    model: nn.Module, batch: dict[str, Tensor]
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of a batch, and what of each metric is known from it."""
    raise NotImplementedError


def conclude(parts: dict[str, list[Tensor]]) -> dict[str, float]:
    """The metrics, from what is known of them from each batch."""
    raise NotImplementedError


def optimizer_of(model: nn.Module) -> optim.Optimizer:
    """The optimiser over the trained weights."""
    raise NotImplementedError


def learning_rate(step: int, steps: int) -> float:
    """The learning rate of an update."""
    raise NotImplementedError


def clip_gradients(model: nn.Module) -> None:
    """Bound the gradients."""
    raise NotImplementedError


def constrain(model: nn.Module) -> None:
    """Bring weights back to where they may be."""
    raise NotImplementedError


def load_data(path: str | None = None) -> dict[str, dict[str, Tensor]]:
    """The examples of each split by name."""
    raise NotImplementedError


def augment(
    batch: dict[str, Tensor], places: np.ndarray, epoch: int
) -> dict[str, Tensor]:
    """A training batch changed at random."""
    raise NotImplementedError
