"""Every code of a diagnostic has its page, and every page its code."""

from __future__ import annotations

import re

import pytest

from nnc.compiler.explain import codes, explanation, title
from tests.architecture.code import PACKAGE, modules

_CODE = re.compile(r"""(["'])([EW]\d{3})\1""")


def used() -> set[str]:
    """The codes that stand as strings anywhere in the source."""
    return {match[2] for module in modules(PACKAGE) for match in _CODE.finditer(module.text)}


def test_every_code_has_a_page() -> None:
    assert sorted(used() - set(codes())) == []


def test_every_page_is_of_a_code_that_is_given() -> None:
    assert sorted(set(codes()) - used()) == []


def test_a_page_has_a_title_and_says_something() -> None:
    for code in codes():
        page = explanation(code) or ""
        first, _, rest = page.partition("\n")
        assert re.fullmatch(rf"# {code}: \S.*", first), f"{code}.md begins with {first!r}"
        assert title(code) == first.removeprefix(f"# {code}: ")
        assert len(rest.strip()) > 80, f"{code}.md says too little"


@pytest.mark.parametrize("code", ["E000", "", "../explain", "E101/../E101", "e101\0", "__init__"])
def test_what_is_not_a_code_has_no_page(code: str) -> None:
    assert explanation(code) is None
    assert title(code) is None
