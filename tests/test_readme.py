"""What the README shows is what happens: its commands run, and print what stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BROKEN = """model M {
  input  image: f32[3, 8, 8]
  small = image -> Conv2D(4, 3) as conv -> MaxPool2D(2) as pool
  output y = small -> Conv2D(8, 5) as wide
}
"""
FILES = {"broken.nn": BROKEN, "corners.csv": "x0,x1\n0,0\n0,1\n1,0\n1,1\n"}
FAILS = {"nnc check broken.nn"}


def commands() -> list[tuple[str, str]]:
    """Each command of the README's consoles with what it prints."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def masked(text: str) -> str:
    """Without what rounding changes: small numbers in full, the last digits of others."""
    text = re.sub(r"\d\.\de-\d\d", "<small>", text)
    text = re.sub(r"\de[-+]\d\d", "<tiny>", text)
    return re.sub(r"(\d\.\d{3})\d+", r"\1", text)


@pytest.mark.slow
def test_the_tour(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "NO_COLOR": "1"}
    shown = commands()
    assert len(shown) >= 7
    for command, expected in shown:
        program, *arguments = command.split()
        start = [sys.executable, *(["-m", "nnc.cli"] if program == "nnc" else [])]
        ran = subprocess.run(
            [*start, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        printed = ran.stdout if ran.stdout or not expected else ran.stderr
        assert masked(printed) == masked(expected), command
        assert ran.returncode == (1 if command in FAILS else 0), ran.stderr


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
