"""The big specs in small sizes, with weights and images to try them on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nnc.backends import initial
from nnc.backends.base import Arrays, Runner
from nnc.backends.registry import BACKENDS
from nnc.compiler.ir import Program
from nnc.loading import compile_file

if TYPE_CHECKING:
    from torch import nn

ZOO = Path(__file__).parents[2] / "specs" / "zoo"
CLASSES = 10
SMALL = {"size": 64, "classes": CLASSES}


def program_of(name: str) -> Program:
    program, _ = compile_file(ZOO / f"{name}.nn", SMALL)
    assert program is not None
    return program


def lively(program: Program) -> Arrays:
    """Weights with statistics that are not 0 and 1, so that a lost one shows."""
    arrays = initial.weights(program.graph, 1)
    chance = np.random.default_rng(2)
    for name, array in arrays.items():
        if name.endswith("running_mean"):
            arrays[name] = chance.normal(0, 0.1, array.shape).astype(np.float32)
        elif name.endswith("running_var"):
            arrays[name] = chance.uniform(0.5, 1.5, array.shape).astype(np.float32)
        elif array.ndim == 1:
            arrays[name] = array + chance.normal(0, 0.05, array.shape).astype(np.float32)
    return arrays


def images(shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


def runner(backend: str, program: Program, arrays: Arrays) -> Runner:
    return BACKENDS[backend].load_runner()(program, arrays)


def by_hand(network: nn.Module, arrays: Arrays, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """What a network of PyTorch with the same names of weights gives, in float64."""
    import torch

    network = network.double().eval()
    state = {key: torch.from_numpy(value).double() for key, value in arrays.items()}
    missing = network.load_state_dict(state, strict=False).missing_keys
    assert all(key.endswith("num_batches_tracked") for key in missing)
    with torch.no_grad():
        found: NDArray[np.float64] = network(torch.from_numpy(x).double()).numpy()
    return found
