"""Small networks: lines, penalties, residuals, counts, problems, several inputs and outputs."""

from __future__ import annotations

import numpy as np

from curriculum.lesson import Claim, Found, Picture
from curriculum.plane import Axis, Series, chart
from curriculum.room import Room, Trained
from nnc import compile_text


def regression(room: Room) -> Found:
    run = room.train("curriculum/regression")
    given = run.examples("train")
    ones = np.ones_like(given["size"], dtype=np.float64)
    design = np.concatenate([ones, given["size"]], axis=1)
    (b0, b1), *_ = np.linalg.lstsq(design, given["price"][:, 0].astype(np.float64))
    lecture = f"price = b0 + b1·size; least squares: {b0:.4f}, {b1:.4f}"
    for spec in ("regression", "regression_relu"):
        weights = room.train(f"curriculum/{spec}").engine.weights()
        found = (float(weights["line.bias"][0]), float(weights["line.weight"][0, 0]))
        name = "with ReLU on top" if spec.endswith("relu") else "the line"
        told = f"{name}: {found[0]:.4f}, {found[1]:.4f}"
        yield Claim(lecture, told, bool(np.allclose(found, (b0, b1), atol=1e-3)))
    yield Picture("regression", "Prices and the line", _line(run))
    right = room.train("curriculum/logistic").results
    told = (
        f"test accuracy {right['test_accuracy']:.3f}, area under the curve {right['test_auc']:.3f}"
    )
    yield Claim("logistic regression separates two classes", told, right["test_accuracy"] > 0.95)


def _line(run: Trained) -> str:
    given = run.examples("train")
    order = np.argsort(given["size"][:, 0])
    size = given["size"][order, 0].tolist()
    line = run.outputs(given)["estimate"][order, 0].tolist()
    price = given["price"][order, 0].tolist()
    drawn = [Series("houses", size, price, "points"), Series("fitted", size, line)]
    return chart("price = b0 + b1·size", Axis("size, standardised"), Axis("price / 100"), drawn)


def regularisation(room: Room) -> Found:
    run = room.train("curriculum/regularisation", log_every=1)
    given, weights = run.examples("test"), run.engine.weights()
    p = np.clip(run.outputs(given)["p"].astype(np.float64), 1e-12, 1 - 1e-12)
    fit = -np.mean(given["y"] * np.log(p) + (1 - given["y"]) * np.log(1 - p))
    squares = sum(
        float(np.sum(np.square(x, dtype=np.float64)))
        for name, x in weights.items()
        if name.endswith(".weight")
    )
    found = run.measure("test")["loss"]
    told = f"{fit:.5f} + 5e-4 · {squares:.3f} = {fit + 5e-4 * squares:.5f}; measured {found:.5f}"
    held = abs(found - fit - 5e-4 * squares) < 1e-5
    yield Claim("the penalty is in the loss with its coefficient: 5e-4 · Σ w²", told, held)
    epochs, losses = run.curve("val_loss")
    best = int(np.argmin(losses)) + 1
    told = f"ended after {len(epochs)} of 200 epochs, 8 after the best one, {run.record.best_epoch}"
    held = run.record.status == "stopped" and run.record.best_epoch == best == len(epochs) - 8
    yield Claim("training stops early", told, held)
    kept = run.measure("validation")["loss"]
    told = (
        f"validation loss of the kept weights {kept:.5f}, the least of all epochs {min(losses):.5f}"
    )
    yield Claim("and keeps the best weights", told, abs(kept - min(losses)) < 1e-5)
    free = room.train("curriculum/regularisation", log_every=1, stop=None, epochs=80, short=10)
    drawn = [Series("training", *free.curve("loss")), Series("validation", *free.curve("val_loss"))]
    drawn.append(Series("kept", [best], [min(losses)], "points"))
    picture = chart("Without an early end", Axis("epoch"), Axis("loss", logarithmic=True), drawn)
    yield Picture(
        "early", "Training goes on, validation turns round; the best epoch is kept", picture
    )


