"""The list of backends: what each needs, and what it declares that it can't express."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from nnc.backends.base import Runner, Table
from nnc.backends.registry import BACKENDS, REFERENCE
from nnc.compiler.ir import Program, single
from nnc.compiler.vocabulary.base import words
from nnc.compiler.vocabulary.ops.base import parse_type
from nnc.compiler.vocabulary.ops.dense import Dense

PROGRAM = Program(single(Dense(units=2), (parse_type("f32[3]"),)))


@pytest.mark.parametrize("name", [*BACKENDS, "reference"])
def test_a_backend_has_a_runner_of_its_own(name: str) -> None:
    backend = BACKENDS.get(name, REFERENCE)
    runner = backend.load_runner()
    assert issubclass(runner, Runner)
    assert runner.backend == backend.name == name
    assert backend.missing is None
    assert backend.refusals(PROGRAM) == []


@pytest.mark.parametrize("name", [*BACKENDS, "reference"])
def test_every_op_is_lowered_or_refused(name: str) -> None:
    tables = [t for t in BACKENDS.get(name, REFERENCE).load_tables() if "op" in t.kinds]
    assert len(tables) == 1
    tables[0].sealed()


@pytest.mark.parametrize("name", BACKENDS)
def test_emitting_is_loaded_on_its_own(name: str) -> None:
    emit = BACKENDS[name].load_emit
    assert emit is not None
    assert callable(emit())


def test_what_is_not_installed_is_named_with_its_cure() -> None:
    absent = replace(BACKENDS["torch"], modules=("json", "no_such_module_anywhere"))
    assert absent.missing == "no_such_module_anywhere"
    assert absent.hint == "pip install 'nnc[torch]'"
    assert BACKENDS["onnx"].hint == "pip install nnc"


def test_a_refusal_names_the_word_and_the_reason() -> None:
    table: Table[Any] = Table("torch", "op")
    table.refuses(Dense, "it is the wrong day")
    backend = replace(BACKENDS["torch"], load_tables=lambda: (table,))
    (found,) = backend.refusals(PROGRAM)
    assert found.code == "E701"
    assert found.message == "PyTorch can't express `Dense`: it is the wrong day"


def test_a_table_with_a_hole_is_not_sealed() -> None:
    table: Table[Any] = Table("torch", "penalty")
    table.refuses(words("penalty")[0], "no")
    with pytest.raises(TypeError, match=words("penalty")[1].word):
        table.sealed()


def test_listing_the_backends_loads_none() -> None:
    probe = (
        "import sys; from nnc.backends.registry import BACKENDS;"
        "[backend.missing for backend in BACKENDS.values()];"
        "heavy = {'torch', 'keras', 'tensorflow', 'onnx', 'onnxruntime', 'numpy'};"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
