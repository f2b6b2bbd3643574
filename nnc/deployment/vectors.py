"""Test vectors: inputs and the outputs that belong to them, in the form of ONNX's own tests.

`test_data_set_0/input_0.pb` is a tensor, as is `output_0.pb`; numbers follow the order of the
model's inputs and outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from nnc.backends.base import Arrays
from nnc.backends.onnx.model import tensor_file
from nnc.deployment.export import Chunks, Exported
from nnc.deployment.sampling import results, samples

FOLDER: Final = "test_data_set_0"
EXAMPLES: Final = 2


def vectors(model: Exported, weights: Arrays) -> dict[str, Chunks]:
    """The files of a test data set by their paths: random inputs, raw ones where the model prepares
    them, and the outputs of the float64 reference rounded to float32."""
    drawn = samples(model, EXAMPLES, np.random.default_rng(0))
    inputs = {end.name: drawn.given[end.name] for end in model.graph.inputs}
    outputs = results(model, weights, drawn.prepared)
    return {**_files("input", inputs), **_files("output", outputs)}


def _files(kind: str, arrays: Mapping[str, np.ndarray]) -> dict[str, Chunks]:
    return {
        f"{FOLDER}/{kind}_{number}.pb": tensor_file(name, _rounded(array))
        for number, (name, array) in enumerate(arrays.items())
    }


def _rounded(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype == np.float64 else array
