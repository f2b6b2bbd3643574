"""The worked numbers of the lectures about losses, on every backend that trains."""

from __future__ import annotations

import numpy as np
import pytest

from curriculum.perceptrons import NUMBERS
from nnc import compile_text
from nnc.backends.registry import BACKENDS, REFERENCE


@pytest.mark.parametrize("backend", ["reference", "torch", "keras"])
@pytest.mark.parametrize("number", range(len(NUMBERS)))
def test_worked_examples(number: int, backend: str) -> None:
    word, prediction, target, expected = NUMBERS[number]
    count = len(prediction)
    type_ = "i64" if isinstance(target, int) else f"f32[{count}]"
    options = {"pinball": ", 0.9"}.get(word, ", from_logits=false" if "entropy" in word else "")
    program, _ = compile_text(f"""
    model M {{ input x: f32[{count}]  output y = x -> Dense({count}) }}
    train {{ target t: {type_}  loss = {word}(y, t{options})  optimizer = sgd(lr=0.1) }}
    """)
    assert program is not None
    weights = {
        "dense.weight": np.eye(count, dtype=np.float32),
        "dense.bias": np.zeros(count, np.float32),
    }
    chosen = REFERENCE if backend == "reference" else BACKENDS[backend]
    runner = chosen.load_runner()(program, weights, "float64")
    loss, _ = runner.gradients({"x": np.array([prediction])}, {"t": np.array([target])})
    assert loss == pytest.approx(expected, rel=1e-7)


def test_the_middle_of_three_quantiles_is_the_median() -> None:
    """Descent on the pinball losses finds the quantiles of the targets."""
    from nnc.backends.reference import table, tape
    from nnc.backends.reference.table import Judged
    from nnc.compiler.vocabulary.losses.regression import Pinball

    targets = np.random.default_rng(0).normal(size=(999, 1))
    for quantile in (0.1, 0.5, 0.9):
        loss = Pinball(quantile=quantile)
        y = np.zeros(())
        for _ in range(3000):
            x = tape.variable(y)
            every = x + tape.constant(np.zeros((999, 1)))
            made = table.losses.find(loss)(loss, Judged((every,), targets))
            y = y - 0.02 * tape.gradients([(made, np.ones(()))], [x])[0]
        assert float(y) == pytest.approx(np.quantile(targets, quantile), abs=0.05)


@pytest.mark.parametrize(
    ("end", "loss", "cure"),
    [
        (" -> softmax", "mae(p, t)", "use `cross_entropy`"),
        (" -> sigmoid", "hinge(p, t)", "leave out the `sigmoid`"),
        (" -> softmax", "nll(p, c)", "end it in `log_softmax`"),
        (" -> softmax", "focal(p, t)", "end it in `sigmoid`, or use `cross_entropy`"),
        (" -> log_softmax", "nll(p, c)", None),
        (" -> sigmoid", "mse(p, t)", None),
        ("", "hinge(p, t)", None),
    ],
)
def test_what_does_not_fit_is_said(end: str, loss: str, cure: str | None) -> None:
    target = "target c: i64" if "c)" in loss else "target t: f32[3]"
    _, found = compile_text(f"""
    model M {{ input x: f32[4]  output p = x -> Dense(3){end} }}
    train {{ {target}  loss = {loss}  optimizer = sgd(lr=0.1) }}
    """)
    assert [(d.code, d.help) for d in found] == ([("W106", cure)] if cure else [])


@pytest.mark.parametrize(
    ("end", "warned"),
    [
        ("", True),
        (" -> tanh", True),
        (" -> softplus", False),
        (" -> exp", False),
        (" -> relu", False),
    ],
)
def test_rates_that_may_be_below_0_are_told(end: str, warned: bool) -> None:
    _, found = compile_text(f"""
    model M {{ input x: f32[4]  output p = x -> Dense(3){end} }}
    train {{ target t: f32[3]  loss = poisson(p, t)  optimizer = sgd(lr=0.1) }}
    """)
    assert [d.code for d in found] == (["W107"] if warned else [])
