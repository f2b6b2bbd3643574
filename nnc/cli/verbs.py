"""The verbs, each imported when it is asked for: one must not wait for what another needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnc.cli.verb import Verb


def new() -> Verb:
    from nnc.cli.new import command

    return command


def check() -> Verb:
    from nnc.cli.check import command

    return command


def fmt() -> Verb:
    from nnc.cli.fmt import command

    return command


def compile_() -> Verb:
    from nnc.cli.compile import command

    return command


def export() -> Verb:
    from nnc.cli.export import command

    return command


def summary() -> Verb:
    from nnc.cli.summary import command

    return command


def plot() -> Verb:
    from nnc.cli.plot import command

    return command


def train() -> Verb:
    from nnc.cli.train import command

    return command


def evaluate() -> Verb:
    from nnc.cli.evaluate import command

    return command


def runs() -> Verb:
    from nnc.cli.runs import command

    return command


def predict() -> Verb:
    from nnc.cli.predict import command

    return command


def verify() -> Verb:
    from nnc.cli.verify import command

    return command


def bench() -> Verb:
    from nnc.cli.bench import command

    return command


def ops() -> Verb:
    from nnc.cli.ops import command

    return command


def schema() -> Verb:
    from nnc.cli.schema import command

    return command


def explain() -> Verb:
    from nnc.cli.explain import command

    return command


def completion() -> Verb:
    from nnc.cli.completion import command

    return command