def residual(room: Room) -> Found:
    run = room.train("curriculum/residual")
    right = run.results["test_accuracy"]
    sums = [node for node in run.program.graph.nodes if node.op.word == "add"]
    told = f"{len(sums)} sums in the graph; test accuracy {right:.3f} on digits"
    yield Claim("a connection that passes by a layer and is added", told, right > 0.93)


def functional(room: Room) -> Found:
    run = room.train("curriculum/functional", short=4)
    graph = run.program.graph
    joined = max(len(node.inputs) for node in graph.nodes if node.op.word == "concat")
    sums = sum(node.op.word == "add" for node in graph.nodes)
    found = (len(graph.inputs), len(graph.outputs), joined, sums)
    told = "{} inputs, {} outputs, a block with {} branches, {} sum".format(*found)
    lecture = "several inputs and outputs, an Inception block, a residual"
    yield Claim(lecture, told, found == (2, 2, 4, 1))
    given = run.examples("test")
    made = run.outputs(given)
    share = made["p"][np.arange(len(given["label"])), given["label"]].astype(np.float64)
    again = float(np.mean(np.square(made["again"] - given["same"], dtype=np.float64)))
    loss = float(-np.mean(np.log(share))) + 0.5 * again
    measured = run.measure("test")["loss"]
    told = f"computed from the outputs {loss:.5f}, measured {measured:.5f}"
    yield Claim(
        "the loss is a weighted sum: cross-entropy + 0.5 · MSE", told, abs(loss - measured) < 1e-4
    )
    right = run.results["test_accuracy"]
    told = f"test accuracy {right:.3f}, mean squared error of the image {again:.4f}"
    yield Claim("both outputs learn", told, right > 0.9 and again < 0.06)


# ---- without training ------------------------------------------------------------------------

COUNTS = {"6-9-4": ("63 + 40 = 103", 103), "8-9-9-9-4": ("81 + 90 + 90 + 40 = 301", 301)}
PROBLEMS = {
    "binary": ("yes or no", "sigmoid", "binary_cross_entropy"),
    "one_of_many": ("one of many", "softmax", "cross_entropy"),
    "many_of_many": ("many of many", "sigmoid", "binary_cross_entropy"),
    "any_value": ("any real value", "nothing", "mse"),
    "share": ("a value in 0..1", "sigmoid", "mse"),
}


def counts(room: Room) -> Found:
    for sizes, (lecture, expected) in COUNTS.items():
        first, *others = sizes.split("-")
        layers = " -> ".join(f"Dense({size})" for size in others)
        program, _ = compile_text(f"model M {{ input x: f32[{first}]  output y = x -> {layers} }}")
        assert program is not None
        found = [int(np.prod(weight.shape)) for weight in program.graph.weights.values()]
        pairs = [weight + bias for weight, bias in zip(found[::2], found[1::2], strict=True)]
        told = f"{' + '.join(map(str, pairs))} = {sum(found)}"
        yield Claim(f"Dense {sizes}: {lecture}", told, told == lecture and sum(found) == expected)


def problems(room: Room) -> Found:
    for spec, (name, last, loss) in PROBLEMS.items():
        graph = room.program(f"curriculum/problem_{spec}").graph
        word = graph.makers[graph.outputs[0].value.name].op.word
        found = "nothing" if word == "Dense" else word
        yield Claim(f"{name}: {last}, {loss}", f"{found}, checked without a warning", found == last)
    for last, loss in ((" -> softmax", "mae(p, t)"), (" -> sigmoid", "hinge(p, t)")):
        _, said = compile_text(f"""
        model M {{ input x: f32[4]  output p = x -> Dense(3){last} }}
        train {{ target t: f32[3]  loss = {loss}  optimizer = sgd(lr=0.1) }}
        """)
        codes = [d.code for d in said]
        name = f"{last.removeprefix(' -> ')} with {loss.partition('(')[0]} does not fit"
        yield Claim(name, f"{', '.join(codes)}: {said[0].message}", codes == ["W106"])
