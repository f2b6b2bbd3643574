"""Imports in isort's order: the future, the standard library, the rest; plain imports before
`from`."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from nnc.backends.pysource.document import SPACE, WIDTH, Document, render, width
from nnc.backends.pysource.expressions import bracketed
from nnc.backends.pysource.statements import FromImport, Import


def import_lines(imports: Iterable[Import | FromImport]) -> list[str]:
    """The lines of an import block, sorted and merged as `ruff check --select I` wants them."""
    sections: dict[int, list[Import | FromImport]] = {}
    for statement in imports:
        sections.setdefault(_section(statement.module), []).append(statement)
    lines: list[str] = []
    for number in sorted(sections):
        lines += [""] if lines else []
        lines += _section_lines(sections[number])
    return lines


def _section(module: str) -> int:
    top = module.partition(".")[0]
    return 0 if top == "__future__" else 1 if top in sys.stdlib_module_names else 2


def _section_lines(statements: list[Import | FromImport]) -> list[str]:
    plain = sorted((s for s in statements if isinstance(s, Import)), key=_plain_key)
    lines = [f"import {s.module}" + (f" as {s.alias}" if s.alias else "") for s in plain]
    members: dict[str, list[FromImport]] = {}
    for statement in statements:
        if isinstance(statement, FromImport):
            members.setdefault(statement.module, []).append(statement)
    for module in sorted(members, key=_module_key):
        lines += _from_lines(module, members[module])
    return lines


def _plain_key(statement: Import) -> tuple[str, str, str]:
    return (statement.module.lower(), statement.module, statement.alias)


def _module_key(module: str) -> tuple[str, str]:
    return (module.lower(), module)


def _member_key(member: FromImport) -> tuple[int, str, str, str]:
    """Constants, then classes, then the rest, as isort's order-by-type."""
    name = member.name
    kind = 0 if len(name) > 1 and name.isupper() else 1 if name[:1].isupper() else 2
    return (kind, name.lower(), name, member.alias)


def _from_lines(module: str, members: list[FromImport]) -> list[str]:
    joined = [m for m in members if not m.alias]
    texts = [[m.name for m in sorted(joined, key=_member_key)]] if joined else []
    texts += [[f"{m.name} as {m.alias}"] for m in sorted(members, key=_member_key) if m.alias]
    lines: list[str] = []
    for names in texts:
        line = f"from {module} import {', '.join(names)}"
        lines += [line] if width(line) <= WIDTH else _broken(module, names)
    return lines


def _broken(module: str, names: list[str]) -> list[str]:
    items: list[Document] = []
    for name in names:
        items += [name, ",", SPACE]
    content = bracketed("(", tuple(items[:-1]), ")")
    return render((f"from {module} import ", content)).split("\n")
