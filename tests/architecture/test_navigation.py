"""Where things are found: one file name for one family of ops in every layer."""

from __future__ import annotations

import pytest

from nnc.compiler.vocabulary.base import words
from nnc.compiler.vocabulary.ops.base import Composite
from tests.architecture.code import PACKAGE, modules

BACKENDS = ("reference", "torch", "keras", "onnx")
OPS = "nnc.compiler.vocabulary.ops."
FORBIDDEN_NAMES = {"common", "handler", "handlers", "helper", "helpers", "manager", "managers"}
FORBIDDEN_NAMES |= {"misc", "util", "utils"}


def families() -> list[str]:
    """The names of the files with ops that backends lower: not what is made of other words."""
    lowered = [word for word in words("op") if not issubclass(word, Composite)]
    files = {word.__module__ for word in lowered if word.__module__.startswith(OPS)}
    return sorted(file.removeprefix(OPS) for file in files)


def test_ops_are_defined_in_the_folder_of_ops() -> None:
    assert all(word.__module__.startswith(OPS) for word in words("op"))
    assert {"conv", "dense"} <= set(families())


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_family_has_its_file_in_every_backend(backend: str) -> None:
    folder = PACKAGE / "backends" / backend
    assert [name for name in families() if not (folder / f"{name}.py").exists()] == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_has_the_same_files(backend: str) -> None:
    # The reference is run as it is: it has nothing to emit.
    names = {"table.py", "run.py"} | (set() if backend == "reference" else {"emit.py"})
    assert names - {path.name for path in (PACKAGE / "backends" / backend).iterdir()} == set()


def test_files_are_named_for_what_they_hold() -> None:
    assert [m.name for m in modules() if m.path.stem in FORBIDDEN_NAMES] == []
    folders = {path.name for path in PACKAGE.rglob("*") if path.is_dir()}
    assert folders & FORBIDDEN_NAMES == set()
