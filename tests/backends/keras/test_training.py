"""Training by emitted programs: the update rules of the spec, and the loop around them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from nnc.backends import initial
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.reference.schedules import rate
from nnc.backends.reference.table import Step, clips, optimizers
from nnc.compiler.ir import Program
from tests.backends.keras.programs import SPECS, executed, float64, of_file, of_text, source

SETTINGS = [
    "optimizer = sgd(0.05)",
    "optimizer = sgd(0.05, momentum=0.9)",
    "optimizer = sgd(0.05, momentum=0.9, nesterov=true)",
    "optimizer = sgd(0.05, momentum=0.9) schedule = cosine(warmup_steps=3)",
    "optimizer = sgd(0.05, momentum=0.9, nesterov=true, weight_decay=0.1) schedule = step(4, 0.5)",
    "optimizer = sgd(0.05, weight_decay=0.1)",
    "optimizer = rmsprop(0.01)",
    "optimizer = rmsprop(0.01, decay=0.9, epsilon=1e-3) schedule = exponential(0.9)",
    "optimizer = adam(0.01)",
    "optimizer = adam(0.01, beta1=0.8, beta2=0.99) schedule = cosine(steps=7, minimum=1e-3)",
    "optimizer = adam(0.01, epsilon=1e-3)",
    "optimizer = adamw(0.01, weight_decay=0.1)",
    "optimizer = adam(0.01) clip = global_norm(0.05)",
    "optimizer = sgd(0.05) clip = value(0.01)",
]
STEPS = 12


def network(settings: str) -> Program:
    return of_text(
        "model M { input words: i64[5] input x: f32[3]"
        " h = words -> Embedding(4, 3) as table -> mean(axes=0)"
        " output p = (h + x) -> Dense(4) as a -> tanh -> Dense(2) as b -> sigmoid }"
        " train { target y: f32[2] loss = binary_cross_entropy(p, y) + 0.5 * mse(p, y) + l2(1e-2)"
        f" {settings} epochs = {STEPS} batch = all }}"
    )


def arrays(program: Program) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weights and a batch in which words occur several times."""
    rng = np.random.default_rng(11)
    weights = {n: rng.standard_normal(w.shape) for n, w in program.graph.weights.items()}
    batch = {
        "words": rng.integers(0, 4, (6, 5)),
        "x": rng.standard_normal((6, 3)),
        "y": rng.random((6, 2)),
    }
    return weights, batch


def reference_steps(program: Program, weights: dict[str, Any], batch: dict[str, Any]) -> Any:
    training = program.training
    assert training is not None
    inputs, targets = {n: batch[n] for n in ("words", "x")}, {"y": batch["y"]}
    states: dict[str, dict[str, Any]] = {name: {} for name in weights}
    for t in range(STEPS):
        _, gradients = ReferenceRunner(program, weights).gradients(inputs, targets)
        if training.clip is not None:
            gradients = clips.find(training.clip)(training.clip, gradients)
        eta = rate(training.schedule, training.optimizer.lr, t, STEPS)
        rule = optimizers.find(training.optimizer)
        weights = {
            name: rule(
                training.optimizer, Step(weights[name], gradients[name], eta, t + 1, states[name])
            )
            for name in weights
        }
    return weights


@pytest.mark.parametrize("settings", SETTINGS)
def test_updates_are_those_of_the_reference(settings: str) -> None:
    program = network(settings)
    weights, batch = arrays(program)
    with float64():
        import tensorflow as tf

        names = executed(source(program))
        model, trained = names["build_models"]()
        names["set_weights"](model, weights)
        update = names["make_update"](model, trained)
        for t in range(STEPS):
            tensors = {name: tf.constant(array) for name, array in batch.items()}
            update(tensors, names["learning_rate"](t, STEPS))
        found = names["get_weights"](model)
    expected = reference_steps(program, weights, batch)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    "schedule",
    [
        *("constant", "constant(warmup_steps=5)", "step(7, 0.5)", "exponential(0.97)", "cosine"),
        *("cosine(steps=20, minimum=1e-3, warmup_steps=4)", "cosine(warmup_steps=10)"),
    ],
)
def test_schedules_are_those_of_the_reference(schedule: str) -> None:
    program = network(f"optimizer = sgd(0.3) schedule = {schedule}")
    assert program.training is not None
    found = executed(source(program))["learning_rate"]
    for t in range(50):
        assert found(t, 40) == pytest.approx(rate(program.training.schedule, 0.3, t, 40), rel=1e-15)


