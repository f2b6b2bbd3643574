"""A model repository for NVIDIA's Triton Inference Server, and a request to try it with.

    NAME/config.pbtxt    what the server is told
    NAME/1/model.onnx    the first version
    NAME/request.json    for POST /v2/models/NAME/infer

Written after Triton's documentation; the server itself was not run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from nnc.backends.onnx.graph import End
from nnc.backends.onnx.model import ELEMENT_TYPES, TEXT
from nnc.deployment.export import Chunks, Exported
from nnc.deployment.sampling import samples

MODEL: Final = "model.onnx"
BATCH: Final = 64
"""The most examples that the server puts together."""
_TYPES: Final = {
    ELEMENT_TYPES["f32"]: ("TYPE_FP32", "FP32"),
    ELEMENT_TYPES["u8"]: ("TYPE_UINT8", "UINT8"),
    ELEMENT_TYPES["i32"]: ("TYPE_INT32", "INT32"),
    ELEMENT_TYPES["i64"]: ("TYPE_INT64", "INT64"),
    ELEMENT_TYPES["bool"]: ("TYPE_BOOL", "BOOL"),
    TEXT: ("TYPE_STRING", "BYTES"),
}
"""What the configuration and the requests call an element type."""


def repository(model: Exported) -> dict[str, Chunks]:
    """The files of a repository by their paths."""
    name, labels = model.graph.name, model.options.labels
    files = {f"{name}/1/{file}": chunks for file, chunks in model.files.items()}
    files[f"{name}/config.pbtxt"] = (_configuration(model).encode(),)
    files[f"{name}/request.json"] = (_request(model).encode(),)
    for output, names in labels.items():
        files[f"{name}/{_labels_of(output)}"] = ("".join(f"{n}\n" for n in names).encode(),)
    return files


def _labels_of(output: str) -> str:
    return f"{output}.labels.txt"


def _configuration(model: Exported) -> str:
    lines = [
        f'name: "{model.graph.name}"',
        'backend: "onnxruntime"',
        f"max_batch_size: {BATCH}",
    ]
    for end in model.graph.inputs:
        lines += ["input [", "  {", *_described(end), "  }", "]"]
    for end in model.graph.outputs:
        label = end.name in model.options.labels
        more = [f'    label_filename: "{_labels_of(end.name)}"'] if label else []
        lines += ["output [", "  {", *_described(end), *more, "  }", "]"]
    return "\n".join([*lines, "dynamic_batching { }", ""])


def _described(end: End) -> Iterator[str]:
    """An input or output without its batch; a free size is -1, and no size is one of 1."""
    sizes = ", ".join(str(d) if isinstance(d, int) else "-1" for d in end.shape[1:])
    yield f'    name: "{end.name}"'
    yield f"    data_type: {_TYPES[end.element][0]}"
    yield f"    dims: [ {sizes or 1} ]"
    if not sizes:
        yield "    reshape: { shape: [ ] }"


def _request(model: Exported) -> str:
    """Two examples: random ones, as the model takes them."""
    given = samples(model, 2, np.random.default_rng(0)).given
    inputs = [_described_sample(end, given[end.name]) for end in model.graph.inputs]
    outputs = [{"name": end.name} for end in model.graph.outputs]
    return json.dumps({"inputs": inputs, "outputs": outputs}, indent=1) + "\n"


def _described_sample(end: End, array: np.ndarray) -> dict[str, Any]:
    # Triton takes what has no size of its own as a size of 1.
    full = list(array.shape) if array.ndim > 1 else [*array.shape, 1]
    data = array.ravel().tolist()
    return {"name": end.name, "shape": full, "datatype": _TYPES[end.element][1], "data": data}
