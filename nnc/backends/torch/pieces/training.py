"""The training loop."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nnc.backends.pieces.settings import PATIENCE
from nnc.backends.pieces.watching import EarlyStopping, Plateau
from nnc.backends.torch.pieces.distributed import Together
from nnc.backends.torch.pieces.draws import drawn_order, hashed
from nnc.backends.torch.pieces.program import (
    BATCH,
    EPOCHS,
    LOG_EVERY,
    ORDER_KEY,
    augment,
    clip_gradients,
    conclude,
    constrain,
    learning_rate,
    measure,
    objective,
    optimizer_of,
)
from nnc.backends.torch.pieces.regularization import set_step

# with tables: dict[str, float] -> dict[str, Any]
# with tables: name} {value:.6g} -> name} {shown(value)}


def batches(
    examples: dict[str, Tensor], rows: Tensor, size: int
) -> Iterator[dict[str, Tensor]]:
    """The examples at `rows`, `size` at a time."""
    for part in rows.split(size):
        yield {name: tensor[part] for name, tensor in examples.items()}


def among(rows: Tensor, step: int, size: int) -> np.ndarray:
    """Those rows of an epoch that an update takes."""
    at = step % -(-len(rows) // size) * size
    return np.asarray(rows[at : at + size])


def update(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: dict[str, Tensor],
    rate: float,
) -> Tensor:
    """Take one step; gives the loss before it."""
    optimizer.zero_grad()
    loss = objective(model, batch)
    loss.backward()
    descend(model, optimizer, rate)
    return loss.detach()


def descend(model: nn.Module, optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Change the weights along their gradients."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    fill_gradients(model)  # when: unreached
    clip_gradients(model)  # when: clip
    optimizer.step()
    constrain(model)  # when: constrained


def fill_gradients(model: nn.Module) -> None:
    """Give weights on which the loss doesn't depend the gradient 0: PyTorch's
    optimisers pass those by that have none, and leave out their decay."""
    for weight in model.parameters():
        if weight.requires_grad and weight.grad is None:
            weight.grad = torch.zeros_like(weight)


def train(
    model: nn.Module, data: dict[str, dict[str, Tensor]], epochs: int = EPOCHS
) -> list[dict[str, float]]:
    """Train on data["train"]; gives the results of each epoch."""
    examples = data["train"]
    count = len(next(iter(examples.values())))
    size = count  # when: not batch
    size = BATCH  # when: batch
    steps = epochs * -(-count // size)
    optimizer = optimizer_of(model)
    smallest = (count - 1) % size + 1  # when: distributed
    together = Together(model, optimizer, smallest)  # when: distributed
    early = EarlyStopping()  # when: stop
    plateau = Plateau()  # when: plateau
    history: list[dict[str, float]] = []
    step = 0
    for epoch in range(1, epochs + 1):
        model.train()
        rows = torch.arange(count)  # when: not batch
        rows = drawn_order(count, hashed(epoch - 1, ORDER_KEY))  # when: batch
        total = torch.zeros((), dtype=torch.float64)
        for batch in batches(examples, rows, size):
            set_step(model, step)  # when: random and not distributed
            batch = augment(batch, among(rows, step, size), epoch)  # when: augmented
            rate = learning_rate(step, steps)  # when: not plateau
            rate = plateau.rate(step, steps)  # when: plateau
            loss = update(model, optimizer, batch, rate)  # when: not distributed
            loss = together.update(batch, step, rate)  # when: distributed
            step += 1
            total += loss * len(next(iter(batch.values())))
        results = {"loss": float(total) / count}
        logged = epoch in (1, epochs) or epoch % LOG_EVERY == 0
        if logged:  # when: shown
            results = evaluate(model, examples) | results  # when: shown
        results = evaluate(model, examples) | results  # when: monitored
        results |= validated(model, data)
        history.append(results)
        if logged:
            print(f"epoch {epoch}: {report(results)}", flush=True)
        plateau.watch(results)  # when: plateau
        if is_last(early, model, results):  # when: stop
            break  # when: stop
    if early.weights:  # when: restore
        model.load_state_dict(early.weights)  # when: restore
    return history


def is_last(early: EarlyStopping, model: nn.Module, results: dict[str, float]) -> bool:
    """Whether this epoch is the last one."""
    if early.improves(results):  # when: restore
        early.weights = copy.deepcopy(model.state_dict())  # when: restore
    early.improves(results)  # when: not restore
    return early.waited >= PATIENCE


def validated(model: nn.Module, data: dict[str, dict[str, Tensor]]) -> dict[str, float]:
    """The results on data["validation"], as `val_…`; none without it."""
    if "validation" not in data:
        return {}
    measured = evaluate(model, data["validation"])
    return {f"val_{name}": value for name, value in measured.items()}


@torch.no_grad()
def evaluate(
    model: nn.Module, examples: dict[str, Tensor], size: int = 1024
) -> dict[str, float]:
    """The loss and the metrics over all examples."""
    model.eval()
    count = len(next(iter(examples.values())))
    total = 0.0
    parts: dict[str, list[Tensor]] = {}  # when: metrics
    for batch in batches(examples, torch.arange(count), size):
        loss = objective(model, batch)  # when: not metrics
        loss, measured = measure(model, batch)  # when: metrics
        total += float(loss) * len(next(iter(batch.values())))
        for name, part in measured.items():  # when: metrics
            parts.setdefault(name, []).append(part)  # when: metrics
    results = {"loss": total / count}
    results |= conclude(parts)  # when: metrics
    return results


def report(results: dict[str, float]) -> str:
    """The results in one line."""
    return ", ".join(f"{name} {value:.6g}" for name, value in results.items())


def shown(value: Any) -> str:
    """A number, or a table as it is."""
    return str(value) if isinstance(value, list) else f"{value:.6g}"
