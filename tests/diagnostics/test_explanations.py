"""The examples in the explanations do what the pages say."""

from __future__ import annotations

import re

import pytest

import nnc
from nnc.compiler.explain import codes, explanation

_FENCE = re.compile(r"^```nn\n(.*?)^```$", re.MULTILINE | re.DOTALL)
AT_RUN_TIME = ("E6", "E7")
"""What no check of a spec alone can find: weights, data files, backends."""


def examples() -> list[tuple[str, str, bool]]:
    """Code, spec, and whether it is the first of its page: that one shows the mistake."""
    found = []
    for code in codes():
        if not code.startswith(AT_RUN_TIME):
            specs = _FENCE.findall(explanation(code) or "")
            found += [(code, spec, number == 0) for number, spec in enumerate(specs)]
    return found


def given(spec: str) -> set[str]:
    """The codes of what a check says about a spec."""
    _, diagnostics = nnc.compile_text(spec, "example.nn")
    return {diagnostic.code for diagnostic in diagnostics}


def test_there_are_examples() -> None:
    assert examples()


@pytest.mark.parametrize(("code", "spec", "mistaken"), examples())
def test_the_first_example_makes_the_mistake_and_the_others_do_not(
    code: str, spec: str, mistaken: bool
) -> None:
    assert (code in given(spec)) == mistaken
