"""Weights in safetensors files: a length, a header in JSON, the arrays one by one."""

import json
from math import prod
from operator import attrgetter
from pathlib import Path
from typing import Any

import keras
import numpy as np

from nnc.backends.keras.pieces.program import BLOCKS, FIXED, WEIGHTS

DTYPES: dict[str, np.dtype] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
}


def variable(model: keras.Model, name: str) -> Any:
    """The variable that holds a weight."""
    layer, attribute, _ = WEIGHTS[name]
    if layer in model.unused:  # when: unused
        return attrgetter(attribute)(model.unused[layer])  # when: unused
    return attrgetter(attribute)(model.get_layer(layer))


def canonical(name: str, array: np.ndarray) -> np.ndarray:
    """A weight as PyTorch has it, from the array of its variable."""
    order, row = BLOCKS.get(name, ((), None))  # when: blocks
    array = array if row is None else array[row]  # when: blocks
    array = array.transpose(np.argsort(WEIGHTS[name][2]))
    array = in_order(array, order)  # when: blocks
    return np.ascontiguousarray(array)


def in_order(array: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    """The blocks of rows in this order, which is its own reverse."""
    if not order:
        return array
    blocks = np.split(array, len(order))
    return np.concatenate([blocks[place] for place in order])


def beside_others(name: str, array: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The value of a variable that holds this weight now, and maybe others."""
    order, row = BLOCKS.get(name, ((), None))
    array = in_order(array, order).transpose(WEIGHTS[name][2])
    if row is None:
        return array
    changed = whole.copy()
    changed[row] = array
    return changed


def get_weights(model: keras.Model) -> dict[str, np.ndarray]:
    """Every weight by its name, axes in PyTorch's order."""
    arrays = {name: canonical(name, variable(model, name).numpy()) for name in WEIGHTS}
    for name, shape in FIXED.items():
        arrays[name] = np.zeros(shape, keras.config.floatx())
    return arrays


def set_weights(model: keras.Model, arrays: dict[str, np.ndarray]) -> None:
    """Give every weight its value by name, axes in PyTorch's order."""
    if wrong := arrays.keys() ^ {*WEIGHTS, *FIXED}:
        names = ", ".join(sorted(wrong)[:5])
        raise ValueError(f"the model has other weights: {names}")
    for name, (_, _, axes) in WEIGHTS.items():
        target, given = variable(model, name), arrays[name].shape
        shape = target.shape  # when: not blocks
        shape = target.shape[len(target.shape) - len(axes) :]  # when: blocks
        expected = tuple(shape[place] for place in np.argsort(axes))
        if given != expected:
            raise ValueError(f"{name} is {list(given)}, not {list(expected)}")
        target.assign(arrays[name].transpose(axes))  # when: not blocks
        target.assign(beside_others(name, arrays[name], target.numpy()))  # when: blocks
    for name, shape in FIXED.items():
        if arrays[name].shape != shape or arrays[name].any():
            raise ValueError(f"{name} must be {list(shape)} zeros: Keras has none")


def load_safetensors(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file by name. Raises ValueError for any other
    file."""
    content = Path(path).read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    if len(content) < max(8, start):
        raise ValueError(f"{path} is no safetensors file")
    try:
        header = json.loads(content[8:start])
        entries: dict[str, Any] = {
            name: (DTYPES[entry["dtype"]], list(entry["shape"]), entry["data_offsets"])
            for name, entry in header.items()
            if name != "__metadata__"
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} is no safetensors file") from error
    arrays = {}
    for name, (dtype, shape, (begin, end)) in entries.items():
        size = prod(shape) * dtype.itemsize
        if not 0 <= begin <= end <= len(content) - start or end - begin != size:
            raise ValueError(f"{path} is damaged at {name!r}")
        part = content[start + begin : start + end]
        arrays[name] = np.frombuffer(part, dtype).reshape(shape)
    return arrays


def load_weights(model: keras.Model, path: str | Path) -> None:
    """Give the model the weights of a safetensors file, which must fit exactly."""
    arrays = load_safetensors(path)
    try:
        set_weights(model, arrays)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def save_weights(model: keras.Model, path: str | Path) -> None:
    """Write the weights into a safetensors file, whole or not at all."""
    codes = {dtype: name for name, dtype in DTYPES.items()}
    header, offset, data = {}, 0, []
    for name, array in get_weights(model).items():
        header[name] = {
            "dtype": codes[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
        data.append(array.tobytes())
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    unfinished = Path(f"{path}.unfinished")
    unfinished.write_bytes(b"".join([len(text).to_bytes(8, "little"), text, *data]))
    unfinished.replace(path)
