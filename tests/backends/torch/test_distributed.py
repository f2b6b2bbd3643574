"""Programs for several processes: two take the steps of one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from nnc.backends import initial
from nnc.backends.base import Arrays, Result
from nnc.backends.reference.engine import ReferenceEngine
from nnc.backends.torch.emit import emit
from nnc.backends.torch.run import load_module
from nnc.compiler.ir import Program
from nnc.training.data import Dataset
from nnc.verify.feed import of_data
from tests.backends.torch.feeding import assert_clean
from tests.backends.torch.feeding import program as of_text
from tests.cli.conftest import Nnc

SPEC = """
model M {
  input x: f32[2, 6, 6]
  output p = x -> Conv2D(3, 3, padding=same, bias=false) -> BatchNorm -> relu -> MaxPool2D(2)
    -> SpatialDropout(0.2) -> Reshape([3, 9]) -> MultiHeadAttention(3, bias=false, dropout=0.2)
    -> Flatten -> Dense(5, bias=false) -> BatchNorm -> relu -> Dropout(0.3) -> Dense(4) -> softmax
}
train {
  target y: i64
  loss = cross_entropy(p, y) + l2(1e-3)
  optimizer = adam(0.01)
  schedule = cosine(warmup_steps=2)
  clip = global_norm(0.5)
  metrics = [confusion_matrix(p, y)]
  batch = 7
  epochs = 2
  seed = 3
}
"""
COUNT = 18
"""Two batches of 7, which two processes divide unequally, and one of 4."""
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
DRIVER = """
import sys
import numpy as np
import torch
import program
torch.set_default_dtype(torch.float64)
model = program.M().double()
stored = np.load("weights.npz")
model.load_state_dict({n: torch.tensor(stored[n]) for n in stored.files}, strict=False)
examples = np.load("data.npz")
data = {"train": {"x": torch.tensor(examples["x"]), "y": torch.tensor(examples["y"])}}
device = program.join()
history = program.train(model.to(device), program.placed(data, device))
program.leave(model)
made = {n: t.numpy() for n, t in model.state_dict().items()}
made["table"] = history[-1]["confusion_matrix"]
np.savez("result.npz", loss=[epoch["loss"] for epoch in history], **made)
"""


def data() -> Arrays:
    rng = np.random.default_rng(1)
    return {"x": rng.normal(size=(COUNT, 2, 6, 6)), "y": rng.integers(0, 4, COUNT)}


def by_processes(program: Program, folder: Path) -> dict[str, np.ndarray]:
    """Everything at the end of training in two processes."""
    text = emit(program, distributed=True).text
    (folder / "program.py").write_text(text, encoding="utf-8")
    (folder / "driver.py").write_text(DRIVER, encoding="utf-8")
    weights = initial.weights(program.graph, program.seed)
    exact: Any = {name: array.astype(np.float64) for name, array in weights.items()}
    np.savez(folder / "weights.npz", **exact)
    np.savez(folder / "data.npz", **data())  # type: ignore[arg-type]
    (folder / "result.npz").unlink(missing_ok=True)
    command = [sys.executable, *TORCHRUN, "driver.py"]
    alone = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    result = subprocess.run(
        command,
        cwd=folder,
        env={**alone, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error::FutureWarning"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    with np.load(folder / "result.npz") as file:
        return {name: file[name] for name in file.files}


def by_reference(program: Program) -> tuple[list[float], Arrays, Result]:
    """The losses of the epochs, the weights at the end, and what they take for what."""
    examples = data()
    splits = {"train": np.arange(COUNT)}
    dataset = Dataset(splits, lambda rows: {n: a[rows] for n, a in examples.items()}, {}, "")
    feed = of_data(program, dataset)
    weights = dict(initial.weights(program.graph, program.seed))
    engine = ReferenceEngine(program, weights)
    losses = []
    for step in range(6):
        batch = feed.batch(step)
        loss = engine.step([batch], step, engine.rate(step, feed.updates))
        losses.append(loss * len(batch["y"]))
    table = engine.evaluate([examples])["confusion_matrix"]
    return [sum(losses[:3]) / COUNT, sum(losses[3:]) / COUNT], engine.weights(), table


def test_two_processes_train_as_the_reference_does(tmp_path: Path) -> None:
    program = of_text(SPEC)
    losses, weights, table = by_reference(program)
    found = by_processes(program, tmp_path)
    assert found["table"].tolist() == table
    np.testing.assert_allclose(found["loss"], losses, rtol=0, atol=1e-12)
    for name, array in weights.items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-10, err_msg=name)


def test_the_program_is_clean_and_short(tmp_path: Path) -> None:
    program = of_text(SPEC)
    file = tmp_path / "program.py"
    file.write_text(emit(program, distributed=True).text, encoding="utf-8")
    assert_clean(file)
    plain = emit(program).text
    assert "distributed" not in plain
    assert len(file.read_text("utf-8").splitlines()) - len(plain.splitlines()) < 150


def test_weights_that_the_loss_does_not_reach_are_looked_for() -> None:
    text = SPEC.replace("output p = x", "z = x -> Flatten -> Dense(2) as unused\n  output p = x")
    assert "find_unused_parameters=True" in emit(of_text(text), distributed=True).text
    assert "find_unused_parameters" not in emit(of_text(SPEC), distributed=True).text


def test_a_process_alone_computes_every_row() -> None:
    import torch.distributed as dist

    module = load_module(emit(of_text(SPEC), distributed=True).text)
    module.join()
    try:
        assert module.own_rows(7) == slice(0, 7)
    finally:
        dist.destroy_process_group()


def test_the_command_writes_it_or_says_why_not(nnc: Nnc, folder: Path) -> None:
    (folder / "m.nn").write_text(SPEC, encoding="utf-8")
    options = ("--backend", "torch", "--distributed")
    made = nnc("compile", "m.nn", *options)
    assert "DistributedDataParallel" in made.stdout
    untrained = nnc("compile", "xor.nn", *options)
    assert (untrained.exit_code, "error[E724]" in untrained.stderr) == (1, True)
    (folder / "s.nn").write_text(SPEC.replace("cross_entropy(p, y)", LOSS), encoding="utf-8")
    summed = nnc("compile", "s.nn", *options)
    assert (summed.exit_code, "error[E805]" in summed.stderr) == (1, True)
    assert nnc("compile", "m.nn", "--backend", "keras", "--distributed").exit_code == 2


LOSS = "cross_entropy(p, y, ignore=0)"
