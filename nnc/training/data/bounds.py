"""Whether prepared examples are such that the model can take them: classes and words that there
are, and sizes of one name that are the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nnc.backends.pieces import columns
from nnc.backends.pieces.columns import BadExample
from nnc.compiler.ir import Program, Value
from nnc.compiler.source import NOWHERE, Span
from nnc.compiler.types import Symbol
from nnc.compiler.vocabulary.losses.base import is_class
from nnc.compiler.vocabulary.ops.embedding import Embedding
from nnc.training.data.dataset import NUMPY, Array, Arrays, Rows
from nnc.training.data.faults import failed, values


def check(program: Program, arrays: Arrays, label: str, first: int = 0) -> None:
    """Raise Failed (E613, E614) unless these examples fit; `first` is the row of the first one."""
    _check_sizes(program, arrays, label)
    for name, count, what, ignored in _limits(program):
        array = arrays[name].reshape(len(arrays[name]), -1)
        wrong = (array < 0) | (array >= count)
        if ignored is not None:
            wrong &= array != ignored
        for row, place in np.argwhere(wrong)[:1]:
            with values("E614", label):
                message = f"`{name}` is {array[row, place]}, but {what} has 0 to {count - 1}"
                raise BadExample(message, first + int(row))


def declared(x: Array, value: Value, file: str, rows: Rows, span: Span = NOWHERE) -> Array:
    """Values of these rows in the type and shape of an input or a target. Raises Failed (E613)."""
    shape = tuple(size if isinstance(size, int) else -1 for size in value.type.shape)
    with values("E613", file, span=span, rows=rows), np.errstate(over="ignore"):
        made = np.asarray(columns.declared(x, value.name, NUMPY[value.type.dtype], shape))
        if made.dtype.kind == "f" and not np.isfinite(made).all():
            row = int(np.argwhere(~np.isfinite(made))[0, 0])
            raise BadExample(f"{value.name} is too large for {value.type.dtype}", row)
    return made


def _limits(program: Program) -> Iterator[tuple[str, int, str, int | None]]:
    """What holds whole numbers, how many of them there are, where, and the number that is
    ignored."""
    for node in program.graph.nodes:
        source = node.inputs[0] if node.inputs else None
        if isinstance(node.op, Embedding) and source in program.graph.inputs:
            yield source.name, node.op.vocabulary, f"`{node.name}`", None
    for term in program.training.losses if program.training else ():
        if term.target is not None and len(term.types) == 2 and is_class(term.types):
            count = term.types[0].shape[-1]
            if isinstance(count, int):
                ignored = getattr(term.loss, "ignore", None)
                yield term.target.name, count, f"`{term.outputs[0]}`", ignored


def _check_sizes(program: Program, arrays: Arrays, label: str) -> None:
    """Raise Failed where a size that is named twice is not the same."""
    sizes: dict[str, tuple[str, int]] = {}
    targets = program.training.targets if program.training else ()
    for value in (*program.graph.inputs, *targets):
        for dim, size in zip(value.type.shape, arrays[value.name].shape[1:], strict=True):
            if not isinstance(dim, Symbol):
                continue
            before, known = sizes.setdefault(dim.name, (value.name, size))
            if size != known:
                message = f"{dim.name} is {known} in `{before}`, but {size} in `{value.name}`"
                raise failed("E613", f"{label}: {message}", "the same name means the same size")
