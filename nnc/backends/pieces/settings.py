"""The settings of a generated program, declared for the pieces of all backends."""

MONITOR: str
PATIENCE: int
MIN_DELTA: float
PLATEAU_MONITOR: str
PLATEAU_FACTOR: float
PLATEAU_PATIENCE: int
PLATEAU_THRESHOLD: float
PLATEAU_COOLDOWN: int
PLATEAU_MINIMUM: float


def learning_rate(step: int, steps: int) -> float:
    """The learning rate of update `step` (from 0) of `steps`."""
    raise NotImplementedError
