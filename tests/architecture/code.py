"""The project's own Python files as the architecture tests see them: text, tree, imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "nnc"


@dataclass(frozen=True)
class Import:
    """One imported module. `inside` says whether it stands in a function."""

    module: str
    line: int
    inside: bool

    def within(self, package: str) -> bool:
        return self.module == package or self.module.startswith(f"{package}.")


class Module:
    """A Python file of the project."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.relative_to(ROOT).as_posix()
        self.text = path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.name)

    @cached_property
    def lines(self) -> int:
        return self.text.count("\n")

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    @cached_property
    def _imported(self) -> tuple[Import, ...]:
        return tuple(_imports(self.tree, inside=False))

    def imports(self) -> tuple[Import, ...]:
        """Every module imported anywhere in the file, but for those that only types need."""
        return self._imported


def _imports(node: ast.AST, *, inside: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, inside)
        elif isinstance(child, ast.ImportFrom):
            # `from nnc import backends` imports nnc.backends as much as `import nnc.backends` does.
            for alias in child.names:
                yield Import(f"{child.module}.{alias.name}", child.lineno, inside)
        elif isinstance(child, ast.If) and _only_for_types(child):
            yield from _imports(ast.Module(child.orelse, []), inside=inside)
        else:
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, inside=inside or function)


def _only_for_types(node: ast.If) -> bool:
    return ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def modules(folder: Path = PACKAGE) -> list[Module]:
    """The Python files below a folder of the project, in order."""
    return [_module(path) for path in sorted(folder.rglob("*.py"))]


@cache
def _module(path: Path) -> Module:
    return Module(path)
