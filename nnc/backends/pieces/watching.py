"""What training watches from epoch to epoch."""

from typing import Any

from nnc.backends.pieces.settings import (
    MIN_DELTA,
    MONITOR,
    PLATEAU_COOLDOWN,
    PLATEAU_FACTOR,
    PLATEAU_MINIMUM,
    PLATEAU_MONITOR,
    PLATEAU_PATIENCE,
    PLATEAU_THRESHOLD,
    learning_rate,
)


def watched(results: dict[str, float], name: str) -> float:
    """The result of this name."""
    if name not in results:
        raise ValueError(f"there is no {name} without examples for it")
    return results[name]


class EarlyStopping:
    """Ends training after PATIENCE epochs in which MONITOR did not get better."""

    def __init__(self) -> None:
        self.best = float("inf")
        self.waited = 0
        self.weights: Any = None  # when: restore

    def improves(self, results: dict[str, float]) -> bool:
        """Take note of an epoch; whether it is the best one so far."""
        value = watched(results, MONITOR)  # when: not larger
        value = -watched(results, MONITOR)  # when: larger
        if value < self.best - MIN_DELTA:
            self.best, self.waited = value, 0
            return True
        self.waited += 1
        return False


class Plateau:
    """Lowers the rate after more than PLATEAU_PATIENCE epochs in which PLATEAU_MONITOR
    did not get better."""

    def __init__(self) -> None:
        self.best = float("inf")
        self.bad = 0
        self.rest = 0
        self.share = 1.0

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of an update as it is by now."""
        rate = learning_rate(step, steps)
        return rate if self.share == 1 else max(rate * self.share, PLATEAU_MINIMUM)

    def watch(self, results: dict[str, float]) -> None:
        """Take note of an epoch."""
        value = watched(results, PLATEAU_MONITOR)
        if value < self.best * (1 - PLATEAU_THRESHOLD):
            self.best, self.bad = value, 0
        else:
            self.bad = 0 if self.rest else self.bad + 1
        self.rest = max(self.rest - 1, 0)
        if self.bad > PLATEAU_PATIENCE:
            self.share *= PLATEAU_FACTOR
            self.bad, self.rest = 0, PLATEAU_COOLDOWN
