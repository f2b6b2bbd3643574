"""Reading specs from disk: the edge where paths become sources, and where `use` is followed."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnc.compiler import ir, pipeline, syntax
from nnc.compiler.collector import paused
from nnc.compiler.diagnostics import Diagnostic, Failed, Label, Report, did_you_mean
from nnc.compiler.source import Source

MAXIMUM_BYTES = 64 * 2**20
"""The largest spec that is read."""


def compile_text(
    text: str, name: str = "<text>", settings: Mapping[str, Any] | None = None
) -> tuple[ir.Program | None, list[Diagnostic]]:
    """The program of a spec given as text, and everything there is to say about it.

    The program is None when a diagnostic is an error. A text that begins with `{` is a JSON spec.
    `use` is refused: a text lies in no folder.
    """
    return compile_source(Source(name, text), None, settings)


def compile_file(
    path: Path, settings: Mapping[str, Any] | None = None
) -> tuple[ir.Program | None, list[Diagnostic]]:
    """The program of a spec on disk, and everything there is to say about it.

    Raises OSError when the file can't be read.
    """
    try:
        source = read_source(path)
    except Failed as failed:
        return None, list(failed.diagnostics)
    return compile_source(source, path, settings)


def parse_source(source: Source) -> syntax.File:
    """The surface tree of `.nn` or JSON text. Raises Failed.

    JSON is what begins with `{`, and whatever a file called `.json` holds.
    """
    begins = source.text.lstrip("\ufeff \t\r\n")[:1]
    if begins == "{" or source.name.endswith(".json"):
        from nnc.compiler.document.read import read

        return read(source)
    from nnc.grammar.parse import parse

    return parse(source)


def read_source(path: Path) -> Source:
    """The text of a file. Raises OSError, and Failed when it is not UTF-8 text."""
    with path.open("rb") as file:  # a file may be without end, as a pipe is
        return decoded(str(path), file.read(MAXIMUM_BYTES + 1))


def decoded(name: str, data: bytes) -> Source:
    """Bytes as a source. Raises Failed when they are too many or not UTF-8 text."""
    if len(data) > MAXIMUM_BYTES:
        message = f"{name} has more than {MAXIMUM_BYTES:,} bytes, too many for a spec"
        raise Failed([Diagnostic("E003", message, help="is this a model or a data file?")])
    for mark, encoding in ((codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16")):
        if data.startswith(mark):
            raise _not_text(name, f"it is written in {encoding}", "save it as UTF-8")
    if b"\0" in data:
        cure = "give a `.nn` or JSON spec"
        if name.lower().endswith(".onnx"):
            cure += "; `nnc predict` and `nnc bench` take ONNX models"
        raise _not_text(name, "it is a binary file", cure)
    try:
        return Source(name, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _not_text(
            name, f"byte {error.start} in line {line} is not UTF-8", "save it as UTF-8"
        ) from None


def _not_text(name: str, why: str, cure: str) -> Failed:
    return Failed([Diagnostic("E002", f"{name} is not a text in UTF-8: {why}", help=cure)])


def compile_source(
    source: Source, path: Path | None = None, settings: Mapping[str, Any] | None = None
) -> tuple[ir.Program | None, list[Diagnostic]]:
    """The program of a source; `use` is followed from the folder of `path`, and refused without
    one."""
    try:
        with paused():
            return pipeline.run(load(source, path), settings)
    except Failed as failed:
        return None, list(failed.diagnostics)


def load(source: Source, path: Path | None) -> list[syntax.File]:
    """The spec and every file that it uses, each once. Raises Failed."""
    report = Report()
    files = [parse_source(source)]
    root = path.resolve().parent if path else None
    seen = {path.resolve()} if path else set()
    _follow(files[0], root, root, seen, files, report)
    report.raise_errors()
    return files


def to_text(program: ir.Program) -> str:
    """A program as `.nn` text, expanded and formatted."""
    from nnc.compiler.document.unparse import to_syntax
    from nnc.grammar.format import format_file

    return format_file(to_syntax(program))


def _follow(
    file: syntax.File,
    folder: Path | None,
    root: Path | None,
    seen: set[Path],
    files: list[syntax.File],
    report: Report,
) -> None:
    for use in file.declarations:
        if not isinstance(use, syntax.Use):
            continue
        path = _resolve(use, folder, root, report)
        if path is None or path in seen:
            continue
        seen.add(path)
        used = _read_used(path, use, report)
        if used is not None:
            files.append(used)
            _follow(used, path.parent, root, seen, files, report)


def _resolve(
    use: syntax.Use, folder: Path | None, root: Path | None, report: Report
) -> Path | None:
    if folder is None or root is None:
        report.error("E104", "`use` needs a spec that lies in a folder", use.span, "no folder here")
        return None
    written = Path(use.path)
    inside = not written.is_absolute() and "\\" not in use.path
    path = (folder / written).resolve() if inside else None
    if path is None or not path.is_relative_to(root):
        report.error(
            "E104",
            f'`use "{use.path}"` leaves the folder of the spec',
            use.span,
            "outside",
            help="copy the file beside the spec and use it from there",
        )
        return None
    return path


def _read_used(path: Path, use: syntax.Use, report: Report) -> syntax.File | None:
    try:
        return parse_source(read_source(path))
    except OSError:
        near = [p.name for p in path.parent.glob("*.nn")] if path.parent.is_dir() else []
        report.error(
            "E104",
            f'can\'t read "{use.path}"',
            use.span,
            "no such file",
            help=did_you_mean(path.name, near),
        )
    except Failed as failed:
        for diagnostic in failed.diagnostics:
            at = Label(use.span, "used here")
            labels = (*diagnostic.labels, at)
            report.add(Diagnostic(diagnostic.code, diagnostic.message, labels, diagnostic.help))
    return None
