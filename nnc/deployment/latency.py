"""How long a network takes: several ways of running it, in turns, in one process.

A shared machine is slow at times. So the ways take turns, the order changes in every round, and
what is told is medians with their spread.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeAlias

Run: TypeAlias = Callable[[], object]
Clock: TypeAlias = Callable[[], float]
_SHORTEST: Final = 0.01
"""Seconds that a measurement takes at least: what is faster is run several times in it."""


@dataclass(frozen=True)
class Row:
    """One way of running a network with so many examples at once.

    Seconds for one call: the median over the rounds and its quartiles. `ratio` is the median of
    the ratios to the fastest way within the rounds.
    """

    name: str
    batch: int
    seconds: float
    low: float
    high: float
    per_second: float
    ratio: float


def measured(ways: Mapping[str, Run], batch: int, rounds: int) -> list[Row]:
    """Run all in turns, after each was run to warm up."""
    times = in_turns(ways, rounds)
    fastest = times[min(times, key=lambda name: statistics.median(times[name]))]
    return [_row(name, batch, found, fastest) for name, found in times.items()]


def in_turns(
    ways: Mapping[str, Run], rounds: int, clock: Clock | None = None
) -> dict[str, list[float]]:
    """The seconds of a call of each way, round by round; without a clock those on the wall."""
    clock = clock or time.perf_counter
    times: dict[str, list[float]] = {name: [] for name in ways}
    counts = {name: _count(run, clock) for name, run in ways.items()}
    names = list(ways)
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            times[name].append(_seconds(ways[name], counts[name], clock))
    return times


def _count(run: Run, clock: Clock) -> int:
    run()
    taken = min(_seconds(run, 1, clock) for _ in range(3))
    return max(1, min(10_000, int(_SHORTEST / max(taken, 1e-9))))


def _seconds(run: Run, count: int, clock: Clock) -> float:
    start = clock()
    for _ in range(count):
        run()
    return (clock() - start) / count


def _row(name: str, batch: int, times: Sequence[float], fastest: Sequence[float]) -> Row:
    middle = statistics.median(times)
    low, _, high = statistics.quantiles(times) if len(times) > 1 else (middle,) * 3
    ratio = statistics.median(mine / best for mine, best in zip(times, fastest, strict=True))
    return Row(name, batch, middle, low, high, batch / middle, ratio)


def to_text(rows: Sequence[Row]) -> str:
    """The rows as a table for people."""
    width = max(len(row.name) for row in rows)
    lines = [f"{'':{width}}  batch       median  {'quartiles':26}   examples/s   ratio"]
    lines += [
        f"{row.name:{width}}  {row.batch:5}  {_shown(row.seconds)}  {_shown(row.low)} to "
        f"{_shown(row.high)}  {row.per_second:11,.0f}  {row.ratio:6.2f}"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _shown(seconds: float) -> str:
    return f"{1000 * seconds:8.3g} ms"


def to_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows for programs: the fields of `Row`."""
    return [asdict(row) for row in rows]
