"""Every checked-in spec: it compiles cleanly, runs on every backend, and is the same network on all
of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from nnc.backends import initial, weights
from nnc.backends.base import Arrays, Runner
from nnc.backends.registry import BACKENDS, REFERENCE
from nnc.cli import group as cli
from nnc.compiler.ir import Program
from nnc.loading import compile_file
from nnc.verify import verify

SPECS = Path(__file__).parents[2] / "specs"
PATHS = sorted(SPECS.rglob("*.nn"))
SMALL = {
    "googlenet": {"size": 32},
    "resnet18": {"size": 32},
    "resnet50": {"size": 64},
    "resnet50_v1": {"size": 64},
}
HEAVY = SMALL.keys()
ALL = [*BACKENDS, REFERENCE.name]
CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)

TRUTH = {
    "and": [0, 0, 0, 1],
    "and_other_weights": [0, 0, 0, 1],
    "nand": [1, 1, 1, 0],
    "or": [0, 1, 1, 1],
    "xor_by_hand": [0, 1, 1, 0],
}
PARAMETERS = {
    "xor": 9,
    "mnist_mlp": 407_050,
    "cnn64": 684_490,
    "googlenet": 6_624_904,
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
}


def name_of(path: Path) -> str:
    return path.stem


def program_of(path: Path) -> Program:
    program, _ = compile_file(path, SMALL.get(path.stem, {}))
    assert program is not None
    return program


def runner(backend: str, program: Program, arrays: Arrays) -> Runner:
    chosen = REFERENCE if backend == REFERENCE.name else BACKENDS[backend]
    return chosen.load_runner()(program, arrays)


def slow(path: Path) -> object:
    marks = [pytest.mark.slow] if path.stem in HEAVY else []
    return pytest.param(path, marks=marks, id=path.stem)


@pytest.mark.parametrize("path", PATHS, ids=name_of)
def test_checks_cleanly(path: Path) -> None:
    _, diagnostics = compile_file(path)
    # biases in front of BatchNorm are what Keras Applications has
    allowed = {"W103"} if path.stem == "resnet50_v1" else set()
    assert {d.code for d in diagnostics} <= allowed


@pytest.mark.parametrize("backend", list(BACKENDS))
@pytest.mark.parametrize("path", [slow(path) for path in PATHS])
def test_is_the_same_network(path: Path, backend: str) -> None:
    verdict = verify(program_of(path), backends=[backend], batch=2)
    assert verdict.agrees, verdict.to_json()


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("gate", TRUTH)
def test_gates(gate: str, backend: str) -> None:
    program = program_of(SPECS / "curriculum" / f"{gate}.nn")
    arrays = initial.weights(program.graph, program.seed)
    outputs = runner(backend, program, arrays).outputs({"x": CORNERS})["y"]
    assert outputs.ravel().tolist() == TRUTH[gate]


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(name: str) -> None:
    program = program_of(next(path for path in PATHS if path.stem == name))
    counted = sum(
        int(np.prod(weight.shape))
        for weight in program.graph.weights.values()
        if weight.role == "parameter"
    )
    assert counted == PARAMETERS[name]


@pytest.mark.parametrize(
    "name", ["tagger", "tagger_transformer", "transformer", "siamese", "digits_cnn", "cnn64"]
)
def test_weights_go_round_without_losing_a_bit(name: str, tmp_path: Path) -> None:
    """PyTorch -> file -> Keras -> file -> ONNX -> PyTorch."""
    from nnc.backends.onnx.emit import emit
    from nnc.backends.onnx.run import read_weights

    program = program_of(SPECS / "examples" / f"{name}.nn")
    chance = np.random.default_rng(5)
    first = {
        key: (chance.normal(size=array.shape) if array.any() or array.ndim > 1 else array)
        for key, array in initial.weights(program.graph, 3).items()
    }
    first = {key: array.astype(np.float32) for key, array in first.items()}
    current: Arrays = dict(first)
    for backend in ("torch", "keras"):
        current = dict(runner(backend, program, current).weights())
        path = tmp_path / f"{backend}.safetensors"
        weights.write(path, current)
        current = dict(weights.read(path, program.graph))
    model = b"".join(emit(program, current).chunks)
    current = dict(read_weights(model, program.graph))
    last = runner("torch", program, current).weights()
    assert last.keys() == first.keys()
    for key, array in first.items():
        assert last[key].dtype == array.dtype
        assert last[key].tobytes() == array.tobytes(), key


def test_resnet50_has_the_names_of_torchvision() -> None:
    names = program_of(SPECS / "zoo" / "resnet50.nn").graph.weights
    for name in (
        "conv1.weight",
        "bn1.running_mean",
        "layer1.0.downsample.0.weight",
        "layer1.0.downsample.1.running_var",
        "layer3.5.conv3.weight",
        "layer4.2.bn3.bias",
        "fc.bias",
    ):
        assert name in names
    assert len(names) == 267


@pytest.mark.parametrize("path", PATHS, ids=name_of)
def test_has_the_one_layout(path: Path) -> None:
    result = CliRunner().invoke(cli.group, ["fmt", "--check", str(path)])
    assert result.exit_code == 0, result.output
