"""Test vectors: inputs and the outputs that belong to them, in the form of ONNX's own tests.

`test_data_set_0/input_0.pb` is a tensor, as is `output_0.pb`; numbers follow the order of the
model's inputs and outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from nnc.backends import registry
from nnc.backends.base import Arrays
from nnc.backends.onnx.model import tensor_file
from nnc.compiler.ir import Program
from nnc.deployment.export import Chunks
from nnc.verify import sample

FOLDER: Final = "test_data_set_0"
EXAMPLES: Final = 2


def vectors(program: Program, weights: Arrays) -> dict[str, Chunks]:
    """The files of a test data set by their paths: random inputs, and the outputs of the float64
    reference rounded to float32."""
    inputs = sample.inputs(program.graph, EXAMPLES, np.random.default_rng(0))
    outputs = registry.REFERENCE.load_runner()(program, weights, "float64").outputs(inputs)
    return {**_files("input", inputs), **_files("output", outputs)}


def _files(kind: str, arrays: Mapping[str, np.ndarray]) -> dict[str, Chunks]:
    return {
        f"{FOLDER}/{kind}_{number}.pb": tensor_file(name, _rounded(array))
        for number, (name, array) in enumerate(arrays.items())
    }


def _rounded(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype == np.float64 else array
