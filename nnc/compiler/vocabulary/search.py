"""Words of the search block: the range of a parameter."""

from __future__ import annotations

from nnc.compiler.vocabulary.base import PositiveReal, Real, Rejected, Word
from nnc.compiler.vocabulary.fields import Field


class Range(Word):
    """The values that a parameter may take."""

    kind = "range"

    def check(self) -> None:
        """Raise Rejected when the range is empty."""


class Among(Range):
    """One of the values listed."""

    word = "choice"
    gathers = "values"
    values: tuple[bool | int | Real | str, ...] = Field(min_length=1, description="the values")


class Whole(Range):
    """A whole number from `low` to `high`, both included."""

    word = "whole"
    positional = ("low", "high")
    low: int = Field(description="smallest value")
    high: int = Field(description="largest value")

    def check(self) -> None:
        ordered(self, self.low, self.high)


class Between(Range):
    """A number between `low` and `high`, evenly."""

    word = "uniform"
    positional = ("low", "high")
    low: Real = Field(description="smallest value")
    high: Real = Field(description="largest value")

    def check(self) -> None:
        ordered(self, self.low, self.high)


class LogBetween(Range):
    """A number between `low` and `high` whose logarithm is even."""

    word = "log_uniform"
    positional = ("low", "high")
    low: PositiveReal = Field(description="smallest value")
    high: PositiveReal = Field(description="largest value")

    def check(self) -> None:
        ordered(self, self.low, self.high)


def ordered(word: Word, low: float, high: float) -> None:
    """Raise Rejected unless low < high."""
    if low >= high:
        raise Rejected(
            "E203",
            f"the range of `{word.word}` is empty",
            argument="high",
            label=f"{high} is not above {low}",
        )
