"""The verifier is tested by trying to fool it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import nnc
from nnc.backends.base import Arrays
from nnc.backends.reference.run import ReferenceRunner
from nnc.compiler.ir import Program
from nnc.verify import Findings, Verdict, render, verify
from nnc.verify.trial import Trial
from nnc.verify.verification import verify as verify_program
from tests.verify.fakes import Lie, change_array, change_op, fake, without

SPEC = """
model Net {
  input x: f32[3, 6, 5]
  output y = x
    -> Conv2D(4, 3, stride=2, padding=same, bias=false) -> BatchNorm -> leaky_relu(0.1)
    -> Flatten -> Dense(7) -> gelu -> Dense(7) -> Dense(4) -> softmax
}

train {
  target label: i64
  loss = cross_entropy(y, label) + 0.1 * l2(0.01)
  optimizer = adam(lr=0.001)
  epochs = 3
}
"""


def compiled(text: str = SPEC) -> Program:
    program, diagnostics = nnc.compile_text(text, "net.nn")
    assert program is not None, diagnostics
    return program


PROGRAM = compiled()


def layer(word: str, number: int = 0) -> str:
    """The name of the n-th layer of a word."""
    return [node.name for node in PROGRAM.graph.nodes if node.op.word == word][number]


def caught(lie: Lie, **options: Any) -> Findings:
    """What is found about a liar, which must be something."""
    verdict = verify(PROGRAM, backends=[fake(lie)], **options)
    assert not verdict.agrees
    assert not verdict.of("fake").agrees
    return verdict.of("fake")


def first(findings: Findings) -> tuple[str, str, str | None]:
    assert findings.first is not None, findings.message
    return findings.first.layer, findings.first.way, findings.first.hint


def test_the_truth_agrees() -> None:
    for precision in ("float32", "float64"):
        verdict = verify(PROGRAM, backends=[fake(Lie())], precision=precision)
        assert verdict.agrees
        assert verdict.complete
        whats = {comparison.what for comparison in verdict.of("fake").comparisons}
        assert whats == {"output", "loss", "gradient"}
        names = {c.name for c in verdict.of("fake").comparisons if c.what == "gradient"}
        trained = [n for n, w in PROGRAM.graph.weights.items() if w.role == "parameter"]
        assert names == set(trained)


def test_a_transposed_square_weight() -> None:
    name = layer("Dense", 1)
    lie = Lie(weights=change_array(f"{name}.weight", lambda w: w.T))
    assert first(caught(lie)) == (name, "forward", "as if `weight` were transposed")


def test_a_forgotten_bias() -> None:
    name = layer("Dense", 0)
    lie = Lie(weights=change_array(f"{name}.bias", np.zeros_like))
    assert first(caught(lie)) == (name, "forward", "as if `bias` were 0")


def test_a_flipped_kernel() -> None:
    name = layer("Conv2D")
    lie = Lie(weights=change_array(f"{name}.weight", lambda w: w[:, :, ::-1, ::-1]))
    found = first(caught(lie))
    assert found == (name, "forward", "as if `weight` were flipped: a true convolution")


@pytest.mark.parametrize(
    ("word", "change", "hint"),
    [
        ("BatchNorm", {"epsilon": 1e-3}, "as if `epsilon` were 0.001"),
        ("leaky_relu", {"slope": 0.3}, "as if `slope` were 0.3"),
        ("gelu", {"approximate": True}, "as if `approximate` were true"),
        (
            "Conv2D",
            {"padding": ((1, 0), (1, 1))},
            "as if the larger part of the padding stood in front",
        ),
        ("BatchNorm", {"epsilon": 3e-2}, None),
    ],
)
def test_another_convention(word: str, change: dict[str, Any], hint: str | None) -> None:
    name = layer(word)
    found = caught(Lie(program=change_op(name, lambda op: op.replace(**change))))
    assert first(found) == (name, "forward", hint)


def test_the_place_in_the_spec_is_told() -> None:
    name = layer("BatchNorm")
    findings = caught(Lie(program=change_op(name, lambda op: op.replace(epsilon=1e-3))))
    assert findings.first is not None
    assert findings.first.span.text.startswith("BatchNorm")


def one_nan(y: np.ndarray) -> np.ndarray:
    y = y.copy()
    y[0, 0] = np.nan
    return y


def infinite(y: np.ndarray) -> np.ndarray:
    y = y.copy()
    y[-1, -1] = np.inf
    return y


OUTPUT_LIES: dict[str, Callable[[Arrays], Arrays]] = {
    "not a number": change_array("y", one_nan),
    "infinite": change_array("y", infinite),
    "missing": without("y"),
    "off by a thousandth": change_array("y", lambda y: y + np.float32(1e-3)),
    "off by a little": change_array("y", lambda y: y * np.float32(1 + 3e-5)),
    "constant": change_array("y", np.zeros_like),
    "another constant": change_array("y", lambda y: np.full_like(y, y.mean())),
    "another precision": change_array("y", lambda y: y.astype(np.float64)),
    "half precision": change_array("y", lambda y: y.astype(np.float16)),
    "whole numbers": change_array("y", lambda y: y.astype(np.int64)),
    "another shape": change_array("y", lambda y: y[:, None]),
    "a shorter batch": change_array("y", lambda y: y[:-1]),
    "one row for all": change_array("y", lambda y: y[:1]),
    "the batch in another order": change_array("y", lambda y: y[::-1]),
    "empty": change_array("y", lambda y: y[:0]),
    "a list": lambda arrays: {n: y.tolist() for n, y in arrays.items()},
    "one too many": lambda arrays: {**arrays, "z": np.zeros((4, 1), np.float32)},
    "nothing": lambda arrays: {},
}


@pytest.mark.parametrize("name", OUTPUT_LIES)
def test_a_wrong_output(name: str) -> None:
    findings = caught(Lie(outputs=OUTPUT_LIES[name]))
    wrong = [comparison.name for comparison in findings.disagreements]
    assert wrong == ["z" if name == "one too many" else "y"]
    if name not in ("a list", "nothing", "one too many"):
        # These are wrong only at the output that is called y: the layer that makes it is named.
        assert first(findings)[0] == layer("softmax")


GRADIENT_LIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "not a number": one_nan,
    "doubled": lambda g: 2 * g,
    "the other way": lambda g: -g,
    "off by a thousandth": lambda g: g * np.float32(1.001),
    "zero": np.zeros_like,
    "transposed": lambda g: g.T,
    "another precision": lambda g: g.astype(np.float64),
}


@pytest.mark.parametrize("name", GRADIENT_LIES)
def test_a_wrong_gradient(name: str) -> None:
    dense = layer("Dense", 1)
    findings = caught(Lie(gradients=change_array(f"{dense}.weight", GRADIENT_LIES[name])))
    assert [c.name for c in findings.disagreements] == [f"{dense}.weight"]
    assert first(findings)[:2] == (dense, "backward")


def test_a_missing_gradient() -> None:
    dense = layer("Dense", 0)
    findings = caught(Lie(gradients=without(f"{dense}.bias")))
    assert [c.problem for c in findings.disagreements] == ["missing"]
    assert first(findings)[:2] == (dense, "backward")


def test_a_gradient_that_goes_wrong_in_a_layer_without_weights() -> None:
    """Twice the gradient comes back through the activation: it is named, not the layers before."""
    name = layer("leaky_relu")
    honest = fake(Lie()).load_runner()

    class Doubling(honest):  # type: ignore[misc, valid-type]
        def __init__(self, program: Program, *rest: Any) -> None:
            super().__init__(program, *rest)
            self._doubles = any(node.name == name for node in program.graph.nodes)

        def gradients(self, inputs: Arrays, targets: Arrays) -> tuple[float, Arrays]:
            loss, found = super().gradients(inputs, targets)
            behind = ("conv2d", "batch_norm")
            return loss, {n: 2 * g if n.startswith(behind) else g for n, g in found.items()}

        def pullback(self, *given: Any, **options: Any) -> tuple[Arrays, Arrays]:
            of_inputs, of_weights = super().pullback(*given, **options)
            factor = 2 if self._doubles else 1
            return {n: factor * g for n, g in of_inputs.items()}, of_weights

    backend = replace(fake(Lie()), load_runner=lambda: Doubling)
    findings = verify(PROGRAM, backends=[backend]).of("fake")
    assert first(findings)[:2] == (name, "backward")


def at_a_kink() -> tuple[Program, dict[str, Any], Arrays]:
    """A network with a relu whose input is 0 but for rounding, and its gradients on either side."""
    program = compiled("model R { input x: f32[4]\n output y = x -> Dense(3) -> relu -> Dense(2) }")
    rng = np.random.default_rng(1)
    weights = {n: rng.normal(size=w.shape) for n, w in program.graph.weights.items()}
    x = rng.normal(size=(100, 4)).astype(np.float32)
    weights["dense.bias"][0] = -(weights["dense.weight"][0] * x[0]).sum()
    given = {n: w.astype(np.float32) for n, w in weights.items()}
    trial = Trial(program, given, {"x": x}, {}, 0)

    def moved(step: float) -> Arrays:
        near = {**given, "dense.bias": given["dense.bias"] + np.array([step, 0, 0])}
        return trial.differentiated(ReferenceRunner(program, near))[1]

    exact = trial.truth[1]
    sides = [moved(1e-5), moved(-1e-5)]
    other = max(sides, key=lambda g: float(np.abs(g["dense.weight"] - exact["dense.weight"]).max()))
    return program, {"weights": given, "inputs": {"x": x}}, other


def test_rounding_may_decide_at_a_kink_if_float64_agrees() -> None:
    program, given, other = at_a_kink()

    def flipped(gradients: Arrays) -> Arrays:
        single = {n: g.astype(np.float32) for n, g in other.items()}
        return {n: single[n] if g.dtype == np.float32 else g for n, g in gradients.items()}

    verdict = verify(program, backends=[fake(Lie(gradients=flipped))], seed=0, **given)
    assert verdict.agrees, render(verdict, details=True)
    assert {c.name for c in verdict.of("fake").rounded} == {"dense.weight", "dense.bias"}
    assert "fake: 2 gradients differ by up to" in render(verdict)


def test_rounding_is_no_excuse_if_float64_differs() -> None:
    program, given, other = at_a_kink()

    def flipped(gradients: Arrays) -> Arrays:
        return {n: other[n].astype(g.dtype) for n, g in gradients.items()}

    assert not verify(program, backends=[fake(Lie(gradients=flipped))], seed=0, **given).agrees


def test_rounding_is_no_excuse_without_a_kink() -> None:
    def off(gradients: Arrays) -> Arrays:
        return {n: g * 1.001 if g.dtype == np.float32 else g for n, g in gradients.items()}

    caught(
        Lie(gradients=lambda found: {n: g.astype(found[n].dtype) for n, g in off(found).items()})
    )


@pytest.mark.parametrize("change", [lambda v: v * 1.001, lambda v: float("nan"), lambda v: 0.0])
def test_a_wrong_loss(change: Callable[[float], float]) -> None:
    findings = caught(Lie(loss=change))
    assert [c.what for c in findings.disagreements] == ["loss"]
    assert findings.first is not None
    assert (findings.first.way, findings.first.word) == ("loss", "cross_entropy")


def test_without_a_train_block_gradients_are_compared_all_the_same() -> None:
    program = replace(PROGRAM, training=None)
    assert verify(program, backends=[fake(Lie())]).agrees
    lie = Lie(gradients=change_array(f"{layer('Dense', 1)}.weight", np.zeros_like))
    assert not verify(program, backends=[fake(lie)]).agrees


def test_a_backend_that_is_not_installed_neither_agrees_nor_disagrees() -> None:
    absent = fake(Lie(), missing="no_such_module_anywhere")
    verdict = verify(PROGRAM, backends=[absent])
    assert not verdict.agrees
    assert verdict.of("fake").state == "not installed"
    assert "pip install 'nnc[fake]'" in render(verdict)
    both = verify(PROGRAM, backends=[absent, replace(fake(Lie()), name="other")])
    assert both.agrees
    assert not both.complete


def test_nothing_compared_is_no_agreement() -> None:
    verdict = verify(PROGRAM, backends=[])
    assert not verdict.agrees
    assert "nothing was compared" in render(verdict)
    assert not Findings("x", "compared").agrees


def test_a_backend_that_breaks_down_is_a_failure() -> None:
    def explode(arrays: Arrays) -> Arrays:
        raise RuntimeError("kernel missing\nand more")

    findings = caught(Lie(outputs=explode))
    assert findings.state == "failed"
    assert findings.message == "RuntimeError: kernel missing"


def test_nan_on_both_sides_is_no_agreement() -> None:
    program = compiled("model Root { input x: f32[9]\n output y = x -> sqrt }")
    verdict = verify(program, backends=[fake(Lie())])
    assert not verdict.agrees
    assert "the reference is not a number" in render(verdict)


def test_a_gradient_whose_truth_is_zero_is_measured_by_its_layer() -> None:
    """The keys' bias of attention moves all scores of a query alike: its gradient is rounding."""
    spec = "model Self { input x: f32[5, 4]\n output y = x -> MultiHeadAttention(2) }"
    program = compiled(spec)
    bias = next(name for name in program.graph.weights if name.endswith("in_proj_bias"))

    def noisy(g: np.ndarray) -> np.ndarray:
        return g + np.where(np.arange(12) // 4 == 1, 1e-6, 0).astype(np.float32)

    assert verify(program, backends=[fake(Lie(gradients=change_array(bias, noisy)))]).agrees


def test_given_data_and_weights_are_used() -> None:
    inputs = {"x": np.zeros((2, 3, 6, 5), np.float32)}
    verdict = verify(
        PROGRAM, backends=[fake(Lie())], inputs=inputs, targets={"label": np.array([0, 3])}
    )
    assert verdict.agrees
    assert verdict.batch == 2
    with pytest.raises(ValueError, match="weights must be exactly"):
        verify(PROGRAM, backends=[fake(Lie())], weights={})
    with pytest.raises(ValueError, match="`label` is missing"):
        verify(PROGRAM, backends=[fake(Lie())], targets={})
    with pytest.raises(ValueError, match="from 0 to 3"):
        verify(PROGRAM, backends=[fake(Lie())], inputs=inputs, targets={"label": np.array([0, 4])})
    with pytest.raises(ValueError, match="`x` is missing"):
        verify(PROGRAM, backends=[fake(Lie())], inputs={})
    with pytest.raises(ValueError, match="no backend `tensorflow`"):
        verify(PROGRAM, backends=["tensorflow"])
    assert verify_program is verify


def test_the_seed_decides_what_is_drawn() -> None:
    def differences(seed: int) -> list[float | None]:
        verdict = verify(PROGRAM, backends=[fake(Lie())], seed=seed)
        return [c.difference for c in verdict.of("fake").comparisons]

    assert differences(1) == differences(1)
    assert differences(1) != differences(2)


def test_a_verdict_is_json() -> None:
    verdict = verify(PROGRAM, backends=[fake(Lie(outputs=OUTPUT_LIES["not a number"]))])
    data = json.loads(json.dumps(verdict.to_json(), allow_nan=False))
    assert data["agrees"] is False
    assert data["backends"][0]["first"]["layer"] == layer("softmax")
    assert data["backends"][0]["first"]["place"].startswith("net.nn:")


def test_what_people_read(golden: Callable[[str, str], None]) -> None:
    lie = Lie(program=change_op(layer("BatchNorm"), lambda op: op.replace(epsilon=1e-3)))
    absent = replace(fake(Lie(), missing="no_such_module_anywhere"), name="absent")
    verdict = verify(PROGRAM, backends=[replace(fake(Lie()), name="right"), fake(lie), absent])
    assert isinstance(verdict, Verdict)
    # Rounding differs between machines.
    golden("verdict.txt", re.sub(r"[0-9.]{3}e-(0[7-9]|1\d)", "(small)", render(verdict)))


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_weights_that_nothing_depends_on_agree(backend: str) -> None:
    """A mean of a softmax over the same axis is constant: what is left of gradients is rounding."""
    text = "model M { input x: f32[T, 5] output y = x -> LayerNorm -> softmax(0) -> mean(0) }"
    program, _ = nnc.compile_text(text)
    assert program is not None
    verdict = verify(program, backends=[backend], precision="float64", seed=84)
    assert verdict.agrees, verdict.to_json()
