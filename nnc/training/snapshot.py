"""What a run is continued from, in one file: the engine's state, the best weights, the loop's
progress.

The file is safetensors: arrays below `engine/` and `best/`, and the progress as JSON among its
metadata. It is replaced as a whole, so a run that is killed has this snapshot or the one before.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

from pydantic import TypeAdapter

from nnc.backends.base import Arrays
from nnc.backends.files import write_whole
from nnc.backends.safetensors import File, Malformed, encoded
from nnc.training.loop import Progress

_ENGINE, _BEST = "engine/", "best/"


@dataclass(frozen=True)
class Snapshot:
    """A moment of a run."""

    engine: Arrays
    """The engine's state."""
    best: Arrays
    """The weights of the best epoch so far; empty before the first."""
    progress: Progress


def write(path: str | os.PathLike[str], snapshot: Snapshot) -> None:
    """Write a snapshot, whole or not at all. Raises OSError."""
    arrays = {f"{_ENGINE}{name}": array for name, array in snapshot.engine.items()}
    arrays |= {f"{_BEST}{name}": array for name, array in snapshot.best.items()}
    write_whole(path, encoded(arrays, {"progress": json.dumps(asdict(snapshot.progress))}))


def read(path: str | os.PathLike[str]) -> Snapshot:
    """The snapshot of a file. Raises OSError, and Malformed when it is none."""
    file = File(path)
    progress = _progress(file.metadata.get("progress", ""))
    try:
        arrays = {name: file.array(name) for name in file.entries}
    except KeyError as error:
        raise Malformed(f"it has a tensor of the unknown type {error}") from None
    return Snapshot(_below(arrays, _ENGINE), _below(arrays, _BEST), progress)


def _below(arrays: Arrays, prefix: str) -> Arrays:
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}


_PROGRESS = TypeAdapter(Progress)


def _progress(text: str) -> Progress:
    try:
        return _PROGRESS.validate_python(json.loads(text))
    except (ValueError, RecursionError):  # a ValidationError is a ValueError
        raise Malformed("it doesn't say how far the run had come") from None
