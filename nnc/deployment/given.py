"""What is exported: a program with weights, out of a spec or out of the folder of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnc.backends.base import Arrays
from nnc.backends.weights import read
from nnc.compiler.ir import Program
from nnc.training.data import Dataset, open_data, unprepared
from nnc.training.folder import Folder


@dataclass(frozen=True)
class Given:
    """A program with weights. `base` is where the paths of its data block start, `source` a file
    that stood in for them in a run, `fitted` what the preparations learnt there."""

    program: Program
    weights: Arrays
    base: Path
    source: Path | None = None
    fitted: Mapping[str, Any] | None = None
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Names of classes by the field of the data that holds them."""

    def data(self, path: Path | None = None) -> Dataset:
        """The examples, those of a file if one is named. Raises Failed (E611 to E614)."""
        return open_data(self.program, self.base, path=path or self.source, fitted=self.fitted)

    def unprepared(self, rows: NDArray[np.int64]) -> dict[str, Any]:
        """The columns of inputs of some examples as the data have them. Raises as `data`."""
        return unprepared(self.program, self.base, rows, path=self.source, fitted=self.fitted)

    @property
    def output_labels(self) -> dict[str, tuple[str, ...]]:
        """Names of classes by the output that tells them: the one whose loss compares it with
        them."""
        return output_labels(self.program, self.labels)


def output_labels(
    program: Program, labels: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """From the names of classes by target to those by output."""
    terms = program.training.losses if program.training else ()
    return {
        output: tuple(labels[term.target.name])
        for term in terms
        if term.target is not None and term.target.name in labels
        for output in term.outputs
    }


def of_run(path: Path) -> Given:
    """The result of a run: its program, its weights, what was learnt of its data.

    Raises Failed (E804 for a folder that is no run, E601 to E608 for its weights), OSError.
    """
    folder = Folder(path)
    record = folder.read_record()
    program = folder.read_program()
    fitted, labels = folder.read_fitted()
    weights = dict(read(folder.weights(record.keeps), program.graph))
    source = Path(record.data) if record.data else None
    return Given(program, weights, Path(record.base), source, fitted, labels)
