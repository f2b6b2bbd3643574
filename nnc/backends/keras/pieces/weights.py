from __future__ import annotations

import json
from operator import attrgetter
from pathlib import Path
from typing import Any

import keras
import numpy as np

WEIGHTS: dict[str, tuple[str, str, tuple[int, ...]]] = {}
FIXED: dict[str, tuple[int, ...]] = {}
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


def variable(model: keras.Model, name: str) -> Any:
    """The variable that holds a weight."""
    layer, attribute, _ = WEIGHTS[name]
    return attrgetter(attribute)(model.get_layer(layer))


def get_weights(model: keras.Model) -> dict[str, np.ndarray]:
    """Every weight by its name, axes in PyTorch's order."""
    arrays = {}
    for name, (_, _, axes) in WEIGHTS.items():
        value = variable(model, name).numpy()
        arrays[name] = np.ascontiguousarray(value.transpose(np.argsort(axes)))
    for name, shape in FIXED.items():
        arrays[name] = np.zeros(shape, keras.config.floatx())
    return arrays


def set_weights(model: keras.Model, arrays: dict[str, np.ndarray]) -> None:
    """Give every weight its value by name, axes in PyTorch's order."""
    expected = {*WEIGHTS, *FIXED}
    if wrong := sorted(expected ^ arrays.keys()):
        missing = [name for name in wrong if name in expected]
        unknown = [name for name in wrong if name not in expected]
        raise ValueError(f"weights are missing: {missing}, or unknown: {unknown}")
    for name, (_, _, axes) in WEIGHTS.items():
        target, value = variable(model, name), arrays[name].transpose(axes)
        if value.shape != tuple(target.shape):
            raise ValueError(f"{name} has the shape {arrays[name].shape}")
        target.assign(value)
    for name, shape in FIXED.items():
        if arrays[name].shape != shape or arrays[name].any():
            raise ValueError(f"{name} must be {shape} zeros: Keras has no such weight")


def load_weights(model: keras.Model, path: str) -> None:
    """Read the weights from a safetensors file with PyTorch's names and axis order."""
    content = Path(path).read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    arrays = {}
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            part = content[start + first : start + last]
            flat = np.frombuffer(part, DTYPES[entry["dtype"]])
            arrays[name] = flat.reshape(entry["shape"])
    set_weights(model, arrays)


def save_weights(model: keras.Model, path: str) -> None:
    """Write the weights to a safetensors file with PyTorch's names and axis order."""
    header, chunks, offset = {}, [], 0
    codes = {code: name for name, code in DTYPES.items()}
    for name, array in sorted(get_weights(model).items()):
        array = array.astype(array.dtype.newbyteorder("<"))
        chunks.append(array.tobytes())
        header[name] = {
            "dtype": codes[f"<{array.dtype.kind}{array.dtype.itemsize}"],
            "shape": array.shape,
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    Path(path).write_bytes(b"".join([len(text).to_bytes(8, "little"), text, *chunks]))
