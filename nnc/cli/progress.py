"""How a run is shown while it trains: a bar with rate and time left on a terminal, one line an
epoch elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from nnc.cli.terminal import colored

if TYPE_CHECKING:
    from nnc.training.loop import Update
    from nnc.training.run import Run


class Display:
    """Shows a run on a stream. Quiet: nothing at all."""

    def __init__(self, run: Run, stream: IO[str], *, quiet: bool) -> None:
        self._run = run
        self._stream = stream
        self._quiet = quiet
        self._bar: Any = None
        if not quiet and stream.isatty():
            self._bar = _bar(stream)

    def __enter__(self) -> Display:
        if self._bar is not None:
            loop = self._run.loop
            done = loop.progress.step
            self._bar.start()
            self._task = self._bar.add_task(
                "", total=loop.updates, completed=done, epoch=self._epoch(), rate=""
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _epoch(self) -> str:
        loop = self._run.loop
        epochs = loop.training.epochs
        return f"epoch {min(loop.progress.epoch + 1, epochs)}/{epochs}"

    def show(self, update: Update) -> None:
        """An update was taken."""
        if self._quiet:
            return
        from nnc.training.history import line

        if update.epoch is not None and update.epoch.logged:
            self._print(line(update.epoch))
        if self._bar is not None:
            speed = self._bar.tasks[0].speed
            rate = "" if speed is None else f"{speed:.0f} steps/s"
            self._bar.update(self._task, completed=update.step + 1, epoch=self._epoch(), rate=rate)

    def _print(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=self._stream, flush=True)

    def end(self) -> None:
        """The run has come to an end: what it has come to."""
        if self._quiet:
            return
        record = self._run.record
        if record.status == "stopped":
            self._print(
                f"stopped after epoch {record.epoch}: best was epoch {record.best_epoch} "
                f"({record.monitor} {record.best_value:.6g})"
            )
        tested = {n: x for n, x in record.results.items() if n.startswith("test_") if x is not None}
        if tested:
            from nnc.training.history import shown

            named = {name.removeprefix("test_"): value for name, value in tested.items()}
            self._print(f"test: {shown(named)}")


def _bar(stream: IO[str]) -> Any:
    """A bar with what is done, how fast, and how long it will take yet."""
    from rich import progress
    from rich.console import Console

    console = Console(file=stream, no_color=not colored(stream))
    return progress.Progress(
        progress.TextColumn("{task.fields[epoch]}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TimeRemainingColumn(),
        console=console,
        transient=True,
    )
