"""Measuring: who runs when, and what is made of the times. No time itself is tested."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from nnc.deployment import latency


def test_all_take_turns_and_nobody_is_always_first(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def way(name: str) -> Callable[[], None]:
        return lambda: order.append(name)

    monkeypatch.setattr(latency, "_SHORTEST", 0.0)
    rows = latency.measured({name: way(name) for name in "abc"}, 8, 3)
    assert order[: 3 * 4] == [*"aaaa", *"bbbb", *"cccc"]
    assert "".join(order[3 * 4 :]) == "abcbcacab"
    assert [(row.name, row.batch) for row in rows] == [("a", 8), ("b", 8), ("c", 8)]


def test_what_is_told_of_the_times(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    steps = {"fast": iter([1.0] * 4 + [1.0, 2.0, 3.0]), "slow": iter([2.0] * 4 + [4.0, 4.0, 4.5])}

    def way(name: str) -> Callable[[], None]:
        def run() -> None:
            nonlocal clock
            clock += next(steps[name])

        return run

    monkeypatch.setattr(time, "perf_counter", lambda: clock)
    fast, slow = latency.measured({name: way(name) for name in steps}, 10, 3)
    assert (fast.seconds, fast.ratio, fast.per_second) == (2.0, 1.0, 5.0)
    assert (slow.seconds, slow.ratio) == (4.0, 2.0)  # the ratios are 4, 2 and 1.5
    assert slow.low <= slow.seconds <= slow.high
    heads, *lines = latency.to_text([fast, slow]).splitlines()
    assert {len(line) for line in lines} == {len(heads)}
