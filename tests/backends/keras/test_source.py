"""What an emitted program looks like."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from nnc.backends.keras.layer_names import OPERATIONS, LayerNames, legal
from nnc.compiler.ir import Program, single
from nnc.compiler.vocabulary.base import words
from nnc.compiler.vocabulary.ops.base import Example, Op
from tests.backends.keras.programs import SPECS, executed, of_file, of_text, source
from tests.conftest import Golden

EVERY_SPEC = sorted(
    path.relative_to(SPECS).with_suffix("").as_posix() for path in SPECS.rglob("*.nn")
)


def examples() -> list[Example]:
    found: list[Example] = []
    for word in words("op"):
        assert issubclass(word, Op)
        found += word.examples()
    return found


@pytest.mark.parametrize(
    "name", ["curriculum/xor", "curriculum/xor_by_hand", "examples/siamese", "examples/tagger"]
)
def test_programs_that_people_read(name: str, golden: Golden) -> None:
    golden(f"{name.rpartition('/')[2]}.py.txt", source(of_file(name)))


def test_the_same_spec_gives_the_same_bytes() -> None:
    assert source(of_file("zoo/resnet18")) == source(of_file("zoo/resnet18"))


def test_every_program_is_clean_and_laid_out_by_ruff(tmp_path: Path) -> None:
    for number, example in enumerate(examples()):
        text = source(Program(single(example.op, example.inputs)))
        (tmp_path / f"op_{number}.py").write_text(text, encoding="utf-8")
    for name in EVERY_SPEC:
        path = tmp_path / f"{name.replace('/', '_')}.py"
        path.write_text(source(of_file(name)), encoding="utf-8")
    select = ["check", "--isolated", "--select", "E,F,I,B,UP,C4,PIE", "--target-version", "py311"]
    for arguments in (select, ["format", "--isolated", "--check", "--diff"]):
        run = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout[-2000:]


@pytest.mark.parametrize("name", EVERY_SPEC)
def test_a_program_stands_alone(name: str) -> None:
    tree = ast.parse(source(of_file(name)))
    imported = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        (node.module or "").partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    }
    allowed = {"keras", "tensorflow", "numpy", "sklearn", "PIL"}  # the last two read data
    assert imported - allowed - sys.stdlib_module_names == set()


def transposes(text: str) -> int:
    return text.count("layers.Permute(")


def test_nothing_is_transposed_between_two_convolutions() -> None:
    chain = " -> ".join(
        f"Conv2D({n}, 3, padding=same) -> BatchNorm -> relu -> MaxPool2D(2)" for n in (4, 5, 6)
    )
    program = of_text(f"model M {{ input x: f32[3, 16, 16] output y = x -> {chain} }}")
    assert transposes(source(program)) == 2  # into the region and out of it


def test_a_skip_connection_stays_in_the_region() -> None:
    text = source(of_file("zoo/resnet18"))
    assert transposes(text) == 1  # the mean over all places ends in a vector


def test_channels_last_needs_no_transposes() -> None:
    program = of_text(
        "model M { layout channels_last input x: f32[8, 8, 3]"
        " output y = x -> Conv2D(4, 3) -> relu -> Conv2D(5, 3) -> Flatten -> Dense(2) }"
    )
    assert transposes(source(program)) == 0


def test_defaults_that_differ_are_written() -> None:
    program = of_text(
        "model M { input x: f32[3, 8, 8] output y = x -> Conv2D(4, 3) -> BatchNorm -> gelu }"
    )
    text = source(program)
    assert "BatchNorm(momentum=0.1, epsilon=1e-05" in text
    assert 'data_format="channels_last"' in text
    assert "layers.BatchNormalization" not in text


def test_a_layer_used_twice_is_made_once() -> None:
    text = source(of_file("examples/siamese"))
    assert text.count('name="tower.dense"') == 1
    assert text.count("tower_dense_layer(") == 2


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("layer1.0.conv1", "layer1.0.conv1"),
        ("größe", "gr__e"),
        ("_hidden", "layer_hidden"),
        ("relu", "layer_relu"),
        ("mean_3", "layer_mean_3"),
        ("meaning", "meaning"),
    ],
)
def test_names_of_layers_are_legal(path: str, name: str) -> None:
    assert legal(path) == name


def test_names_of_layers_are_unique() -> None:
    names = LayerNames()
    assert [names.fresh("fc"), names.fresh("fc"), names.fresh("f c"), names.fresh("f/c")] == [
        *("fc", "fc_2", "f_c", "f_c_2")
    ]


def test_keras_names_its_operations_as_we_think() -> None:
    """A layer named as Keras names an operation would make the model impossible."""
    import re

    from keras.src.ops.operation import Operation  # what a functional model is made of

    made: set[str] = set()
    for example in examples():
        model = executed(source(Program(single(example.op, example.inputs))))["build_model"]()
        own = [layer.name for layer in model.layers]
        assert all(isinstance(operation, Operation) for operation in model.operations)
        made |= {re.sub(r"_\d+$", "", o.name) for o in model.operations if o.name not in own}
    assert made - OPERATIONS == set()


def test_awkward_names_make_a_model() -> None:
    program = of_text(
        "model M { input mean: f32[4] input größe: f32[4] input sum: f32[2, 4]"
        " output class = (mean + größe) -> Dense(3) as relu -> relu -> Dense(3) as größe2"
        " output keras = mean -> Dense(2) as layers -> tanh output layer_mean = sum -> mean }"
    )
    model = executed(source(program))["build_model"]()
    assert sorted(model.input) == ["größe", "mean", "sum"]
    assert sorted(model.output) == ["class", "keras", "layer_mean"]


def test_text_of_a_spec_is_never_code() -> None:
    program = of_text(
        'data { source = csv("a\\"; import os #.csv") x = column("b\\")") y = column("c\\n") }'
        " model M { input x: f32[1] output p = x -> Dense(1) }"
        " train { target y: f32[1] loss = mse(p, y) optimizer = sgd(0.1) }"
    )
    tree = ast.parse(source(program))
    imported = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    assert "os" not in imported


def test_lines_lead_back_to_the_spec() -> None:
    from nnc.backends.keras.emit import emit

    artifact = emit(of_text("model M { input x: f32[4] output y = x -> Dense(3) as fc }"))
    line = next(
        n for n, text in enumerate(artifact.text.splitlines(), 1) if "layers.Dense(" in text
    )
    assert "Dense(3)" in artifact.lines[line].text
