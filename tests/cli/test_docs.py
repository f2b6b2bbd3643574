"""The pages say what is so: specs are clean, commands run, links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nnc
from nnc.catalogue import to_markdown
from tests.cli.conftest import Nnc

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
_SPEC = re.compile(r"^```nn\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")

ALL_BACKENDS = "nnc verify xor.nn"
"""Takes seconds for every framework; here it runs with one."""


def specs() -> list[tuple[str, str]]:
    return [(page.name, spec) for page in PAGES for spec in _SPEC.findall(page.read_text("utf-8"))]


def commands(page: str) -> list[str]:
    text = (DOCS / page).read_text("utf-8")
    lines = [line for block in _CONSOLE.findall(text) for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def test_the_catalogue_is_up_to_date() -> None:
    assert (DOCS / "catalogue.md").read_text("utf-8") == to_markdown(), (
        "run: python -m nnc.catalogue > docs/catalogue.md"
    )


@pytest.mark.parametrize(("page", "spec"), specs())
def test_a_spec_in_a_page_is_clean(page: str, spec: str) -> None:
    made, diagnostics = nnc.compile_text(spec, page)
    assert [(d.code, d.message) for d in diagnostics] == []
    assert made is not None


@pytest.mark.parametrize(
    "page",
    [
        *("cli.md", "backends.md", "deployment.md"),
        pytest.param("verification.md", marks=pytest.mark.slow),
    ],
)
def test_the_commands_of_a_page_run(nnc: Nnc, folder: Path, page: str) -> None:
    (folder / "corners.csv").write_text("0,0\n0,1\n1,0\n1,1\n")
    nnc("compile", "xor.nn", "--backend", "torch", "-o", "trained.py")
    train = "train { target y: f32[1] loss = mse(p, y) optimizer = adam(0.1) }"
    (folder / "trained.nn").write_text((folder / "xor.nn").read_text("utf-8") + train)
    shown = commands(page)
    assert shown
    for command in shown:
        program, *arguments = command.split()
        if command == ALL_BACKENDS:
            arguments += ["--backend", "onnx"]
        if "--steps" in arguments or "--certificate" in arguments:
            arguments += ["--backend", "torch"]
        assert program == "nnc"
        result = nnc(*arguments)
        assert result.exit_code == 0, f"{command}\n{result.stderr}"


PLANTS = """\
data {
  source = csv("plants.csv")
  x      = columns("long", "wide") -> impute(mean) -> standardize
  color  = column("color") -> category
  kind   = column("kind") -> category
}
model Plants {
  input x: f32[2]
  input color: i64
  named = color -> Embedding(2, 3)
  output p = (x, named) -> Concat -> Dense(2)
}
train { target kind: i64  loss = cross_entropy(p, kind)  optimizer = sgd(lr=0.1)  epochs = 2 }
"""


@pytest.mark.slow
def test_the_python_of_the_page_on_deployment_runs(nnc: Nnc, folder: Path) -> None:
    for backend, output in (("torch", "xor_torch.py"), ("onnx", "xor.onnx")):
        nnc("compile", "xor.nn", "--backend", backend, "-o", output)
    (folder / "xor_torch.safetensors").rename(folder / "trained.safetensors")
    programs = _PYTHON.findall((DOCS / "deployment.md").read_text("utf-8"))
    (folder / "plants.nn").write_text(PLANTS)
    (folder / "plants.csv").write_text("long,wide,color,kind\n5,2,red,oak\n4,,blue,elm\n")
    for command in ("train plants.nn -o run", "export run -o plants.onnx --with-preprocessing"):
        assert nnc(*command.split()).exit_code == 0
    checks = ["assert p.shape == (1, 1)", "assert {*names} <= {'elm', 'oak'}"]
    for program, check in zip(programs, [checks[0], checks[1], checks[0]], strict=True):
        checked = f"{program}{check}\n"
        subprocess.run([sys.executable, "-c", checked], cwd=folder, check=True)


@pytest.mark.slow
def test_the_page_on_training(nnc: Nnc, folder: Path) -> None:
    (folder / "xor.nn").unlink()
    nnc("new", "xor")
    (folder / "corners.txt").write_text("0 0\n0 1\n")
    for command in commands("training.md"):
        program, *arguments = command.split()
        assert program == "nnc"
        result = nnc(*arguments)
        assert result.exit_code == 0, f"{command}\n{result.stderr}"
    by_hand, program = _PYTHON.findall((DOCS / "training.md").read_text("utf-8"))
    assert 0 < float(_said(by_hand, folder)) < 1
    assert _said(program, folder).startswith("finished 0.5")


def _said(program: str, folder: Path) -> str:
    """What a Python program prints."""
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(DOCS.parent)},
        check=True,
        capture_output=True,
        text=True,
    )
    return ran.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text("utf-8")):
        assert (DOCS / link).exists(), link


def test_every_verb_is_on_the_page_of_the_command_line() -> None:
    from nnc.cli.group import VERBS

    text = (DOCS / "cli.md").read_text("utf-8")
    assert [verb for verb in VERBS if f"| `{verb}" not in text] == []
