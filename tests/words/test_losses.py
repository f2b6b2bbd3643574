"""Losses and their gradients against PyTorch's own in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nnc.backends.reference import table, tape
from nnc.backends.reference.table import Judged
from nnc.compiler.vocabulary.losses import classification as c
from nnc.compiler.vocabulary.losses import margins as m
from nnc.compiler.vocabulary.losses import regression as r
from nnc.compiler.vocabulary.losses.base import Loss

RNG = np.random.default_rng(6)
Z, T, U = (RNG.normal(size=(6, 4)) for _ in range(3))
BITS = (RNG.random((6, 4)) < 0.5).astype(float)
SHARES = np.exp(T) / np.exp(T).sum(-1, keepdims=True)
NUMBERS = RNG.integers(0, 4, 6)
WEIGHTS = (0.5, 2.0, 1.5, 0.3)
W = torch.tensor(WEIGHTS, dtype=torch.float64)


def standard_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    from torch.distributions import Normal, kl_divergence

    made = Normal(mean, (log_variance / 2).exp())
    return kl_divergence(made, Normal(0.0, 1.0)).sum(-1).mean()


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
