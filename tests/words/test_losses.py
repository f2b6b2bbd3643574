"""Losses and their gradients in float64 against PyTorch's own, scikit-learn's, and formulas of the
papers that PyTorch differentiates."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn import metrics as sk
from torch import Tensor

from nnc.backends.reference import table, tape
from nnc.backends.reference.table import Judged
from nnc.compiler.vocabulary.base import Rejected
from nnc.compiler.vocabulary.losses import alignment as a
from nnc.compiler.vocabulary.losses import classification as c
from nnc.compiler.vocabulary.losses import margins as m
from nnc.compiler.vocabulary.losses import regression as r
from nnc.compiler.vocabulary.losses.base import Loss
from nnc.compiler.vocabulary.ops.base import parse_type
from tests.matrix.test_losses import LossCase, check, program_of

RNG = np.random.default_rng(6)
Z, T, U = (RNG.normal(size=(6, 4)) for _ in range(3))
BITS = (RNG.random((6, 4)) < 0.5).astype(float)
SHARES = np.exp(T) / np.exp(T).sum(-1, keepdims=True)
NUMBERS = RNG.integers(0, 4, 6)
WEIGHTS = (0.5, 2.0, 1.5, 0.3)
STEPS = RNG.normal(size=(6, 4, 4))
LABELS = np.array([[1, 2, 3], [1, 1, 0], [0, 2, 1], [2, 2, 2], [3, 0, 3], [1, 2, 1]])
"""Repeated ones, no label, some filled up with other things than 0, and one that does not fit."""
W = torch.tensor(WEIGHTS, dtype=torch.float64)


def standard_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    from torch.distributions import Normal, kl_divergence

    made = Normal(mean, (log_variance / 2).exp())
    return kl_divergence(made, Normal(0.0, 1.0)).sum(-1).mean()


def focal_of_the_paper(z: Tensor, t: Tensor) -> Tensor:
    """-a_t (1 - p_t)^g log p_t, as Lin et al. write it, with the p_t and a_t of either class."""
    p = z.sigmoid()
    p_t = torch.where(t == 1, p, 1 - p)
    a_t = 0.3 * t + 0.7 * (1 - t)
    return (-a_t * (1 - p_t) ** 1.5 * torch.log(p_t)).mean()


def focal_of_classes(z: Tensor, t: Tensor) -> Tensor:
    p_t = z.softmax(-1)[torch.arange(len(t)), t]
    return (-((1 - p_t) ** 2) * torch.log(p_t)).mean()


def judged_by_scikit_learn(score: Callable[..., float], formula: Callable[..., Tensor]) -> Any:
    """A formula for the gradient, whose value is held against scikit-learn's."""

    def judged(y: Tensor, t: Tensor) -> Tensor:
        made = formula(y, t)
        expected = score(t.numpy(), y.detach().numpy())
        assert made.item() == pytest.approx(expected, rel=1e-12)
        return made

    return judged


def pinball(quantile: float) -> Any:
    def formula(y: Tensor, t: Tensor) -> Tensor:
        return (quantile * F.relu(t - y) + (1 - quantile) * F.relu(y - t)).mean()

    return judged_by_scikit_learn(partial(sk.mean_pinball_loss, alpha=quantile), formula)


def ctc(y: Tensor, t: Tensor) -> Tensor:
    """Of each example by itself; the labels are written out by hand."""
    labels = [[1, 2, 3], [1, 1], [], [2, 2, 2], [3], [1, 2, 1]]
    losses = [
        F.ctc_loss(
            scores.log_softmax(-1)[:, None],
            torch.tensor([given or [1]]),
            (4,),
            (len(given),),
            reduction="sum",
            zero_infinity=True,
        )
        for scores, given in zip(y, labels, strict=True)
    ]
    return torch.stack(losses).mean()


def margin_between(y: Tensor, t: Tensor) -> Tensor:
    own = F.one_hot(t, 4).bool()
    greatest = y.masked_fill(own, -torch.inf).max(-1).values
    return F.relu(1 + greatest - y[own]).mean()


hinge = judged_by_scikit_learn(
    lambda t, y: float(sk.hinge_loss(t.ravel(), y.ravel())), lambda y, t: F.relu(1 - t * y).mean()
)
multiclass_hinge = judged_by_scikit_learn(partial(sk.hinge_loss, labels=range(4)), margin_between)


