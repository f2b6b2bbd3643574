"""Who may import whom. Imports inside functions count like all others."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable

import pytest

from tests.architecture.code import PACKAGE, ROOT, Import, Module, _imports, modules

FRAMEWORKS = ("torch", "tensorflow", "keras")
BACKENDS = ("reference", "torch", "keras", "onnx")

FORBIDDEN = {
    "nnc/compiler/": (
        *("nnc.cli", "nnc.grammar", "nnc.backends", "nnc.training", "nnc.verify"),
        *("click", "lark", "numpy", "onnx", "onnxruntime", "rich", "safetensors"),
    ),
    "nnc/grammar/": (
        *("nnc.cli", "nnc.backends", "nnc.training", "nnc.verify"),
        *("click", "numpy", "onnx", "onnxruntime", "rich", "safetensors"),
    ),
    "nnc/backends/": ("nnc.cli", "nnc.grammar", "nnc.training", "nnc.verify", "click", "rich"),
    "nnc/training/": ("nnc.cli", "nnc.grammar", "click", "rich"),
    "nnc/verify/": ("nnc.cli", "nnc.grammar", "nnc.deployment", "click", "rich"),
    "nnc/deployment/": ("nnc.cli", "nnc.grammar", "click", "rich"),
}
"""What the files of a room may not import, beside the frameworks."""


def broken(module: Module, forbidden: Iterable[str]) -> list[str]:
    """The imports of a file that lie within one of the forbidden packages, in words."""
    packages = tuple(forbidden)
    return [
        f"{module.name}:{found.line} imports {found.module}"
        for found in module.imports()
        if any(found.within(package) for package in packages)
    ]


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_imports_only_what_it_stands_on(room: str) -> None:
    files = modules(ROOT / room)
    assert files
    assert [line for module in files for line in broken(module, FORBIDDEN[room])] == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backend_knows_no_other_backend(backend: str) -> None:
    others = [f"nnc.backends.{other}" for other in BACKENDS if other != backend]
    files = modules(PACKAGE / "backends" / backend)
    assert [line for module in files for line in broken(module, others)] == []


def test_what_backends_share_knows_no_backend() -> None:
    shared = [module for module in modules(PACKAGE / "backends") if module.name.count("/") == 2]
    names = [f"nnc.backends.{backend}" for backend in BACKENDS]
    # The list of the backends themselves has to name them, and does so when it is asked for one.
    lines = [
        f"{module.name}:{found.line} imports {found.module}"
        for module in shared
        for found in module.imports()
        if not found.inside and any(found.within(name) for name in names)
    ]
    assert lines == []


def test_only_running_files_import_a_framework_and_only_in_functions() -> None:
    lines = [
        f"{module.name}:{found.line} imports {found.module}"
        for module in modules()
        for found in module.imports()
        if any(found.within(framework) for framework in FRAMEWORKS)
        and not (module.path.name in ("run.py", "engine.py") and found.inside)
        and not is_piece(module)
    ]
    assert lines == []


def test_pydantic_is_imported_in_one_place() -> None:
    """Elsewhere a spec would wait for it, whatever it holds."""
    found = {
        module.name
        for module in modules()
        for found in module.imports()
        if found.within("pydantic") or found.within("pydantic_core")
        # A run's record and a certificate are read long after the spec was checked.
        if not module.name.startswith(("nnc/training/", "nnc/verify/certificate"))
    }
    assert found == {"nnc/compiler/vocabulary/fields.py"}


def is_piece(module: Module) -> bool:
    """Whether a file is text for generated programs, which is read and never imported."""
    return module.path.parent.name == "pieces" and module.path.name != "__init__.py"


def test_pieces_of_generated_programs_are_imported_by_pieces_alone() -> None:
    lines = [
        f"{module.name}:{found.line} imports {found.module}"
        for module in modules()
        for found in module.imports()
        if re.match(r"nnc\.backends\.(?!pysource)\w+\.pieces\b", found.module)
        and not is_piece(module)
    ]
    assert lines == []


def test_shared_pieces_stand_alone_and_are_called_by_the_data_of_training_alone() -> None:
    shared = modules(PACKAGE / "backends" / "pieces")
    needs = {found.module for module in shared for found in module.imports()}
    ours = {name for name in needs if name.startswith("nnc.")}
    assert {name for name in ours if not name.startswith("nnc.backends.pieces.")} == set()
    callers = {
        module.name.rpartition("/")[0]
        for module in modules()
        for found in module.imports()
        if found.within("nnc.backends.pieces") and not is_piece(module)
    }
    assert callers <= {"nnc/training", "nnc/training/data"}


def test_tests_and_benchmarks_are_imported_by_nobody() -> None:
    assert [line for module in modules() for line in broken(module, ("tests", "bench"))] == []


def test_the_rules_see_imports_wherever_they_hide() -> None:
    source = "\n".join(
        [
            "import torch.nn as nn",
            "def f():",
            "    from nnc import backends",
            "    return lambda: __import__",
            "class A:",
            "    import keras",
            "if TYPE_CHECKING:",
            "    import onnx",
            "else:",
            "    import numpy",
        ]
    )
    assert list(_imports(ast.parse(source), inside=False)) == [
        Import("torch.nn", 1, False),
        Import("nnc.backends", 3, True),
        Import("keras", 6, False),
        Import("numpy", 10, False),
    ]


@pytest.mark.parametrize("hidden", ["importlib.import_module", "__import__"])
def test_nobody_imports_by_a_name_in_a_string(hidden: str) -> None:
    allowed = {
        "nnc/backends/registry.py",  # the backends are imported when they are asked for,
        "nnc/compiler/vocabulary/base.py",  # families of words when one of theirs is named,
        "nnc/compiler/vocabulary/generate.py",  # by names that stand in our own index
    }
    found = [
        f"{module.name}:{node.lineno}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in (hidden, hidden.removeprefix("importlib."))
        and module.name not in allowed
    ]
    assert found == []


PROBE = """
import sys
import {module}
loaded = {{name.partition(".")[0] for name in sys.modules}}
print(*sorted(loaded & {heavy!r}))
"""


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("nnc.compiler.render", {"numpy", "onnx", "onnxruntime", "torch", "tensorflow", "keras"}),
        ("nnc.cli", {"numpy", "onnx", "onnxruntime", "rich", "torch", "tensorflow", "keras"}),
        ("nnc.backends.torch.table", {"torch", "tensorflow", "keras"}),
        ("nnc.backends.keras.table", {"torch", "tensorflow", "keras"}),
    ],
)
def test_importing_loads_nothing_heavy(module: str, heavy: set[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROBE.format(module=module, heavy=heavy)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == []
