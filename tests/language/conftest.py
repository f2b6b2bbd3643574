"""Collects the Markdown files of this folder as tests; see literate.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.language.literate import Case, cases, rewritten


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix != ".md":
        return None
    file: LiterateFile = LiterateFile.from_parent(parent, path=file_path)
    return file


class LiterateFile(pytest.File):
    """A Markdown file; each spec in it is a test."""

    def collect(self) -> Iterator[pytest.Item]:
        for number, case in enumerate(cases(self.path.read_text(encoding="utf-8"))):
            yield LiterateItem.from_parent(self, name=case.name, case=case, number=number)


class LiterateItem(pytest.Item):
    """One spec and what it gives."""

    def __init__(self, name: str, parent: LiterateFile, *, case: Case, number: int) -> None:
        super().__init__(name, parent)
        self.case = case
        self.number = number

    def runtest(self) -> None:
        results = self.case.results()
        if self.config.getoption("--update-golden"):
            self._update(results)
            return
        for fence, result in zip(self.case.given, results, strict=True):
            assert result == fence.text, (
                f"the {fence.kind} fence differs; `make golden` would write:\n\n{result}"
            )

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None
    ) -> str:
        if excinfo.errisinstance(AssertionError):
            return f"{self.path.name}:{self.case.line}: {excinfo.value}"
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.case.line - 1, self.name

    def _update(self, results: list[str]) -> None:
        """Rewrite the fences of this case, wherever earlier cases have moved them."""
        markdown = self.path.read_text(encoding="utf-8")
        here = cases(markdown)[self.number]
        updated = rewritten(markdown, dict(zip(here.given, results, strict=True)))
        self.path.write_text(updated, encoding="utf-8")
