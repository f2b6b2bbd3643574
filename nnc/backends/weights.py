"""The canonical weights: one safetensors file with PyTorch's names and axis order, for every
backend.

Numbers are float32. A file with float16 or bfloat16 is taken, as float32 holds each of their
numbers; float64 is taken when no number loses a bit. `num_batches_tracked`, which PyTorch's
BatchNorm adds, is passed over. A weight of role "fixed" may be missing, and must be what its
initialiser makes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnc.backends import initial
from nnc.backends.files import write_whole
from nnc.backends.safetensors import File, Malformed, encoded
from nnc.compiler.diagnostics import Diagnostic, Failed, nearest
from nnc.compiler.ir import Graph
from nnc.compiler.vocabulary.ops.base import Weight

Floats: TypeAlias = "NDArray[np.float32]"
Where: TypeAlias = "str | os.PathLike[str]"

__all__ = ["read", "write", "write_whole"]

_NAMED = 8
"""How many names a message shows."""
_BLOCK = 1 << 16
"""Elements looked at together, so that a file larger than the memory can be checked."""


def read(path: Where, graph: Graph) -> dict[str, Floats]:
    """The weights of a graph out of a safetensors file: float32, by full name, in canonical order.

    Raises Failed for anything that isn't exactly the graph's weights (E601 to E606, E608), OSError
    when the file can't be read. Arrays lie on the file; writing to them changes memory only.
    """
    label = Path(path).name
    try:
        file = File(path)
    except Malformed as wrong:
        raise Failed(
            [
                Diagnostic(
                    "E601",
                    f"`{label}` is not a readable safetensors file: {wrong}",
                    help="write it again with safetensors' `save_file` or with `nnc`",
                )
            ]
        ) from None
    found = [name for name in file.entries if name.rpartition(".")[2] != "num_batches_tracked"]
    _raise(_misnamed(label, found, graph.weights))
    expected = {name: weight for name, weight in graph.weights.items() if name in file.entries}
    _raise(
        _misshapen(label, name, file.entries[name].shape, weight.shape)
        for name, weight in expected.items()
        if file.entries[name].shape != weight.shape
    )
    return {
        name: _array(label, name, weight, file)
        if name in expected
        else initial.draw(weight, name, 0)
        for name, weight in graph.weights.items()
    }


def write(path: Where, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write weights in their order, whole or not at all. The same weights give the same bytes.

    Raises OSError, and TypeError for elements of a type that isn't written.
    """
    write_whole(path, encoded(arrays, {"format": "pt", "producer": "nnc"}))


def check(label: str, arrays: Mapping[str, NDArray[Any]], graph: Graph) -> None:
    """Raise Failed unless these are exactly the weights of the graph, by name and shape (E602,
    E603, E604).

    `label` says in the messages where they come from.
    """
    _raise(_misnamed(label, list(arrays), graph.weights))
    _raise(
        _misshapen(label, name, arrays[name].shape, weight.shape)
        for name, weight in graph.weights.items()
        if name in arrays and arrays[name].shape != weight.shape
    )


def _raise(diagnostics: Iterable[Diagnostic]) -> None:
    found = list(islice(diagnostics, 20))
    if found:
        raise Failed(found)


def _misnamed(label: str, found: list[str], weights: Mapping[str, Weight]) -> Iterator[Diagnostic]:
    known = set(found)
    missing = [n for n, weight in weights.items() if n not in known and weight.role != "fixed"]
    extra = [name for name in found if name not in weights]
    if missing:
        yield Diagnostic(
            "E602",
            f"`{label}` lacks {_names(missing)}",
            help=_renaming(missing, extra),
        )
    if extra:
        yield Diagnostic(
            "E603",
            f"`{label}` has {_names(extra)}, which the model doesn't know",
            help=_renaming(missing, extra)
            or "remove it from the file, or check that spec and weights belong together",
        )


def _names(names: list[str]) -> str:
    shown = ", ".join(f"`{name[:100]}`" for name in names[:_NAMED])
    rest = len(names) - _NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown


def _renaming(missing: list[str], extra: list[str]) -> str | None:
    """How the file's names lead to the model's: a prefix that all have, or the nearest name."""
    if not missing:
        return None
    for name in islice(extra, 200):
        prefix = name.removesuffix(missing[0])
        if prefix != name and {prefix + n for n in missing} <= set(extra):
            return f"the names in the file begin with `{prefix}`: take it away"
    for name in missing[:_NAMED]:
        # Names that are much longer can't be near, and comparing takes time with their length.
        near = nearest(name, islice((e for e in extra if len(e) < 200), 200))
        if near:
            return f"is `{near}` of the file meant to be `{name}`?"
    return None


def _misshapen(
    label: str, name: str, found: tuple[int, ...], expected: tuple[int, ...]
) -> Diagnostic:
    cure = "check that spec and weights belong together"
    if found[::-1] == expected:
        cure = "is it transposed? weights have PyTorch's axis order, outputs first"
    elif sorted(found) == sorted(expected):
        cure = "are its axes in another order? weights have PyTorch's axis order"
    return Diagnostic(
        "E604",
        f"`{name}` in `{label}` has shape {list(found)}, but the model's has {list(expected)}",
        help=cure,
    )


def _array(label: str, name: str, weight: Weight, file: File) -> Floats:
    dtype = file.entries[name].dtype
    if dtype not in ("F16", "BF16", "F32", "F64"):
        raise Failed(
            [
                Diagnostic(
                    "E605",
                    f"`{name}` in `{label}` is made of {dtype}, but weights are float32",
                    help="convert it before saving: `tensor.float()`",
                )
            ]
        )
    array = file.array(name)
    _check_numbers(label, name, array)
    taken = array.astype(np.float32, copy=False)
    if weight.role == "fixed" and not np.array_equal(taken, initial.draw(weight, name, 0)):
        other = name.replace("bias_hh", "bias_ih")
        raise Failed(
            [
                Diagnostic(
                    "E608",
                    f"`{name}` in `{label}` isn't zero, but the model keeps it at zero",
                    help=f"add it to `{other}`: only the sum of the two counts, then leave it out",
                )
            ]
        )
    return taken


def _check_numbers(label: str, name: str, array: NDArray[Any]) -> None:
    flat = array.reshape(-1)
    for start in range(0, flat.size, _BLOCK):
        part = flat[start : start + _BLOCK]
        if not np.isfinite(part).all():
            place = start + int(np.argmin(np.isfinite(part)))
            where = [int(i) for i in np.unravel_index(place, array.shape)]
            message = f"`{name}` in `{label}` holds {flat[place]} at {where}"
            cure = (
                "a training that diverged leaves such numbers: take the weights of an earlier epoch"
            )
            raise Failed([Diagnostic("E606", message, help=cure)])
        if part.dtype == np.float64 and not _exact(part):
            message = (
                f"`{name}` in `{label}` is float64, with numbers that float32 can't hold exactly"
            )
            cure = "convert it before saving, so that the rounding is yours: `tensor.float()`"
            raise Failed([Diagnostic("E605", message, help=cure)])


def _exact(part: NDArray[np.float64]) -> bool:
    with np.errstate(over="ignore"):
        return bool(np.array_equal(part.astype(np.float32), part))