Case = tuple[Loss, tuple[np.ndarray, ...], np.ndarray | None, bool, Callable[..., Tensor]]
CASES: list[Case] = [
    (r.SumOfSquares(), (Z,), T, False, lambda y, t: F.mse_loss(y, t, reduction="sum")),
    (r.MeanAbsoluteError(), (Z,), T, False, F.l1_loss),
    (r.Huber(delta=0.4), (Z,), T, False, lambda y, t: F.huber_loss(y, t, delta=0.4)),
    (r.SmoothL1(beta=0.4), (Z,), T, False, lambda y, t: F.smooth_l1_loss(y, t, beta=0.4)),
    (r.LogCosh(), (Z,), T, False, lambda y, t: (y - t).cosh().log().mean()),
    (r.PoissonLog(), (Z,), BITS, False, F.poisson_nll_loss),
    (r.Poisson(), (SHARES,), BITS, False, lambda y, t: F.poisson_nll_loss(y, t, log_input=False)),
    (r.GaussianNll(), (Z, SHARES), T, False, lambda y, v, t: F.gaussian_nll_loss(y, t, v)),
    (
        c.BinaryCrossEntropy(pos_weight=WEIGHTS),
        (Z,),
        BITS,
        True,
        lambda y, t: F.binary_cross_entropy_with_logits(y, t, pos_weight=W),
    ),
    (
        c.CrossEntropy(class_weights=WEIGHTS, label_smoothing=0.2, ignore=2),
        (Z,),
        NUMBERS,
        True,
        lambda y, t: F.cross_entropy(y, t, W, ignore_index=2, label_smoothing=0.2),
    ),
    (
        c.CrossEntropy(class_weights=WEIGHTS, label_smoothing=0.2),
        (Z,),
        SHARES,
        True,
        lambda y, t: F.cross_entropy(y, t, W, label_smoothing=0.2),
    ),
    (c.NegativeLogLikelihood(), (Z,), NUMBERS, False, F.nll_loss),
    (
        c.KlDivergence(),
        (Z,),
        SHARES,
        True,
        lambda y, t: F.kl_div(y.log_softmax(-1), t, reduction="batchmean"),
    ),
    (r.GaussianKl(), (Z, T), None, False, standard_divergence),
    (r.Pinball(quantile=0.9), (Z,), T, False, pinball(0.9)),
    (r.Pinball(quantile=0.3), (Z,), T, False, pinball(0.3)),
    (c.Focal(alpha=0.3, gamma=1.5), (Z,), BITS, True, focal_of_the_paper),
    (c.CategoricalFocal(), (Z,), NUMBERS, True, focal_of_classes),
    (a.Ctc(), (STEPS,), LABELS, False, ctc),
    (a.Ctc(reduction="sum"), (STEPS,), LABELS, False, lambda y, t: 6 * ctc(y, t)),
    (m.Hinge(), (Z,), 2 * BITS - 1, False, hinge),
    (m.SquaredHinge(), (Z,), 2 * BITS - 1, False, lambda y, t: F.relu(1 - t * y).square().mean()),
    (m.MulticlassHinge(), (Z,), NUMBERS, False, multiclass_hinge),
    (m.Triplet(), (Z, T, U), None, False, F.triplet_margin_loss),
    (m.CosineDistance(), (Z,), T, False, lambda y, t: (1 - F.cosine_similarity(y, t)).mean()),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].word)
def test_as_pytorch_has_it(case: Case) -> None:
    loss, given, target, logits, function = case
    leaves = tuple(map(tape.variable, given))
    at = Judged(leaves, np.zeros(()) if target is None else target, logits)
    made = table.losses.find(loss)(loss, at)
    theirs = [torch.tensor(x, requires_grad=True) for x in given]
    expected = function(*theirs, *(() if target is None else (torch.tensor(target),)))
    expected.backward()
    assert float(made.value) == pytest.approx(expected.item(), rel=1e-11)
    for x, y in zip(tape.gradients([(made, np.ones(()))], leaves), theirs, strict=True):
        assert y.grad is not None
        np.testing.assert_allclose(x, y.grad.numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("loss", [c.CrossEntropy(ignore=1), c.NegativeLogLikelihood(ignore=1)])
def test_with_nothing_left_the_loss_is_0(loss: Loss) -> None:
    x = tape.variable(Z)
    made = table.losses.find(loss)(loss, Judged((x,), np.ones(6, int), True))
    assert float(made.value) == 0
    assert not tape.gradients([(made, np.ones(()))], [x])[0].any()


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_ctc_over_as_many_steps_and_labels_as_there_are(backend: str) -> None:
    check(program_of(LossCase(a.Ctc(), ("f32[T, 4]", "i64[S]"))), backend, "float64")


@pytest.mark.parametrize(
    ("types", "blank", "code"),
    [
        (("f32[4]", "i64[3]"), 0, "E501"),
        (("i64[7, 4]", "i64[3]"), 0, "E501"),
        (("f32[7, 4]", "f32[3]"), 0, "E501"),
        (("f32[7, 4]", "i64"), 0, "E501"),
        (("f32[7, 4]", "i64[3]"), 4, "E203"),
    ],
)
def test_what_ctc_refuses(types: tuple[str, ...], blank: int, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        a.Ctc(blank=blank).check(tuple(map(parse_type, types)))
    assert caught.value.code == code