def run(folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "program.py").write_text(text, encoding="utf-8")
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "KERAS_BACKEND": "tensorflow"}
    return subprocess.run(
        [sys.executable, "program.py", *arguments],
        cwd=folder,
        env={**os.environ, **quiet},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_xor_is_learnt_by_the_program_alone(tmp_path: Path) -> None:
    program = of_file("curriculum/xor")
    save_file(initial.weights(program.graph, program.seed), tmp_path / "program.safetensors")
    (tmp_path / "xor.txt").write_bytes((SPECS / "curriculum" / "xor.txt").read_bytes())
    made = run(tmp_path, source(program), "--save", "trained.safetensors")
    assert made.returncode == 0, made.stderr
    last = made.stdout.splitlines()[-1]
    assert last.startswith("epoch 1001: loss 0.0")
    assert last.endswith("accuracy 1")
    np.savez(tmp_path / "in.npz", x=np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32))
    options = ("--weights", "trained.safetensors", "--predict", "in.npz", "--output", "out.npz")
    assert run(tmp_path, source(program), *options).returncode == 0
    with np.load(tmp_path / "out.npz") as out:
        assert (out["p"] > 0.5).ravel().tolist() == [False, True, True, False]
    assert load_file(tmp_path / "trained.safetensors").keys() == program.graph.weights.keys()


@pytest.mark.slow
def test_mistakes_on_the_command_line_are_one_line(tmp_path: Path) -> None:
    text = source(network("optimizer = sgd(0.1)"))
    made = run(tmp_path, text)
    assert made.returncode == 1
    assert made.stderr.splitlines()[-1] == "program.py: give the examples: --data FILE.npz"


def trained(settings: str, data: dict[str, dict[str, Any]]) -> tuple[list[dict[str, float]], Any]:
    program = of_text(
        "model M { input x: f32[3] output p = x -> Dense(1) as fc }"
        f" train {{ target y: f32[1] loss = mse(p, y) optimizer = sgd(0.1) {settings} }}"
    )
    names = executed(source(program))
    model = names["build_model"]()
    names["set_weights"](model, initial.weights(program.graph, 0))
    history: list[dict[str, float]] = names["train"](model, model, data)
    return history, names["get_weights"](model)


def examples(count: int) -> dict[str, Any]:
    rng = np.random.default_rng(count)
    x = rng.standard_normal((count, 3)).astype(np.float32)
    return {"x": x, "y": x.sum(1, keepdims=True)}


def test_early_stopping_ends_with_the_best_weights(capsys: pytest.CaptureFixture[str]) -> None:
    worse = {"x": examples(8)["x"], "y": -examples(8)["y"]}
    data = {"train": examples(20), "validation": worse}
    history, weights = trained("epochs = 50 batch = 5 stop = early(patience=3)", data)
    losses = [results["val_loss"] for results in history]
    best = int(np.argmin(losses))
    assert len(history) == best + 4 < 50
    rest, _ = trained(f"epochs = {best + 1} batch = 5", data)
    assert rest[-1]["val_loss"] == losses[best]
    _, same = trained(f"epochs = {best + 1} batch = 5", data)
    assert weights["fc.weight"].tobytes() == same["fc.weight"].tobytes()
    assert "val_loss" in capsys.readouterr().out


def test_the_order_of_examples_comes_from_the_seed() -> None:
    data = {"train": examples(21)}
    first, _ = trained("epochs = 3 batch = 4 seed = 1", data)
    again, _ = trained("epochs = 3 batch = 4 seed = 1", data)
    other, _ = trained("epochs = 3 batch = 4 seed = 2", data)
    assert first == again != other


def test_results_are_of_all_examples_not_of_batches() -> None:
    """The last batch is short: a mean of means would be another number."""
    data = {"train": examples(21)}
    history, weights = trained("epochs = 1 batch = all metrics = [mae(p, y)]", data)
    y = data["train"]["x"] @ weights["fc.weight"].T + weights["fc.bias"]
    assert history[0]["mae"] == pytest.approx(np.abs(y - data["train"]["y"]).mean(), rel=1e-5)


def test_lines_are_printed_at_the_first_the_last_and_every_nth(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trained("epochs = 7 batch = all log_every = 3", {"train": examples(5)})
    starts = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert starts == ["epoch 1", "epoch 3", "epoch 6", "epoch 7"]


@pytest.mark.parametrize("function", ["round", "stop_gradient"])
def test_a_weight_without_a_gradient_stays(function: str) -> None:
    program = of_text(
        f"model M {{ input x: f32[3] h = x -> Dense(2) as a -> {function}"
        " output p = h -> Dense(2) as b -> sigmoid }"
        " train { target y: f32[2] loss = binary_cross_entropy(p, y) optimizer = sgd(0.1) }"
    )
    rng = np.random.default_rng(3)
    weights = {n: rng.standard_normal(w.shape) for n, w in program.graph.weights.items()}
    with float64():
        names = executed(source(program))
        model, trained = names["build_models"]()
        names["set_weights"](model, weights)
        batch = {"x": rng.standard_normal((4, 3)), "y": rng.random((4, 2))}
        names["make_update"](model, trained)(batch, 0.1)
        found = names["get_weights"](model)
    np.testing.assert_array_equal(found["a.weight"], weights["a.weight"])
    assert (found["b.weight"] != weights["b.weight"]).any()
