"""Functions and classes that generated programs contain as they stand.

A piece lies in a real Python file, linted, formatted (88 columns) and type-checked like all other
source, but never imported: its text is read and copied. What a piece needs of its own file is
copied with it, and so are the imports it uses. Another file's piece is used by importing it from
`nnc.backends.<backend>.pieces.<file>` inside the file: that import becomes a need. A file that a
backend's package does not have is looked for in `nnc.backends.pieces`, which all backends share.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from nnc.backends.pysource.statements import FromImport, Import, Segment

SHARED = "nnc.backends.pieces"
_EXCHANGE = re.compile(r"# with (\w+): (.+) -> (.+)")


@dataclass(frozen=True)
class Piece:
    """One function, class or constant: its text, the imports it uses, the pieces it needs (file,
    name)."""

    file: str
    name: str
    text: str
    line: int
    imports: frozenset[Import | FromImport]
    needs: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Pieces:
    """Pieces in an order in which they can be defined, and every import they use."""

    imports: frozenset[Import | FromImport]
    segments: Mapping[str, Segment]
    """Name -> text; what others need comes first."""


def load(
    package: str, *wanted: str, given: Iterable[str] = (), features: Iterable[str] = ()
) -> Pieces:
    """The pieces named `file:name` of a package (`nnc.backends.torch.pieces`), with all they need.

    `given` are names that the program defines itself: they are not copied. A line that ends in `#
    when: word` is copied for programs with that feature only. A line `# with word: a -> b` puts b
    in the place of a in the whole file, for such programs. Raises KeyError for a name that the file
    does not define.
    """
    found: dict[tuple[str, str], Piece] = {}
    collect = _Collector(package, frozenset(given), frozenset(features), found)
    for item in wanted:
        file, _, name = item.partition(":")
        collect(file, name)
    imports = frozenset(i for piece in found.values() for i in piece.imports)
    return Pieces(imports, {piece.name: Segment(piece.text) for piece in found.values()})


@dataclass(frozen=True)
class _Collector:
    package: str
    given: frozenset[str]
    features: frozenset[str]
    found: dict[tuple[str, str], Piece]
    begun: set[tuple[str, str]] = field(default_factory=set)
    """Functions may need one another."""

    def __call__(self, file: str, name: str) -> None:
        """Add a piece after those that it needs."""
        if (file, name) in self.found or name in self.given or (file, name) in self.begun:
            return
        self.begun.add((file, name))
        piece = read(self.package, file, self.features)[name]
        for need in sorted(piece.needs, key=self._place):
            if need != (file, name):
                self(*need)
        self.found[file, name] = piece

    def _place(self, need: tuple[str, str]) -> tuple[str, int]:
        file, name = need
        return file, read(self.package, file, self.features)[name].line


@cache
def read(package: str, file: str, features: frozenset[str] = frozenset()) -> Mapping[str, Piece]:
    """Every piece of a file by its name, as programs with these features have it."""
    path = files(package).joinpath(f"{file}.py")
    path = path if path.is_file() else files(SHARED).joinpath(f"{file}.py")
    source = path.read_text(encoding="utf-8")
    source = "\n".join(_chosen(source.split("\n"), features))
    source = _exchanged(source, features)
    tree = ast.parse(source)
    return _File(package, file, source.split("\n"), tree)


class _File(Mapping[str, Piece]):
    """The pieces of a file, each made when it is asked for: programs take few of them."""

    def __init__(self, package: str, file: str, lines: list[str], tree: ast.Module) -> None:
        self._package = package
        self._file = file
        self._lines = lines
        self._imports = dict(_imports(tree))
        self._definitions = {name: node for node in tree.body for name in _defined(node)}
        self._made: dict[str, Piece] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._definitions)

    def __len__(self) -> int:
        return len(self._definitions)

    def __getitem__(self, name: str) -> Piece:
        if name not in self._made:
            self._made[name] = self._piece(name, self._definitions[name])
        return self._made[name]

    def _piece(self, name: str, node: ast.stmt) -> Piece:
        used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        needs = {(self._file, other) for other in used & self._definitions.keys()}
        taken: set[Import | FromImport] = set()
        own = (f"{self._package}.", f"{SHARED}.")
        for word in used & self._imports.keys():
            statement = self._imports[word]
            if isinstance(statement, FromImport) and statement.module.startswith(own):
                needs.add((statement.module.rpartition(".")[2], statement.name))
            else:
                taken.add(statement)
        text = _text(node, self._lines)
        return Piece(self._file, name, text, node.lineno, frozenset(taken), frozenset(needs))


def _chosen(lines: Iterable[str], features: frozenset[str]) -> Iterator[str]:
    """The lines whose condition holds, without their conditions."""
    for line in lines:
        code, mark, condition = line.partition("  # when: ")
        words = (word.removeprefix("not ") for word in condition.split(" and "))
        wanted = (not word.startswith("not ") for word in condition.split(" and "))
        if not mark or all((w in features) == want for w, want in zip(words, wanted, strict=True)):
            yield code


def _exchanged(source: str, features: frozenset[str]) -> str:
    """The source with what its lines `# with` say, without these lines."""
    for feature, before, after in _EXCHANGE.findall(source):
        source = _EXCHANGE.sub("", source, 1)
        if feature in features:
            source = source.replace(before, after)
    return source


def _text(node: ast.stmt, lines: list[str]) -> str:
    """The lines of a definition with its decorators and the comments directly above it."""
    decorators = getattr(node, "decorator_list", [])
    start = min([node.lineno, *(d.lineno for d in decorators)]) - 1
    while start and lines[start - 1].startswith("#"):
        start -= 1
    return "\n".join(lines[start : node.end_lineno])


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def _imports(tree: ast.Module) -> Iterator[tuple[str, Import | FromImport]]:
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                local = alias.asname or alias.name.partition(".")[0]
                yield local, Import(alias.name, alias.asname or "")
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            for alias in node.names:
                yield (
                    alias.asname or alias.name,
                    FromImport(node.module or "", alias.name, alias.asname or ""),
                )
