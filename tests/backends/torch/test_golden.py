"""Programs that people read: what changes in them is seen in review."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnc.backends.torch.emit import emit
from tests.backends.torch.feeding import program
from tests.conftest import Golden

SPECS = Path(__file__).resolve().parents[3] / "specs"


@pytest.mark.parametrize(
    "name",
    [
        "curriculum/xor",
        "examples/digits_cnn",
        "examples/siamese",
        "examples/tagger",
        "examples/transformer",
        "zoo/resnet18",
    ],
)
def test_the_program_is_as_it_was(name: str, golden: Golden) -> None:
    text = (SPECS / f"{name}.nn").read_text(encoding="utf-8")
    golden(f"{Path(name).name}.py.txt", emit(program(text)).text)
