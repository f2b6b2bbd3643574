"""Certificates of `nnc verify`: what was found, written down, and checked again elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnc.cli import specs
from nnc.cli.terminal import Unusable, read_bytes, running, write_text

if TYPE_CHECKING:
    from nnc.backends.base import Arrays
    from nnc.compiler.diagnostics import Failed
    from nnc.compiler.ir import Program
    from nnc.verify import Paths, Verdict
    from nnc.verify.again import Again
    from nnc.verify.certificate import Certificate
    from nnc.verify.feed import Feed

MOST = 256 * 2**20
"""Bytes of a certificate that are read."""


def write(
    path: str,
    program: Program,
    verdict: Verdict,
    training: tuple[Feed, Paths] | None,
    given: Arrays | None,
) -> None:
    """Write down what was found. Raises Unusable when the file can't be written."""
    from nnc.backends import initial
    from nnc.verify import certificate

    feed, paths = training or (None, None)
    weights = given or dict(initial.weights(program.graph, program.seed))
    made = certificate.make(
        program, verdict, weights=weights, given=given is not None, feed=feed, paths=paths
    )
    write_text(path, made.text())


def check(path: str, weights: str | None) -> Again:
    """Check a certificate. Raises Failed for one that is damaged, and where what it is about is not
    here; Unusable when a file can't be read."""
    from nnc.verify import again
    from nnc.verify.certificate import read

    try:
        data = read_bytes(path, MOST)
    except OSError as error:
        raise specs.unreadable(path, error) from None
    found = read(path, data)
    program = _program(path, found)
    given = specs.weights(program, weights) if weights else None
    if found.given_weights and given is None:
        raise _failed("E723", f"{path} is about weights of a file", "give it: `--weights FILE`")
    begins = given or specs.weights(program, None)
    try:
        with running():
            return again.check(found, program, begins, _feed(path, found, program), given)
    except ValueError as error:
        message = f"what {path} says can't be compared again: {error}"
        raise _failed("E722", message, None) from None


def _program(path: str, found: Certificate) -> Program:
    from nnc.compiler.source import Source
    from nnc.loading import compile_source

    program, diagnostics = compile_source(Source("spec.json", json.dumps(found.spec)), None, {})
    if program is None:
        first = diagnostics[0].message
        raise _failed("E722", f"the spec in {path} can't be compiled: {first}", None)
    return program


def _feed(path: str, found: Certificate, program: Program) -> Feed | None:
    """The examples of the certificate's training."""
    from nnc.compiler.diagnostics import Failed
    from nnc.training.data import open_data
    from nnc.verify import feed

    if not found.steps or program.training is None:
        return None
    if found.examples == "random":
        return feed.at_random(program, found.batch, found.seed, found.steps)
    try:
        return feed.of_data(program, open_data(program, Path(path).parent))
    except Failed as failed:
        said = failed.diagnostics[0].message
        cure = "paths of data are relative to the certificate: put it where the spec was"
        raise _failed("E723", f"{path} is about data that is not here: {said}", cure) from None


def _failed(code: str, message: str, cure: str | None) -> Failed:
    from nnc.compiler.diagnostics import Diagnostic, Failed

    return Failed([Diagnostic(code, message, help=cure)])


def refuse(file: str | None, options: dict[str, Any]) -> None:
    """Raise Unusable for what says something that a certificate says itself."""
    if file is not None:
        raise Unusable("a certificate holds its spec", "leave FILE out, or leave `--cert` out")
    given = [name for name, value in options.items() if value]
    if given:
        raise Unusable(f"a certificate says itself what `--{given[0]}` would", "leave it out")
