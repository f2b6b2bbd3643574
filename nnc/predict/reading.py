"""The inputs of a model out of `.npz`, `.npy` and CSV files. The batch is the first axis."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnc.backends.inputs import Input, inputs_of
from nnc.compiler.ir import Graph, Program
from nnc.compiler.types import FLOATS, DType, Symbol, is_static
from nnc.compiler.vocabulary.ops.embedding import Embedding
from nnc.compiler.vocabulary.ops.shape import Flatten, Permute, Reshape, Unsqueeze
from nnc.predict.faults import failed, lacks
from nnc.predict.tables import read_table

_KEEPS: Final = (Flatten, Reshape, Permute, Unsqueeze)
"""Ops that hand on the numbers they get."""
Arrays: TypeAlias = "dict[str, NDArray[Any]]"

NUMPY: Final[Mapping[DType, str]] = {
    "f16": "float16",
    "bf16": "float32",
    "f32": "float32",
    "f64": "float64",
    "i32": "int32",
    "i64": "int64",
    "u8": "uint8",
    "bool": "bool",
}
"""What an input is held in; NumPy has no bfloat16."""


def read_program_inputs(path: Path, program: Program) -> Arrays:
    """The inputs of a program out of a file, as `read_inputs` has them. Raises as that does."""
    arrays = read_inputs(path, inputs_of(program))
    _check_rows(path.name, program.graph, arrays)
    return arrays


def read_inputs(path: Path, inputs: Sequence[Input]) -> Arrays:
    """The inputs of a model out of a file, by their names, all with the same batch.

    Raises OSError when it can't be read, Failed (E611 to E614) when it doesn't hold the inputs.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        found = read_table(path, inputs)
    elif suffix in (".npz", ".npy"):
        found = _from_numpy(path, inputs)
    else:
        raise failed("E611", f"{path.name} is none of .npz, .npy and .csv", "convert it first")
    checked = {given.name: _checked(path.name, given, found[given.name]) for given in inputs}
    if not all(len(array) for array in checked.values()):
        raise failed("E611", f"{path.name}: there are no examples")
    _check_sizes(path.name, inputs, checked)
    return checked


# ---- NumPy's files ---------------------------------------------------------------------------


def _from_numpy(path: Path, inputs: Sequence[Input]) -> Arrays:
    try:
        loaded = np.load(path, allow_pickle=False)
        # One array without a name is the input of a model that has only one.
        if isinstance(loaded, np.ndarray):
            return _named(path.name, {"": loaded}, inputs)
        with loaded:
            names = [name for name in loaded.files if name in {given.name for given in inputs}]
            wanted = names if len(loaded.files) > 1 else loaded.files
            return _named(path.name, {name: loaded[name] for name in wanted}, inputs, loaded.files)
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, SyntaxError) as error:
        why = "it holds Python objects" if "pickle" in str(error) else "its bytes make no sense"
        message = f"{path.name} is not a file of plain NumPy arrays: {why}"
        cure = "write it with `numpy.savez(path, x=array)` from arrays of numbers"
        if any(given.is_text for given in inputs):
            cure += ", and of texts as `array.astype(str)`"
        raise failed("E611", message, cure) from None


def _named(
    label: str, arrays: Arrays, inputs: Sequence[Input], stored: Sequence[str] = ()
) -> Arrays:
    names = [given.name for given in inputs]
    if len(arrays) == len(names) == 1:
        return {names[0]: next(iter(arrays.values()))}
    missing = [name for name in names if name not in arrays]
    if missing:
        raise lacks(label, "array", missing, stored)
    return arrays


# ---- what fits -------------------------------------------------------------------------------


