"""Programs for these tests, and the emitted source as a module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nnc
from nnc.backends.keras.emit import emit
from nnc.compiler.ir import Program

SPECS = Path(__file__).resolve().parents[3] / "specs"


def of_text(text: str) -> Program:
    """The program of a spec that has no mistakes."""
    program, diagnostics = nnc.compile_text(text, "test.nn")
    assert program is not None, [d.message for d in diagnostics]
    return program


def of_file(name: str) -> Program:
    """The program of a checked-in spec: `curriculum/xor`."""
    program, diagnostics = nnc.compile_file(SPECS / f"{name}.nn")
    assert program is not None, [d.message for d in diagnostics]
    return program


def source(program: Program) -> str:
    """The emitted text."""
    return emit(program).text


def executed(text: str) -> dict[str, Any]:
    """What the emitted text defines."""
    names: dict[str, Any] = {"__name__": "generated", "__file__": "generated.py"}
    exec(compile(text, "generated.py", "exec"), names)
    return names


@contextmanager
def float64() -> Iterator[None]:
    """Keras in float64."""
    import keras

    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])
