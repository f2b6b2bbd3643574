"""What every generated program defines itself, declared for the pieces that use it."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

WEIGHTS: dict[str, tuple[str, str, tuple[int, ...]]]
BLOCKS: dict[str, tuple[tuple[int, ...], int | None]]
FIXED: dict[str, tuple[int, ...]]
WEIGHTS_FILE: Path
INPUTS: dict[str, tuple[str, tuple[int, ...]]]
TARGETS: dict[str, tuple[str, tuple[int, ...]]]
EPOCHS: int
BATCH: int
ORDER_KEY: int
LOG_EVERY: int


def build_model() -> keras.Model:
    """The model."""
    raise NotImplementedError


def build_models() -> tuple[keras.Model, keras.Model]:
    """The model, and one of the same layers that gives what the losses take."""
    raise NotImplementedError


def objective(
    model: keras.Model, trained: keras.Model, batch: dict[str, Any], training: bool
) -> Any:
    """The loss of a batch, penalties included."""
    raise NotImplementedError


def measure(model: keras.Model, batch: dict[str, Any]) -> dict[str, Any]:
    """What of each metric is known from a batch."""
    raise NotImplementedError


def conclude(parts: dict[str, list[Any]]) -> dict[str, float]:
    """The metrics, from what is known of them from each batch."""
    raise NotImplementedError


def make_optimizer() -> keras.optimizers.Optimizer:
    """The optimiser."""
    raise NotImplementedError


def learning_rate(step: int, steps: int) -> float:
    """The learning rate of an update."""
    raise NotImplementedError


def clip_gradients(gradients: list[Any]) -> list[Any]:
    """Bound the gradients."""
    raise NotImplementedError


def constrain(model: keras.Model) -> None:
    """Bring weights back to where they may be."""
    raise NotImplementedError


def load_data(path: str | None = None) -> dict[str, dict[str, Any]]:
    """The examples of each split by name."""
    raise NotImplementedError


def augment(batch: dict[str, Any], places: np.ndarray, epoch: int) -> dict[str, Any]:
    """A training batch changed at random."""
    raise NotImplementedError
