"""Real programs with one thing wrong in their text: the step, the layer and the convention are
told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

import nnc.backends.keras.emit
import nnc.backends.torch.emit
from nnc.backends import initial
from nnc.backends.base import Artifact
from nnc.compiler.ir import Program
from nnc.verify import Path, verify, verify_steps
from nnc.verify.feed import Feed, at_random
from tests.backends.keras.programs import of_text
from tests.verify.test_trajectory import MODELS, TRAIN

EMIT: dict[str, Callable[..., Artifact]] = {
    "torch": nnc.backends.torch.emit.emit,
    "keras": nnc.backends.keras.emit.emit,
}
GRU = """model M { input x: f32[5, 3] output p = x -> GRU(4, return_sequences=false)
  -> Dense(4) -> softmax }"""
TIGHT = TRAIN.replace("global_norm(1.0)", "global_norm(0.1)")
STEPPED = TRAIN.replace("cosine(warmup_steps=3)", "step(3, 0.5)")


@dataclass(frozen=True)
class Slip:
    """`right` in a program's text becomes `wrong`; what is told of it."""

    backend: str
    right: str
    wrong: str
    step: int
    way: str
    what: str
    """The layer, or where it is the loss nothing."""
    hint: str | None
    model: str = MODELS["mlp"]
    rule: str = "adam(0.01)"
    train: str = TRAIN

    def program(self) -> Program:
        return of_text(self.model + self.train % self.rule)

    def told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the backend run the wrong text from now on."""
        assert self.right in EMIT[self.backend](self.program()).text

        def slipped(made: Program) -> Artifact:
            text = EMIT[self.backend](made).text.replace(self.right, self.wrong)
            return Artifact(".py", (text.encode(),))

        monkeypatch.setattr(f"nnc.backends.{self.backend}.run.emit", slipped)


DECAYED = "adamw(0.01, weight_decay=0.1)"
SLIPS = {
    "momentum of BatchNorm": Slip(
        "torch", "momentum=0.1)", "momentum=0.01)", 0, "statistic", "batch_norm",
        "`momentum` were 0.01", MODELS["cnn"],
    ),
    "a variance that is biased": Slip(
        "keras", "unbiased = variance * ops.cast(count, x.dtype) / ops.cast(count - 1, x.dtype)",
        "unbiased = variance", 0, "statistic", "batch_norm",
        "the variance of 216 values had been divided by 216, and not by 215", MODELS["cnn"],
    ),
    "dropout without its factor": Slip(
        "torch", ".div_(1 - self.rate)", "", 0, "forward", "dropout", "divided by 0.8",
    ),
    "dropout by the other factor": Slip(
        "torch", ".div_(1 - self.rate)", ".div_(self.rate)", 0, "forward", "dropout",
        "divided by 4",
    ),
    "another activation": Slip(
        "torch", "F.relu(", "F.elu(", 0, "forward", "relu", "as if it were `elu`",
    ),
    "clipping after the update": Slip(
        "torch", "    clip_gradients(model)\n    optimizer.step()",
        "    optimizer.step()\n    clip_gradients(model)", 0, "update", "dense",
        "gradients were not clipped", rule="sgd(0.1)", train=TIGHT,
    ),
    "clipping one by one": Slip(
        "torch", "nn.utils.clip_grad_norm_(model.parameters(), 0.1)",
        "[nn.utils.clip_grad_norm_([w], 0.1) for w in model.parameters()]", 0, "backward", "dense",
        "clipped by `weight_norm`", rule="sgd(0.1)", train=TIGHT,
    ),
    "decay that is coupled": Slip(
        "torch", "torch.optim.AdamW(", "torch.optim.Adam(", 0, "update", "dense",
        "`adamw` were `adam`", rule=DECAYED,
    ),
    "decay that is decoupled": Slip(
        "torch", "torch.optim.Adam(", "torch.optim.AdamW(", 0, "update", "dense",
        "`adam` were `adamw`", rule="adam(0.01, weight_decay=0.1)",
    ),
    "decay without the rate": Slip(
        "keras", "(1 - rate * self.decay)", "(1 - self.decay)", 0, "update", "dense",
        "`weight_decay` were not multiplied by the learning rate", rule=DECAYED,
    ),
    "means that are not corrected": Slip(
        "keras", "] = 1 - power", "] = 1 - 0 * power", 0, "update", "dense",
        "were not corrected for their beginning at 0",
    ),
    "a count that is ahead": Slip(
        "keras", 'self.iterations + 1, "float64"', 'self.iterations + 2, "float64"', 0, "update",
        "dense", "the count of updates were one ahead",
    ),
    "epsilon before the correction": Slip(
        "keras", "+ self.epsilon * unit", "+ self.epsilon", 0, "update", "dense",
        "`epsilon` were added before the correction",
    ),
    "momentum that is not Nesterov's": Slip(
        "torch", "nesterov=True", "nesterov=False", 0, "update", "dense", "`nesterov` were false",
        rule="sgd(0.1, momentum=0.9, nesterov=true)",
    ),
    "a sum for a mean": Slip(
        "torch", "F.cross_entropy(p_scores, y)",
        'F.cross_entropy(p_scores, y, reduction="sum")', 0, "loss", "",
        "the loss were the sum over the batch",
    ),
    "penalties of a bias": Slip(
        "torch", 'weights["dense_2.weight"]',
        'weights["dense_2.weight"], weights["dense_2.bias"]', 1, "loss", "", None,
    ),
    "rates that fall later": Slip(
        "torch", "step // 3", "step // 4", 3, "update", "dense", "`every` were 4 in `step`",
        rule="sgd(0.1)", train=STEPPED,
    ),
    "rates of the next epoch": Slip(
        "torch", "step // 3", "(step + 3) // 3", 0, "update", "dense",
        "the learning rate were one epoch ahead", rule="sgd(0.1)", train=STEPPED,
    ),
    "float32 in between": Slip(
        "torch", "= F.relu(x)", "= F.relu(x).float().to(x.dtype)", 1, "update", "dense", None,
    ),
    "a transposed square": Slip(
        "keras", '("dense_2", "kernel", (1, 0))', '("dense_2", "kernel", (0, 1))', 0, "forward",
        "dense_2", "`weight` were transposed",
    ),
    "gates in another order": Slip(
        "keras", "(1, 0, 2)", "(0, 1, 2)", 0, "forward", "gru", "in the order z, r, n", GRU,
    ),
}  # fmt: skip


def as_of_data(program: Program, steps: int) -> Feed:
    """Random examples as if they were a file's: three updates an epoch."""
    assert program.training is not None
    drawn = at_random(program, 6, 1, steps)
    return replace(drawn, updates=3 * program.training.epochs, hash="0" * 64)


