"""A certificate checked again: the same comparison here, held against what was written down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nnc import to_json
from nnc.backends.base import Arrays
from nnc.compiler.ir import Program
from nnc.verify.certificate import Certificate, Training, hash_of, sha256, versions
from nnc.verify.contradictions import contradictions
from nnc.verify.feed import Feed
from nnc.verify.paths import Path, Paths, loss_apart
from nnc.verify.tolerances import STEPS
from nnc.verify.trajectory import verify_steps
from nnc.verify.verdict import State, Verdict
from nnc.verify.verification import verify


@dataclass(frozen=True)
class Item:
    """One thing that was written down, as it is here. `difference` is None where nothing is
    measured; what is not `counted` (a backend that isn't here) says nothing."""

    name: str
    agrees: bool
    said: str = ""
    difference: float | None = None
    tolerance: float | None = None
    counted: bool = True

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "agrees": self.agrees,
            "counted": self.counted,
            "difference": self.difference,
            "tolerance": self.tolerance,
            "said": self.said,
        }


@dataclass(frozen=True)
class Again:
    """What checking a certificate found."""

    program: str
    made_with: dict[str, str]
    here: dict[str, str]
    items: tuple[Item, ...]

    @property
    def agrees(self) -> bool:
        """Whether all that can be checked here is as it was written down."""
        return all(item.agrees for item in self.items if item.counted)

    @property
    def complete(self) -> bool:
        """Whether everything could be checked."""
        return all(item.counted for item in self.items)

    def to_json(self) -> dict[str, Any]:
        return {
            "program": self.program,
            "agrees": self.agrees,
            "complete": self.complete,
            "made_with": self.made_with,
            "here": self.here,
            "items": [item.to_json() for item in self.items],
        }


def check(
    certificate: Certificate,
    program: Program,
    weights: Arrays,
    feed: Feed | None,
    given: Arrays | None = None,
) -> Again:
    """Compare everything again with the backends that are installed.

    `weights` are those that training begins with, `given` those that came from a file.
    """
    items = [_sound(certificate), *_hashes(certificate, program, weights, feed)]
    backends = [network.backend for network in certificate.network]
    verdict = verify(
        program,
        backends=backends,
        weights=given,
        batch=certificate.batch,
        seed=certificate.seed,
        precision=certificate.precision,
    )
    items += _networks(certificate, verdict)
    if feed is None:
        items += [_trained(training, None) for training in certificate.training]
    elif certificate.training:
        items += _trainings(certificate, program, weights, feed)
    return Again(program.name, dict(certificate.versions), versions(), tuple(items))


def _sound(certificate: Certificate) -> Item:
    """Whether what is written down agrees with itself."""
    first = next(contradictions(certificate), None)
    said = "" if first is None else f"it contradicts itself: {first}"
    return Item("figures", agrees=first is None, said=said)


def _trainings(
    certificate: Certificate, program: Program, weights: Arrays, feed: Feed
) -> Iterator[Item]:
    recorded = certificate.training
    paths = verify_steps(
        program,
        steps=certificate.steps,
        feed=feed,
        weights=weights,
        backends=list(dict.fromkeys(t.backend for t in recorded)),
        precisions=list(dict.fromkeys(t.precision for t in recorded)),
        ranks=max(t.ranks for t in recorded),
    )
    yield from _reference(certificate, paths)
    found = {(path.backend, path.precision, path.ranks): path for path in paths.paths}
    for one in recorded:
        yield _trained(one, found.get((one.backend, one.precision, one.ranks)))


def _hashes(
    certificate: Certificate, program: Program, weights: Arrays, feed: Feed | None
) -> Iterator[Item]:
    same = sha256(to_json(program).encode()) == certificate.spec_hash
    yield Item("spec", same, "" if same else "another one is written down under this hash")
    same = hash_of(weights) == certificate.weights_hash
    yield Item("weights", same, "" if same else "they have another hash")
    if certificate.examples == "data" and feed is not None:
        same = feed.hash == certificate.data_hash
        yield Item("data", same, "" if same else "it has another hash")


