"""Nothing that comes from outside is ever executed; no place on a builder's machine is named."""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.code import PACKAGE, ROOT, Module, modules

EXECUTES = {"compile", "eval", "exec", "os.system", "os.popen"}
MAY_EXECUTE = re.compile(r"nnc/backends/\w+/run\.py")
"""They run the code that nnc itself has emitted."""
UNSAFE_MODULES = {"dill", "marshal", "pickle", "shelve"}
_MACHINE_PATH = re.compile(r"""(?<![\w.])/(?:home|root|tmp|work|Users|mnt|opt)/\w""")
TEXTS = (".py", ".md", ".lark", ".toml", ".txt", ".nn", ".json", ".yml", ".sh", "Makefile")


def calls(module: Module) -> list[tuple[str, int]]:
    """Every call of a file by the name that is called, and its line."""
    return [
        (ast.unparse(node.func), node.lineno)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
    ]


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_nothing_is_executed(module: Module) -> None:
    if MAY_EXECUTE.fullmatch(module.name):
        return
    executed = [f"{module.name}:{line} {name}" for name, line in calls(module) if name in EXECUTES]
    assert executed == []


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_nothing_is_unpickled(module: Module) -> None:
    imported = [i.module for i in module.imports() if i.module.split(".")[0] in UNSAFE_MODULES]
    assert imported == []
    assert "allow_pickle=True" not in module.text
    assert "weights_only=False" not in module.text
    assert "shell=True" not in module.text


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    folders = (PACKAGE, ROOT / "bench", ROOT / "docs", ROOT / "specs", ROOT / "tests")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    files += [path for path in ROOT.iterdir() if path.is_file()]
    this_file = "test_safety.py"
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in files
        if path.name.endswith(TEXTS) and path.name != this_file
        for match in _MACHINE_PATH.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []
