"""What the tests of the command line share: a folder with specs, and two ways to run `nnc`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nnc.cli.group import group

XOR = """\
model Xor {
  input  x: f32[2]
  output p = x -> Dense(2) -> sigmoid -> Dense(1) -> sigmoid
}
"""
WRONG = "model Xor { input x: f32[2]  output p = x -> Dence(2) }\n"
WARNED = """\
model M {
  input  x: f32[2]
  h = x -> Dense(3)
  output p = x -> Dense(1)
}
"""

Nnc = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the working directory, with three specs."""
    (tmp_path / "xor.nn").write_text(XOR, encoding="utf-8")
    (tmp_path / "wrong.nn").write_text(WRONG, encoding="utf-8")
    (tmp_path / "warned.nn").write_text(WARNED, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def nnc(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Nnc:
    """`nnc(*arguments, input=…)` in this process."""
    monkeypatch.delenv("NNC_DEBUG", raising=False)

    def run(*arguments: str, input: str | bytes | None = None) -> Result:
        return CliRunner().invoke(group, list(arguments), input=input)

    return run


def process(
    *arguments: str, input: bytes = b"", cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """`nnc` in a process of its own."""
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(
        [sys.executable, "-m", "nnc", *arguments],
        input=input,
        capture_output=True,
        check=False,
        cwd=cwd,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(root), **environment},
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