def _networks(certificate: Certificate, verdict: Verdict) -> Iterator[Item]:
    for recorded, found in zip(certificate.network, verdict.findings, strict=True):
        name = f"network on {recorded.backend}"
        absent = _absent(recorded.state, found.state)
        if absent is not None:
            yield Item(name, agrees=False, said=absent, counted=False)
            continue
        worst = max((c.difference or 0.0 for c in found.comparisons), default=None)
        bound = max((c.tolerance for c in found.comparisons), default=None)
        measured = {(c.what, c.name) for c in found.comparisons}
        if not found.agrees:
            said = "it differs here"
        elif not recorded.agrees:
            said = "it differed when it was written down"
        else:
            same = measured == {(c.what, c.name) for c in recorded.checks}
            said = "" if same else "other results are written down than it has"
        yield Item(name, not said, said, worst, bound)


def _absent(then: State, now: State) -> str | None:
    """Why a backend says nothing; None where it was compared both times, or broke down."""
    if then in ("not installed", "refused"):
        return f"{then} when it was written down"
    return now if now in ("not installed", "refused") else None


def _reference(certificate: Certificate, paths: Paths) -> Iterator[Item]:
    bound = STEPS["float64"]
    apart = _furthest(paths.losses, certificate.losses)
    yield Item("the reference's losses", apart <= bound.loss, "", apart, bound.loss)
    names = certificate.norms.keys() | paths.norms.keys()
    moved = max(
        (_apart(paths.norms.get(name), certificate.norms.get(name)) for name in names), default=0.0
    )
    yield Item("the reference's weights", moved <= bound.weights, "", moved, bound.weights)


def _trained(recorded: Training, path: Path | None) -> Item:
    name = f"training on {recorded.title} in {recorded.precision}"
    if path is None:
        return Item(name, agrees=False, said="there is no such training")
    absent = _absent(recorded.state, path.state)
    if absent is not None:
        return Item(name, agrees=False, said=absent, counted=False)
    bound = STEPS[recorded.precision].loss
    losses = [step.loss for step in path.steps]
    apart = _furthest(losses[: path.promised], recorded.losses[: path.promised])
    if not path.agrees:
        return Item(name, agrees=False, said="it differs here", difference=apart, tolerance=bound)
    if not recorded.agrees:
        said = "it differed when it was written down"
        return Item(name, agrees=False, said=said, difference=apart, tolerance=bound)
    return Item(name, apart <= bound, "", apart, bound)


def _furthest(found: Sequence[float], recorded: Sequence[float | None]) -> float:
    """The largest difference of two rows of losses; infinite for rows of other lengths."""
    if len(found) != len(recorded):
        return float("inf")
    pairs: Iterable[tuple[float, float | None]] = zip(found, recorded, strict=True)
    gaps = (float("inf") if b is None else loss_apart(a, b) for a, b in pairs)
    return max(gaps, default=0.0)


def _apart(found: float | None, recorded: float | None) -> float:
    if found is None or recorded is None:
        return float("inf")
    return abs(found - recorded) / (abs(recorded) or 1.0)


def render(again: Again) -> str:
    """The result in plain text."""
    lines = [f"{again.program}: a certificate, checked again", ""]
    width = max(len(item.name) for item in again.items)
    for item in again.items:
        word = ("as recorded" if item.agrees else "DIFFERS") if item.counted else "not checked"
        measured = ""
        if item.difference is not None and item.tolerance is not None:
            measured = f"  {item.difference:.0e} (allowed {item.tolerance:.0e})"
        said = f"  {item.said}" if item.said else ""
        lines.append(f"{item.name.ljust(width)}  {word:11}{measured}{said}".rstrip())
    others = {
        name: (before, again.here.get(name, "none"))
        for name, before in again.made_with.items()
        if again.here.get(name) != before
    }
    if others:
        told = ", ".join(f"{name} {now} (then {then})" for name, (then, now) in others.items())
        lines += ["", f"other versions here: {told}"]
    lines += ["", "as it was written down" if again.agrees else "not as it was written down"]
    return "\n".join(lines) + "\n"