def trained(program: Program, backend: str, steps: int = 5) -> Path:
    return verify_steps(
        program,
        steps=steps,
        feed=as_of_data(program, steps),
        weights=dict(initial.weights(program.graph, program.seed)),
        backends=[backend],
        precisions=["float64"],
    ).paths[0]


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_is_told_with_its_convention(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slip = SLIPS[name]
    slip.told(monkeypatch)
    path = trained(slip.program(), slip.backend)
    assert not path.agrees
    first = path.first
    assert first is not None, path.message
    assert (first.step, first.way) == (slip.step, slip.way), first
    assert slip.what == first.layer, first
    assert first.hint == slip.hint or (first.hint and slip.hint and slip.hint in first.hint), first


IN_THE_NETWORK = ("another activation", "a transposed square", "gates in another order")


@pytest.mark.parametrize("name", IN_THE_NETWORK)
def test_the_network_alone_shows_it_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slip = SLIPS[name]
    slip.told(monkeypatch)
    found = verify(slip.program(), backends=[slip.backend]).of(slip.backend)
    assert not found.agrees
    assert found.first is not None
    assert (found.first.layer, found.first.way) == (slip.what, "forward")
    assert slip.hint is not None
    assert slip.hint in (found.first.hint or "")


def test_a_hint_explains_the_next_step_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the first step momentum of 0 and momentum that isn't Nesterov's lead to the same."""
    slip = replace(SLIPS["momentum that is not Nesterov's"], train=STEPPED)
    slip.told(monkeypatch)
    one, two = trained(slip.program(), "torch", 1), trained(slip.program(), "torch", 2)
    assert one.first is not None
    assert two.first is not None
    assert one.first.hint == "as if `momentum` were 0.0 in `sgd`"
    assert two.first.hint == "as if `nesterov` were false in `sgd`"


def test_the_right_programs_agree() -> None:
    programs: dict[Any, Slip] = {(s.model, s.rule, s.train): s for s in SLIPS.values()}
    for slip in programs.values():
        path = trained(slip.program(), slip.backend)
        assert path.agrees, (slip, path.first)
