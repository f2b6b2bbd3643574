"""What a comparison found, written down so that it can be checked again elsewhere.

A certificate is one JSON object: the expanded spec and its hash, the seed, the versions, the hashes
of weights and data, every figure with its tolerance, and, of a training, the losses of each step
and the norms of the weights at its end. `digest` is the SHA-256 of all the rest: it shows damage,
and it is no signature.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from math import isfinite
from typing import Annotated, Any, Literal, NoReturn, TypeAlias

import numpy as np
from pydantic import Field, NonNegativeInt, TypeAdapter, ValidationError

from nnc import __version__, to_json
from nnc.backends.base import Arrays, Precision
from nnc.backends.safetensors import encoded
from nnc.compiler.diagnostics import Diagnostic, Failed
from nnc.compiler.ir import Program
from nnc.verify.feed import Feed
from nnc.verify.paths import Paths, titled
from nnc.verify.verdict import State, Verdict

FORMAT = "nnc certificate 1"
PACKAGES = ("numpy", "torch", "keras", "tensorflow", "onnx", "onnxruntime")

# No file may ask for more work than a command line can.
Ranks: TypeAlias = Annotated[int, Field(ge=1, le=64)]
Batch: TypeAlias = Annotated[int, Field(ge=1, le=4096)]
Steps: TypeAlias = Annotated[int, Field(ge=0, le=1_000_000)]
# What is shown on a terminal: no other character than names and versions have.
Shown: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9._+!-]{0,80}$")]


@dataclass(frozen=True)
class Check:
    """One figure: how far a backend was from the reference, and how far it might be."""

    what: str
    name: str
    difference: float | None
    tolerance: float
    agrees: bool
    rounding: bool = False
    """Whether the tolerance is what rounding accounts for."""


@dataclass(frozen=True)
class Network:
    """Outputs, loss and gradients of one backend on one batch."""

    backend: Shown
    state: State
    agrees: bool
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Training:
    """The steps of one backend in one precision."""

    backend: Shown
    precision: Precision
    state: State
    agrees: bool
    promised: NonNegativeInt
    """The first steps, for which the losses are promised to come again."""
    losses: tuple[float | None, ...]
    differences: tuple[float | None, ...]
    """Of the loss, at each step."""
    weights: float | None
    """The largest difference of any weight at any step."""
    tolerance: dict[str, float]
    rounding: bool = False
    """Whether it is further away than float32's bounds as rounding accounts for."""
    ranks: Ranks = 1
    """How many processes trained together."""

    @property
    def title(self) -> str:
        """What people call it."""
        return titled(self.backend, self.ranks)


@dataclass(frozen=True)
class Certificate:
    """Everything that is written down. `steps` is 0 where only the network was compared."""

    spec: dict[str, Any]
    spec_hash: str
    seed: NonNegativeInt
    """Of the random weights and data of the network's comparison."""
    batch: Batch
    precision: Precision
    given_weights: bool
    """Whether the weights came from a file, and are needed again."""
    weights_hash: str
    """Of the weights that the training, or with given ones the network, begins with."""
    network: tuple[Network, ...]
    steps: Steps = 0
    examples: Literal["data", "random", ""] = ""
    data_hash: str | None = None
    losses: tuple[float, ...] = ()
    """The reference's, of each step."""
    norms: dict[str, float] = field(default_factory=dict)
    """The reference's weights at the end."""
    training: tuple[Training, ...] = ()
    versions: dict[Shown, Shown] = field(default_factory=dict)
    format: Literal["nnc certificate 1"] = "nnc certificate 1"
    digest: str = ""

    @property
    def program_text(self) -> str:
        """The spec as JSON text."""
        return json.dumps(self.spec)

    def text(self) -> str:
        """The file's text."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def make(
    program: Program,
    verdict: Verdict,
    *,
    weights: Arrays,
    given: bool,
    feed: Feed | None = None,
    paths: Paths | None = None,
) -> Certificate:
    """What was found, written down. `weights` are those that training begins with."""
    text = to_json(program)
    made = Certificate(
        spec=json.loads(text),
        spec_hash=sha256(text.encode()),
        seed=verdict.seed,
        batch=verdict.batch,
        precision=verdict.precision,
        given_weights=given,
        weights_hash=hash_of(weights),
        network=tuple(_network(finding.to_json()) for finding in verdict.findings),
        versions=versions(),
    )
    if feed is not None and paths is not None:
        made = replace(
            made,
            steps=paths.asked,
            examples="random" if feed.hash is None else "data",
            data_hash=feed.hash,
            losses=tuple(loss for loss in paths.losses if isfinite(loss)),
            norms=paths.norms,
            training=tuple(_training(path.to_json()) for path in paths.paths),
        )
    return replace(made, digest=_digest(asdict(made)))


def _network(found: Mapping[str, Any]) -> Network:
    keys = ("what", "name", "difference", "tolerance", "agrees", "rounding")
    checks = tuple(Check(**{key: c[key] for key in keys}) for c in found["comparisons"])
    return Network(found["backend"], found["state"], found["agrees"], checks)


def _training(found: Mapping[str, Any]) -> Training:
    steps = found["steps"]
    moved = [d for step in steps for d in step["weights"].values()]
    return Training(
        found["backend"],
        found["precision"],
        found["state"],
        found["agrees"],
        found["promised_steps"],
        tuple(step["loss"] for step in steps),
        tuple(step["difference"] for step in steps),
        None if None in moved else max(moved, default=0.0),
        found["tolerance"],
        found["rounding"],
        found["ranks"],
    )


def read(label: str, data: bytes) -> Certificate:
    """A certificate from a file's bytes. Raises Failed (E722) for what is none or is damaged."""
    try:
        found = json.loads(
            data, parse_constant=_refused, parse_float=_finite, object_pairs_hook=_once
        )
    except (ValueError, RecursionError) as error:
        raise _damaged(label, f"it is no JSON: {str(error)[:120]}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise _damaged(label, f"it doesn't say `{FORMAT}` as its `format`")
    try:
        made: Certificate = TypeAdapter(Certificate).validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise _damaged(label, f"`{place}` is not as it must be: {first['msg']}") from None
    if made.digest != _digest(found):
        raise _damaged(label, "its digest is that of other contents: something was changed")
    return made


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def _finite(digits: str) -> float:
    """A number; so large a one that it is none compares with nothing."""
    number = float(digits)
    return number if isfinite(number) else _refused(digits[:40])


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. What is there twice would be hashed as one and read as the other."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice in one object")
    return found


def _damaged(label: str, why: str) -> Failed:
    help_ = "take the file as `nnc verify --certificate` wrote it, or make another one"
    message = f"{label} is no certificate that can be checked: {why}"
    return Failed([Diagnostic("E722", message, help=help_)])


def _digest(certificate: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in certificate.items() if key != "digest"}
    return sha256(json.dumps(rest, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace"))


def hash_of(weights: Arrays) -> str:
    """SHA-256 of weights as a safetensors file of float32 holds them."""
    single = {name: np.asarray(array, np.float32) for name, array in sorted(weights.items())}
    return sha256(b"".join(encoded(single, {})))


def sha256(data: bytes) -> str:
    """The hash in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def versions() -> dict[str, str]:
    """The versions of all that computes."""
    found = {"nnc": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
