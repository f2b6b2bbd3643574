"""The training loop."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnc.backends.keras.pieces.program import (
    BATCH,
    EPOCHS,
    LOG_EVERY,
    ORDER_KEY,
    augment,
    clip_gradients,
    conclude,
    constrain,
    learning_rate,
    make_optimizer,
    measure,
    objective,
)
from nnc.backends.keras.pieces.regularization import set_step
from nnc.backends.pieces.draws import drawn_order, hashed
from nnc.backends.pieces.settings import PATIENCE
from nnc.backends.pieces.watching import EarlyStopping, Plateau

# with tables: dict[str, float] -> dict[str, Any]
# with tables: name} {value:.6g} -> name} {shown(value)}


def batches(
    examples: dict[str, np.ndarray], rows: np.ndarray, size: int
) -> Iterator[dict[str, Any]]:
    """The examples at `rows`, `size` at a time."""
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        yield {name: tf.constant(array[part]) for name, array in examples.items()}


def among(rows: np.ndarray, step: int, size: int) -> np.ndarray:
    """Those rows of an epoch that an update takes."""
    at = step % -(-len(rows) // size) * size
    return np.asarray(rows[at : at + size])


def gradients_of(
    model: keras.Model, trained: keras.Model, batch: dict[str, Any]
) -> tuple[Any, list[Any]]:
    """The loss of a batch, and its gradient for every weight that is trained."""
    with tf.GradientTape() as tape:
        loss = objective(model, trained, batch, training=True)
    # Of a weight without a gradient TensorFlow asks for a type that Keras' own has not.
    weights = [weight.value for weight in model.trainable_variables]
    gradients = tape.gradient(loss, weights, unconnected_gradients="zero")
    # Keras would square the slices of an embedding before it adds them up.
    return loss, [tf.convert_to_tensor(gradient) for gradient in gradients]


def descend(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    gradients: list[Any],
    rate: Any,
) -> None:
    """Change the weights along their gradients."""
    optimizer.learning_rate.assign(rate)
    gradients = clip_gradients(gradients)  # when: clip
    optimizer.apply(gradients, model.trainable_variables)
    constrain(model)  # when: constrained


def make_update(
    model: keras.Model, trained: keras.Model
) -> Callable[[dict[str, Any], float], Any]:
    """A function that takes one step and gives the loss before it."""
    optimizer = make_optimizer()
    optimizer.build(model.trainable_variables)

    @tf.function(reduce_retracing=True)
    def step(batch: dict[str, Any], rate: Any) -> Any:
        loss, gradients = gradients_of(model, trained, batch)
        descend(model, optimizer, gradients, rate)
        return loss

    def update(batch: dict[str, Any], rate: float) -> Any:
        return step(batch, tf.constant(rate, optimizer.learning_rate.dtype))

    return update


def train(
    model: keras.Model,
    trained: keras.Model,
    data: dict[str, dict[str, np.ndarray]],
    epochs: int = EPOCHS,
) -> list[dict[str, float]]:
    """Train on data["train"]; gives the results of each epoch."""
    examples = data["train"]
    count = len(next(iter(examples.values())))
    size = count  # when: not batch
    size = BATCH  # when: batch
    steps = epochs * -(-count // size)
    update = make_update(model, trained)
    early = EarlyStopping()  # when: stop
    plateau = Plateau()  # when: plateau
    history: list[dict[str, float]] = []
    step = 0
    for epoch in range(1, epochs + 1):
        rows = np.arange(count)  # when: not batch
        rows = drawn_order(count, hashed(epoch - 1, ORDER_KEY))  # when: batch
        total = 0.0
        for batch in batches(examples, rows, size):
            set_step(step)  # when: random
            batch = augment(batch, among(rows, step, size), epoch)  # when: augmented
            loss = update(batch, plateau.rate(step, steps))  # when: plateau
            loss = update(batch, learning_rate(step, steps))  # when: not plateau
            total += float(loss) * len(next(iter(batch.values())))
            step += 1
        results = {"loss": total / count}
        logged = epoch in (1, epochs) or epoch % LOG_EVERY == 0
        if logged:  # when: measured
            results = evaluate(model, trained, examples) | results  # when: measured
        results = evaluate(model, trained, examples) | results  # when: monitored
        if "validation" in data:
            measured = evaluate(model, trained, data["validation"])
            results |= {f"val_{name}": value for name, value in measured.items()}
        history.append(results)
        if logged:
            print(f"epoch {epoch}: {report(results)}", flush=True)
        plateau.watch(results)  # when: plateau
        if is_last(early, model, results):  # when: stop
            break  # when: stop
    if early.weights:  # when: restore
        model.set_weights(early.weights)  # when: restore
    return history


def is_last(
    early: EarlyStopping, model: keras.Model, results: dict[str, float]
) -> bool:
    """Whether this epoch is the last one."""
    if early.improves(results):  # when: restore
        early.weights = model.get_weights()  # when: restore
    early.improves(results)  # when: not restore
    return early.waited >= PATIENCE


def evaluate(
    model: keras.Model,
    trained: keras.Model,
    examples: dict[str, np.ndarray],
    size: int = 1024,
) -> dict[str, float]:
    """The loss and the metrics over all examples."""
    count = len(next(iter(examples.values())))
    total = 0.0
    parts: dict[str, list[np.ndarray]] = {}  # when: metrics
    for batch in batches(examples, np.arange(count), size):
        loss = objective(model, trained, batch, training=False)
        total += float(loss) * len(next(iter(batch.values())))
        for name, part in measure(model, batch).items():  # when: metrics
            parts.setdefault(name, []).append(part.numpy())  # when: metrics
    results = {"loss": total / count}
    results |= conclude(parts)  # when: metrics
    return results


def report(results: dict[str, float]) -> str:
    """The results in one line."""
    return ", ".join(f"{name} {value:.6g}" for name, value in results.items())


def shown(value: Any) -> str:
    """A number, or a table as it is."""
    return str(value) if isinstance(value, list) else f"{value:.6g}"
