"""Nothing grows until nobody can read it."""

from __future__ import annotations

import pytest

from tests.architecture.code import Module, modules

LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 45


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_file_is_read_in_one_sitting(module: Module) -> None:
    assert module.lines <= LINES_OF_A_FILE


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_function_is_seen_at_one_glance(module: Module) -> None:
    long = {
        f"{module.name}:{node.lineno} {node.name}": length
        for node in module.functions()
        if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LINES_OF_A_FUNCTION
    }
    assert long == {}