def _checked(label: str, given: Input, array: NDArray[Any]) -> NDArray[np.generic]:
    """The array in the input's element type, once its shape fits."""
    expected = given.shape
    got = array.shape[1:]
    fits = len(array.shape) == len(expected) + 1 and all(
        isinstance(want, Symbol) or want == size for want, size in zip(expected, got, strict=True)
    )
    if not fits:
        shown = ", ".join(["batch", *map(str, expected)])
        message = (
            f"`{given.name}` in {label} has the shape {list(array.shape)}, "
            f"but the model takes [{shown}]"
        )
        raise failed("E613", message, _reshaping(given, array))
    return _as_type(label, given, array)


def _reshaping(given: Input, array: NDArray[Any]) -> str:
    expected = given.shape
    if array.shape == expected:
        return "the first axis counts examples: `array[None]` makes a batch of one"
    if is_static(expected) and array.ndim > 1 and prod(expected) == prod(array.shape[1:]):
        what = "texts" if given.is_text else "numbers"
        shape = ", ".join(map(str, (-1, *expected)))
        return f"the {what} are as many: `array.reshape({shape})`"
    return "the first axis counts examples, the others are those of the input's type"


def _as_type(label: str, given: Input, array: NDArray[Any]) -> NDArray[np.generic]:
    if given.element == "text":
        return _as_texts(label, given, array)
    dtype = np.dtype(NUMPY[given.element])
    if array.dtype.kind not in "fiub":
        message = f"`{given.name}` in {label} holds {_content(array)}, not numbers"
        raise failed("E614", message, "convert it to numbers before saving it")
    with np.errstate(all="ignore"):
        made = array.astype(dtype)
    whole = given.element not in FLOATS
    if whole and not np.array_equal(made, array):
        message = f"`{given.name}` in {label} must hold whole numbers that fit `{given.element}`"
        raise failed("E614", message, "class and word numbers are whole, counted from 0")
    return made


def _as_texts(label: str, given: Input, array: NDArray[Any]) -> NDArray[np.generic]:
    """Texts as they are: objects out of a table, of NumPy's own type out of an array."""
    if array.dtype.kind not in "UO":
        message = f"`{given.name}` in {label} holds {_content(array)}, not texts"
        raise failed("E614", message, "convert it to texts before saving it: `array.astype(str)`")
    return array


def _content(array: NDArray[Any]) -> str:
    known = {"U": "text", "S": "bytes", "c": "complex numbers", "M": "dates"}
    return known.get(array.dtype.kind) or (
        "numbers" if array.dtype.kind in "fiub" else f"elements of type {array.dtype}"
    )


def _check_sizes(label: str, inputs: Sequence[Input], arrays: Arrays) -> None:
    """Raise Failed unless batch and every free size are the same wherever they stand."""
    sizes: dict[str, tuple[str, int]] = {}
    for given in inputs:
        dims = ["the batch", *(d.name if isinstance(d, Symbol) else "" for d in given.shape)]
        for dim, size in zip(dims, arrays[given.name].shape, strict=True):
            first, known = sizes.setdefault(dim, (given.name, size)) if dim else ("", size)
            if known != size:
                message = f"{dim} is {known} in `{first}`, but {size} in `{given.name}` of {label}"
                raise failed("E613", message, "the same name means the same size")


def _check_rows(label: str, graph: Graph, arrays: Arrays) -> None:
    """Raise Failed for numbers of rows that an embedding doesn't have: backends would disagree
    about them."""
    carried = {value.name: value.name for value in graph.inputs}
    for node in graph.nodes:
        source = carried.get(node.inputs[0].name) if node.inputs else None
        if source is None:
            continue
        if isinstance(node.op, _KEEPS):
            carried[node.output.name] = source
        elif isinstance(node.op, Embedding) and arrays[source].size:
            low, high = int(arrays[source].min()), int(arrays[source].max())
            last = node.op.vocabulary - 1
            if low < 0 or high > last:
                wrong = low if low < 0 else high
                message = (
                    f"`{source}` in {label} holds {wrong}, but `{node.name}` has rows 0 to {last}"
                )
                raise failed("E614", message, "give the embedding a larger vocabulary")
