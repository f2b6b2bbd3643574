"""What of a certificate can't be so, whatever was measured: figures that are not what they say."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose

from nnc.verify.certificate import Certificate, Check, Network, Training
from nnc.verify.paths import loss_apart
from nnc.verify.tolerances import HORIZON, NOISE_LIMIT, STEPS, TOLERANCES


def contradictions(certificate: Certificate) -> Iterator[str]:
    """Each, in words."""
    if not certificate.network and not certificate.training:
        yield "nothing was compared"
    if bool(certificate.steps) != bool(certificate.training):
        yield f"{certificate.steps} steps of {len(certificate.training)} trainings"
    if len(certificate.losses) > certificate.steps:
        yield "there are more losses than steps"
    rows = [f"network on {network.backend}" for network in certificate.network]
    rows += [f"training on {t.title} in {t.precision}" for t in certificate.training]
    for row in sorted({row for row in rows if rows.count(row) > 1}):
        yield f"{row} is there twice"
    for network in certificate.network:
        if not _holds(network, certificate):
            yield f"the figures of the network on {network.backend} don't say what it says"
    for training in certificate.training:
        if not _leads(training, certificate):
            yield f"the figures of {training.title} in {training.precision} don't say what it says"


def _holds(network: Network, certificate: Certificate) -> bool:
    if network.state != "compared":
        return not network.agrees
    figures = all(_says_so(check, certificate) for check in network.checks)
    agree = bool(network.checks) and all(check.agrees for check in network.checks)
    return figures and network.agrees == agree


def _says_so(check: Check, certificate: Certificate) -> bool:
    """Whether a figure has its tolerance, and says what it is."""
    table = TOLERANCES[certificate.precision]
    of = {"output": table.outputs, "loss": table.loss, "gradient": table.gradients}
    allowed = of.get(check.what)
    if check.rounding and check.what == "gradient" and certificate.precision == "float32":
        right = check.tolerance <= NOISE_LIMIT
    else:
        right = check.tolerance == allowed
    within = check.difference is not None and 0 <= check.difference <= check.tolerance
    return right and (within or not check.agrees)


def _leads(training: Training, certificate: Certificate) -> bool:
    """Whether the figures of a training are those of its losses, and say that it agrees."""
    bound = STEPS[training.precision]
    taken = len(training.losses)
    promised = taken if training.precision == "float64" else min(HORIZON, taken)
    known = {"loss": bound.loss, "weights": bound.weights}
    if training.tolerance != known or training.promised != promised or not _measured(training):
        return False
    if not all(map(_is_apart, training.losses, certificate.losses, training.differences)):
        return False
    if not training.agrees:
        return True
    # A step after which the reference's weights are no numbers has a loss, and is not compared.
    whole = len(certificate.losses) - taken in (0, 1)
    if training.state != "compared" or not taken or not whole:
        return False
    exact = training.precision == "float64"
    if training.rounding:
        return not exact
    near = all(_within(d, bound.loss) for d in training.differences[:promised])
    return near and (not exact or _within(training.weights, bound.weights))


def _measured(training: Training) -> bool:
    return len(training.differences) == len(training.losses)


def _is_apart(loss: float | None, truth: float, difference: float | None) -> bool:
    """Whether a loss is as far from the reference's as is written down."""
    if loss is None or difference is None:
        return loss is None and difference is None
    return isclose(loss_apart(loss, truth), difference, rel_tol=1e-6, abs_tol=1e-15)


def _within(difference: float | None, bound: float) -> bool:
    return difference is not None and 0 <= difference <= bound
