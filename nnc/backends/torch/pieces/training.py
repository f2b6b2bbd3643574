"""The training loop."""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from nnc.backends.torch.pieces.program import (
    BATCH,
    EPOCHS,
    LOG_EVERY,
    MIN_DELTA,
    MONITOR,
    PATIENCE,
    SEED,
    clip_gradients,
    learning_rate,
    measure,
    objective,
    optimizer_of,
)


class EarlyStopping:
    """Ends training after PATIENCE epochs in which MONITOR did not get better."""

    def __init__(self) -> None:
        self.best = float("inf")
        self.waited = 0
        self.weights: dict[str, Tensor] = {}  # when: restore

    def ends(self, model: nn.Module, results: dict[str, float]) -> bool:
        """Whether this epoch is the last one."""
        value = results[MONITOR]  # when: not larger
        value = -results[MONITOR]  # when: larger
        if value < self.best - MIN_DELTA:
            self.best, self.waited = value, 0
            self.weights = copy.deepcopy(model.state_dict())  # when: restore
        else:
            self.waited += 1
        return self.waited >= PATIENCE


def batches(
    examples: dict[str, Tensor], rows: Tensor, size: int
) -> Iterator[dict[str, Tensor]]:
    """The examples at `rows`, `size` at a time."""
    for part in rows.split(size):
        yield {name: tensor[part] for name, tensor in examples.items()}


def train(
    model: nn.Module, data: dict[str, dict[str, Tensor]], epochs: int = EPOCHS
) -> list[dict[str, float]]:
    """Train on data["train"]; gives the results of each epoch."""
    examples = data["train"]
    count = len(next(iter(examples.values())))
    size = count  # when: not batch
    size = BATCH  # when: batch
    steps = epochs * -(-count // size)
    order = torch.Generator().manual_seed(SEED)  # when: batch
    optimizer = optimizer_of(model)
    early = EarlyStopping()  # when: stop
    history: list[dict[str, float]] = []
    step = 0
    for epoch in range(1, epochs + 1):
        model.train()
        rows = torch.arange(count)  # when: not batch
        rows = torch.randperm(count, generator=order)  # when: batch
        total = torch.zeros((), dtype=torch.float64)
        for batch in batches(examples, rows, size):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, steps)
            optimizer.zero_grad()
            loss = objective(model, batch)
            loss.backward()
            clip_gradients(model)  # when: clip
            optimizer.step()
            step += 1
            total += loss.detach() * len(next(iter(batch.values())))
        results = {"loss": float(total) / count}
        logged = epoch in (1, epochs) or epoch % LOG_EVERY == 0
        if logged:  # when: shown
            results = evaluate(model, examples) | results  # when: shown
        results = evaluate(model, examples) | results  # when: monitored
        if "validation" in data:
            measured = evaluate(model, data["validation"])
            results |= {f"val_{name}": value for name, value in measured.items()}
        history.append(results)
        if logged:
            print(f"epoch {epoch}: {report(results)}", flush=True)
        if MONITOR in results and early.ends(model, results):  # when: stop
            break  # when: stop
    if early.weights:  # when: restore
        model.load_state_dict(early.weights)  # when: restore
    return history


@torch.no_grad()
def evaluate(
    model: nn.Module, examples: dict[str, Tensor], size: int = 1024
) -> dict[str, float]:
    """The loss and the metrics over all examples, from sums and counts."""
    model.eval()
    count = len(next(iter(examples.values())))
    total = 0.0
    sums: dict[str, list[float]] = {}
    for batch in batches(examples, torch.arange(count), size):
        loss, measured = measure(model, batch)
        total += float(loss) * len(next(iter(batch.values())))
        for name, (amount, number) in measured.items():
            entry = sums.setdefault(name, [0.0, 0.0])
            entry[0] += amount
            entry[1] += number
    return {"loss": total / count} | {name: a / n for name, (a, n) in sums.items()}


def report(results: dict[str, float]) -> str:
    """The results in one line."""
    return ", ".join(f"{name} {value:.6g}" for name, value in results.items())
