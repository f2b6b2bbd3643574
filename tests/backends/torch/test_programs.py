"""Whole programs: the checked-in specs and hand-made corners, their names, classes and
transposes."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nnc.backends.base import Arrays
from nnc.backends.layout import native
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.torch.emit import class_name, emit
from nnc.backends.torch.modules import KEPT
from nnc.backends.torch.run import TorchRunner, load_module
from nnc.backends.torch.sources import is_plain
from nnc.compiler.ir import Program
from tests.backends.torch.feeding import assert_clean, close, example, program, weights

SPECS = sorted((Path(__file__).resolve().parents[3] / "specs").rglob("*.nn"))


def read(path: Path) -> Program:
    """A checked-in spec, large images made small."""
    return program(path.read_text(encoding="utf-8").replace("size = 224", "size = 33"))


def feed(made: Program, seed: int = 1) -> tuple[Arrays, Arrays]:
    rng = np.random.default_rng(seed)
    inputs: Arrays = {}
    for value in made.graph.inputs:
        inputs |= example(value, rng)
    targets: Arrays = {}
    for value in made.training.targets if made.training else ():
        drawn = example(value, rng)
        targets |= {n: np.abs(a) % 1 if a.dtype.kind == "f" else a for n, a in drawn.items()}
    return inputs, targets


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_spec_computes_what_its_formulas_say(path: Path) -> None:
    made = read(path)
    inputs, targets = feed(made)
    start = weights(made.graph)
    torch, reference = TorchRunner(made, start, "float64"), ReferenceRunner(made, start)
    close(torch.outputs(inputs), reference.outputs(inputs))
    if made.training is not None:
        loss, gradients = torch.gradients(inputs, targets)
        expected_loss, expected = reference.gradients(inputs, targets)
        assert loss == pytest.approx(expected_loss, rel=1e-12)
        close(gradients, expected, 1e-10)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_same_spec_gives_the_same_bytes_and_its_own_names(path: Path) -> None:
    made = read(path)
    text = emit(made).text
    assert text == emit(read(path)).text
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) or ""
        for node in ast.parse(text).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    frameworks = {module.partition(".")[0] for module in imported} - sys.stdlib_module_names
    plain = made.data is None or is_plain(made.data)
    assert frameworks == ({"torch"} if plain else {"torch", "numpy"})
    state = getattr(load_module(text), class_name(made))().state_dict()
    kept = {n: tuple(t.shape) for n, t in state.items() if not n.endswith("num_batches_tracked")}
    assert kept == {name: weight.shape for name, weight in made.graph.weights.items()}


def test_ruff_has_nothing_to_say(tmp_path: Path) -> None:
    files = []
    for path in SPECS:
        file = tmp_path / f"{path.stem}.py"
        file.write_text(emit(read(path)).text, encoding="utf-8")
        files.append(file)
    assert_clean(*files)


def classes(text: str) -> list[str]:
    return [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]


def test_uses_of_a_block_share_a_class() -> None:
    path = next(path for path in SPECS if path.stem == "resnet50")
    text = emit(read(path)).text
    assert classes(text) == ["Downsample", "Bottleneck", "Bottleneck2", "ResNet50"]
    assert "for block in self.layer3:" in text


def test_a_block_in_a_shared_layer_is_called_twice() -> None:
    made = program(
        """
        block Tower(units) { input x output y = x -> Dense(units) -> tanh -> Dense(2) }
        model Twice {
          input a: f32[3]
          input b: f32[3]
          layer tower = Tower(4)
          left = a -> tower
          right = b -> tower
          output y = (left, right) -> concat -> Dense(1)
        }
        """
    )
    text = emit(made).text
    assert classes(text) == ["Tower", "Twice"]
    assert len(re.findall(r"self\.tower[.\w]*\([ab]\)", text)) == 2
    inputs, _ = feed(made)
    start = weights(made.graph)
    expected = ReferenceRunner(made, start).outputs(inputs)
    close(TorchRunner(made, start, "float64").outputs(inputs), expected)


LAYOUTS = {
    "channels_first": ("layout channels_first", "f32[3, 8, 6]"),
    "channels_last": ("layout channels_last", "f32[8, 6, 3]"),
}


def convolutions(layout: str) -> Program:
    statement, type_ = LAYOUTS[layout]
    return program(
        f"""
        model Convolutions {{
          {statement}
          input x: {type_}
          h = x -> Conv2D(4, 3, padding=1) -> BatchNorm -> relu
          k = h -> Conv2D(4, 3, padding=same) -> gelu
          output y = h + k -> MaxPool2D(2) -> Conv2D(2, 1) -> sigmoid
        }}
        """
    )


@pytest.mark.parametrize(("layout", "count"), [("channels_first", 0), ("channels_last", 2)])
def test_transposes_stand_only_where_the_layouts_meet(layout: str, count: int) -> None:
    made = convolutions(layout)
    text = emit(made).text
    nodes = native(made.graph, "channels_first").nodes
    assert text.count(".permute(") == count == sum(n.op.word == "Permute" for n in nodes)
    lines = [i for i, line in enumerate(text.splitlines()) if ".permute(" in line]
    layers = [i for i, line in enumerate(text.splitlines()) if "= self.conv2d" in line]
    assert not any(min(layers) < line < max(layers) for line in lines)


def test_the_loss_sees_logits_in_the_axis_order_of_the_spec() -> None:
    made = program(
        """
        model Map {
          layout channels_last
          input x: f32[4, 6, 3]
          output p = x -> Conv2D(2, 3, padding=1) -> sigmoid
        }
        train {
          target t: f32[4, 6, 2]
          loss = binary_cross_entropy(p, t) + 0.5 * mse(p, t)
          optimizer = sgd(lr=0.1)
        }
        """
    )
    inputs, targets = feed(made)
    start = weights(made.graph)
    torch, reference = TorchRunner(made, start, "float64"), ReferenceRunner(made, start)
    close(torch.outputs(inputs), reference.outputs(inputs))
    loss, gradients = torch.gradients(inputs, targets)
    expected_loss, expected = reference.gradients(inputs, targets)
    assert loss == pytest.approx(expected_loss, rel=1e-12)
    close(gradients, expected)


def test_a_trace_of_a_fault_shows_the_generated_line() -> None:
    made = program("model M { input x: f32[2] output y = x -> Dense(1) }")
    runner = TorchRunner(made, weights(made.graph))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied") as caught:
        runner.outputs({"x": np.ones((1, 3))})
    assert any("self.dense(x)" in str(entry) for entry in caught.traceback)


def test_weights_that_do_not_fit_are_refused() -> None:
    made = program("model M { input x: f32[2] output y = x -> Dense(1) }")
    with pytest.raises(ValueError, match=r"differ: dense\.bias"):
        TorchRunner(made, {"dense.weight": np.ones((1, 2))})


def test_lines_lead_back_to_the_spec() -> None:
    text = "model M { input x: f32[2] output y = x -> Dense(1) -> tanh }"
    artifact = emit(program(text))
    lines = artifact.text.splitlines()
    number = next(i for i, line in enumerate(lines, 1) if "torch.tanh(" in line)
    assert "tanh" in artifact.lines[number].text


def test_every_name_of_a_module_is_kept_from_layers() -> None:
    from torch import nn

    used = {n for kind in (nn.Module, nn.ModuleDict, nn.ModuleList) for n in dir(kind())}
    assert {name for name in used if not name.startswith("_")} - KEPT <= {"0"}


def test_emitting_loads_no_framework() -> None:
    code = (
        "import sys; from nnc import compile_text; from nnc.backends.torch.emit import emit;"
        "emit(compile_text('model M { input x: f32[2] output y = x -> Dense(1) }', 'm.nn')[0]);"
        "assert not {'torch', 'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def agree(text: str) -> str:
    """The source of a program that computes what its formulas say."""
    made = program(text)
    inputs, _ = feed(made)
    start = weights(made.graph)
    runner = TorchRunner(made, start, "float64")
    close(runner.outputs(inputs), ReferenceRunner(made, start).outputs(inputs))
    state = runner.model.state_dict()
    kept = {name for name in state if not name.endswith("num_batches_tracked")}
    assert kept == set(made.graph.weights)
    return emit(made).text


def test_a_shared_convolution_pads_each_input_by_its_size() -> None:
    text = agree(
        """
        model M {
          input a: f32[2, 8, 9]
          input b: f32[2, 7, 6]
          layer seen = Conv2D(3, 3, stride=2, padding=same) as conv
            -> MaxPool2D(3, stride=1, padding=same)
          output x = a -> seen
          output y = b -> seen
        }
        """
    )
    assert text.count("F.pad(a, (1, 1, 0, 1))") == text.count("F.pad(b, (0, 1, 1, 1))") == 1


def test_a_shared_normalisation_takes_inputs_of_several_ranks() -> None:
    agree(
        """
        model M {
          input a: f32[3, 4, 5]
          input b: f32[3]
          layer norm = BatchNorm
          output x = a -> norm
          output y = b -> norm
        }
        """
    )


@pytest.mark.parametrize("word", ["InstanceNorm", "GroupNorm(1)", "SpatialDropout(0.2)"])
def test_a_shared_layer_takes_inputs_with_places_on_one_or_two_axes(word: str) -> None:
    agree(
        f"""
        model M {{
          input a: f32[3, 4, 5]
          input b: f32[3, 7]
          layer shared = {word}
          output x = a -> shared
          output y = b -> shared
        }}
        """
    )


@pytest.mark.parametrize(
    ("before", "contiguous"),
    [
        ("", True),
        ("Conv2D(4, 1, trainable=false) -> ", True),
        ("Conv2D(4, 1) -> stop_gradient -> ", True),
        ("Conv2D(4, 1) -> ", False),
    ],
)
def test_group_norm_has_its_gradient_where_images_have_none(before: str, contiguous: bool) -> None:
    made = program(
        f"""
        model Early {{
          layout channels_last
          input x: f32[5, 6, 4]
          output y = x -> {before}GroupNorm(2) -> Conv2D(3, 3) -> GlobalAvgPool
        }}
        train {{ target t: f32[3] loss = mse(y, t) optimizer = sgd(lr=0.1) }}
        """
    )
    assert ("self.group_norm(x.contiguous())" in emit(made).text) == contiguous
    inputs, targets = feed(made)
    start = weights(made.graph)
    torch, reference = TorchRunner(made, start, "float64"), ReferenceRunner(made, start)
    _, gradients = torch.gradients(inputs, targets)
    _, expected = reference.gradients(inputs, targets)
    close(gradients, expected)


def test_a_shared_block_that_depends_on_sizes_is_written_out() -> None:
    agree(
        """
        block Tower { input x output y = x -> Conv2D(3, 3, stride=2, padding=same) -> relu }
        model M {
          input a: f32[2, 8, 9]
          input b: f32[2, 7, 6]
          layer tower = Tower()
          output x = a -> tower
          output y = b -> tower
        }
        """
    )


def test_blocks_within_blocks_and_blocks_of_blocks_alone() -> None:
    text = agree(
        """
        block Inner(units) { input x output y = x -> Dense(units) -> tanh }
        block Same(units) { input x output y = x -> Inner(units) as inner }
        block Outer(units) {
          input x
          h = x -> Same(units) as first
          output y = h -> for i in 0..2 { Inner(units) } as rest
        }
        block Nothing { input x output y = x }
        model M {
          input x: f32[4]
          output y = x -> Outer(3) as a -> Nothing() as none -> Outer(5) as b -> Same(2) as c
        }
        """
    )
    assert classes(text) == ["Inner", "Same", "Outer", "M"]


def test_a_block_with_several_inputs_and_results() -> None:
    agree(
        """
        block Mix(units) {
          input a
          input b
          left = a + b -> Dense(units)
          right = a - b -> Dense(units)
          output x = left
          output y = right
        }
        model M {
          input a: f32[4]
          input b: f32[4]
          s, d = (a, b) -> Mix(3) as one
          t, e = (s, d) -> Mix(3) as two
          output y = t + e -> Dense(1)
          output z = d
        }
        """
    )


def test_outputs_that_need_more_than_the_scores() -> None:
    made = program(
        """
        model M {
          input x: f32[4]
          h = x -> Dense(3) as first
          z = h -> Dense(2) as last
          output p = z -> sigmoid
          output q = p -> exp
          output r = (p, h) -> concat -> abs
        }
        train { target t: f32[2] loss = binary_cross_entropy(p, t) optimizer = sgd(lr=0.1) }
        """
    )
    inputs, targets = feed(made)
    start = weights(made.graph)
    torch, reference = TorchRunner(made, start, "float64"), ReferenceRunner(made, start)
    close(torch.outputs(inputs), reference.outputs(inputs))
    loss, gradients = torch.gradients(inputs, targets)
    expected_loss, expected = reference.gradients(inputs, targets)
    assert loss == pytest.approx(expected_loss, rel=1e-12)
    close(gradients, expected)


def test_inputs_as_outputs_and_layers_that_nobody_needs() -> None:
    agree(
        """
        model M {
          input x: f32[4]
          input unused: f32[2]
          dead = x -> Dense(3) as dead
          output same = x
          output twice = x
          output y = x -> identity -> Dense(2)
        }
        """
    )


def test_a_batch_called_n_by_the_spec() -> None:
    text = agree("model M { input x: f32[N, 3] output y = x -> Dense(2) }")
    assert "# [batch, N, 2]" in text


def test_a_thousand_blocks_are_emitted_in_seconds() -> None:
    made = program(
        """
        block B(w) { input x h = x -> Dense(w) -> relu -> Dense(8) output y = h + x }
        model M { input x: f32[8] output y = x -> for i in 0..1000 { B(i % 7 + 1) } as body }
        """
    )
    begin = time.process_time()
    assert "for block in self.body" in emit(made).text
    assert time.process_time() - begin < 10
