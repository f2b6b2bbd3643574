"""Processes that are started together, answer together and end together."""

from __future__ import annotations

import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

from nnc.backends.base import Arrays
from nnc.backends.torch.ranks.messages import packed, read

GRACE = 2.0
"""Seconds in which the end of a process is waited for once it or another one complains."""


class Processes:
    """One command in several processes, each with settings of its own.

    Each gets the same messages on stdin and gives one answer to each on stdout. When one of them
    dies, complains (an answer called `error`) or gives no answer in time, all are ended: a process
    that waits for the others would wait for ever.
    """

    def __init__(
        self, command: Sequence[str], settings: Sequence[Mapping[str, str]], patience: float
    ) -> None:
        self.patience = patience
        self._heard: queue.Queue[tuple[int, Arrays | None]] = queue.Queue()
        self._members: list[_Member] = []
        try:
            for number, environment in enumerate(settings):
                self._members.append(_Member(number, command, environment, self._heard))
        except BaseException:
            self.end()
            raise

    def ask(self, message: Arrays) -> list[Arrays]:
        """The answers of all, in their order. Raises RuntimeError when there is one too few."""
        data = packed(message)
        for member in self._members:
            member.send(data)
        answers: dict[int, Arrays] = {}
        until = time.monotonic() + self.patience
        while len(answers) < len(self._members):
            heard = self._next(until)
            if heard is None:
                self._fail(self._silent(answers))
            number, answer = heard
            if answer is None or "error" in answer:
                self._fail(self._why(number, answer))
            answers[number] = answer
        return [answers[number] for number in range(len(self._members))]

    def _next(self, until: float) -> tuple[int, Arrays | None] | None:
        """What is heard next, and of whom; None when the time is over."""
        try:
            return self._heard.get(timeout=max(until - time.monotonic(), 0.0))
        except queue.Empty:
            return None

    def _fail(self, why: str) -> NoReturn:
        self.end()
        raise RuntimeError(why)

    def _silent(self, answers: Mapping[int, Arrays]) -> str:
        silent = [str(m.number + 1) for m in self._members if m.number not in answers]
        named = f"process {silent[0]}" if len(silent) == 1 else f"processes {', '.join(silent)}"
        return f"{named} of {len(self._members)} gave no answer for {self.patience:g} seconds"

    def _why(self, number: int, answer: Arrays | None) -> str:
        """What is behind the first complaint: others complain of a process that has died, too."""
        until = time.monotonic() + GRACE
        complaints = {number: answer}
        ends = 0  # of processes that complained before
        while None not in complaints.values() and ends < len(self._members):
            heard = self._next(until)
            if heard is None:
                break
            ends += heard[0] in complaints and heard[1] is None
            if heard[1] is None or "error" in heard[1]:
                complaints.setdefault(*heard)
        dead = [n for n, said in complaints.items() if said is None]
        first = (dead or list(complaints))[0]
        said = complaints[first]
        told = self._members[first].last_words() if said is None else str(said["error"])
        return f"process {first + 1} of {len(self._members)}: {told}"

    def end(self) -> None:
        """End every process, now."""
        for member in self._members:
            member.kill()


class _Member:
    """One of the processes. Threads read and write, so that neither can keep the others waiting."""

    def __init__(
        self,
        number: int,
        command: Sequence[str],
        settings: Mapping[str, str],
        heard: queue.Queue[tuple[int, Arrays | None]],
    ) -> None:
        self.number = number
        self._remarks = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._remarks,
            env=settings,
        )
        threading.Thread(target=self._listen, args=(heard,), daemon=True).start()

    def _listen(self, heard: queue.Queue[tuple[int, Arrays | None]]) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            while (message := read(stream)) is not None:
                heard.put((self.number, message))
        heard.put((self.number, None))

    def send(self, data: bytes) -> None:
        """Write to the process's stdin, without waiting until it reads."""
        threading.Thread(target=self._write, args=(data,), daemon=True).start()

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # it has ended, and that is heard elsewhere
            self._process.stdin.write(data)
            self._process.stdin.flush()

    def last_words(self) -> str:
        """How the process ended, and the last line that it wrote to stderr."""
        try:
            code = self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            return "stopped answering"
        self._remarks.seek(0)
        lines = self._remarks.read().decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        ended = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"{ended}: {last[:200]}" if last else ended

    def kill(self) -> None:
        """End the process, now."""
        self._process.kill()
        self._process.wait()
        self._remarks.close()
        if self._process.stdin is not None:
            with suppress(OSError, ValueError):
                self._process.stdin.close()
