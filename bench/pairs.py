"""Times of whole processes, side by side: interleaved runs, medians, peak memory.

A shared machine is slow at times. So the commands take turns, the order changes in every round,
and what is reported is the median of the ratios within the rounds.

An installed package has its modules as bytecode, a checkout may not. So every command finds the
bytecode of all that it imports in a folder, which the first round fills.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One process: wall-clock seconds and the peak of its resident memory in megabytes."""

    seconds: float
    megabytes: float


@dataclass(frozen=True)
class Result:
    """The medians of a command, and its time as a multiple of the base command's."""

    name: str
    seconds: float
    fastest: float
    megabytes: float
    ratio: float


def run(
    command: Sequence[str], folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> Run:
    """Run a process to its end. Raises RuntimeError with what it said when it fails."""
    start = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} gave {process.returncode}:\n{said}")
    in_megabyte = 2**20 if sys.platform == "darwin" else 2**10
    return Run(seconds, usage.ru_maxrss / in_megabyte)


def compare(
    commands: Mapping[str, Sequence[str]], *, rounds: int, folder: Path | None = None
) -> list[Result]:
    """Measure the commands in turns; ratios are to the first. One round more warms the caches."""
    names = list(commands)
    runs: dict[str, list[Run]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as cache:
        environment = _with_bytecode(cache)
        for number in range(rounds + 1):
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                measured = run(commands[name], folder, environment)
                if number:
                    runs[name].append(measured)
    return [_result(name, runs[name], runs[names[0]]) for name in names]


def _with_bytecode(cache: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": cache}


def _result(name: str, runs: Sequence[Run], base: Sequence[Run]) -> Result:
    seconds = [r.seconds for r in runs]
    return Result(
        name,
        statistics.median(seconds),
        min(seconds),
        statistics.median(r.megabytes for r in runs),
        statistics.median(mine.seconds / its.seconds for mine, its in zip(runs, base, strict=True)),
    )


def table(results: Sequence[Result]) -> str:
    """The results for people."""
    width = max(len(result.name) for result in results)
    head = f"{'':{width}}    median   fastest      peak   ratio"
    rows = [
        f"{r.name:{width}}  {r.seconds:6.3f} s  {r.fastest:6.3f} s  {r.megabytes:5.0f} MB  "
        f"{r.ratio:6.2f}"
        for r in results
    ]
    return "\n".join([head, *rows])


def as_json(results: Sequence[Result]) -> str:
    """The results for programs: a list of objects with the fields of `Result`."""
    return json.dumps([asdict(result) for result in results], indent=2)
