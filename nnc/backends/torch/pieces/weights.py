"""Weights in safetensors files: a length, a header in JSON, the tensors one after the
other."""

import ctypes
import json
from math import prod
from pathlib import Path

import torch
from torch import Tensor, nn

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def load_safetensors(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name. Raises ValueError for other files."""
    content = bytearray(Path(path).read_bytes())
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > len(content) - 8:
        raise ValueError(f"{path} is no safetensors file")
    try:
        header = json.loads(content[8 : 8 + length])
        entries = {
            name: (DTYPES[entry["dtype"]], list(entry["shape"]), entry["data_offsets"])
            for name, entry in header.items()
            if name != "__metadata__"
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} is no safetensors file") from error
    start = 8 + length
    tensors = {}
    for name, (dtype, shape, (begin, end)) in entries.items():
        size = prod(shape) * dtype.itemsize
        if not 0 <= begin <= end <= len(content) - start or end - begin != size:
            raise ValueError(f"{path} is damaged at {name!r}")
        if size == 0:
            tensors[name] = torch.empty(shape, dtype=dtype)
            continue
        data = content[start + begin : start + end]
        tensors[name] = torch.frombuffer(data, dtype=dtype).reshape(shape)
    return tensors


def save_safetensors(tensors: dict[str, Tensor], path: str | Path) -> None:
    """Write tensors into a safetensors file, whole or not at all."""
    names = {dtype: name for name, dtype in DTYPES.items()}
    header, offset, data = {}, 0, []
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu().contiguous()
        header[name] = {
            "dtype": names[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + tensor.nbytes],
        }
        offset += tensor.nbytes
        data.append(ctypes.string_at(tensor.data_ptr(), tensor.nbytes))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    unfinished = Path(f"{path}.unfinished")
    unfinished.write_bytes(b"".join([len(text).to_bytes(8, "little"), text, *data]))
    unfinished.replace(path)


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Every weight by name, without PyTorch's counters of batches."""
    state = model.state_dict()
    return {n: t for n, t in state.items() if not n.endswith("num_batches_tracked")}


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Give the model the weights of a safetensors file, which must fit exactly."""
    found, expected = load_safetensors(path), weights(model)
    if found.keys() != expected.keys():
        names = ", ".join(sorted(found.keys() ^ expected.keys())[:5])
        raise ValueError(f"{path} has other weights than the model: {names}")
    for name, tensor in found.items():
        if tensor.shape != expected[name].shape:
            sizes = f"{list(tensor.shape)}, not {list(expected[name].shape)}"
            raise ValueError(f"{path}: {name} is {sizes}")
    model.load_state_dict(found, strict=False)
