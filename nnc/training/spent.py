"""Where the time of a run goes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Spent:
    """Seconds by what they were spent on, over all parts of a run that was continued."""

    opening: float = 0.0
    """Reading the files, and learning what preparations learn."""
    reading: float = 0.0
    """Getting batches out of what was opened, prepared and augmented."""
    steps: float = 0.0
    """Updates of the weights."""
    evaluation: float = 0.0
    """Metrics and validation, without getting their batches."""

    @property
    def total(self) -> float:
        return self.opening + self.reading + self.steps + self.evaluation

    @property
    def on_data(self) -> float:
        """The share of the time that went into reading data, from 0 to 1."""
        return (self.opening + self.reading) / self.total if self.total else 0.0
