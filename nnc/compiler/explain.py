"""The long explanations of the codes: one Markdown page each, `explanations/CODE.md`.

The first line of a page is `# CODE: title`.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable


def codes() -> list[str]:
    """Every code that has a page, sorted."""
    names = (page.name for page in _pages().iterdir())
    return sorted(name.removesuffix(".md") for name in names if name.endswith(".md"))


def explanation(code: str) -> str | None:
    """The page of a code, as Markdown; None for an unknown code."""
    # The name is looked up among the pages and never made into a path: it comes from the user.
    if code not in codes():
        return None
    return (_pages() / f"{code}.md").read_text(encoding="utf-8")


def title(code: str) -> str | None:
    """The title of a code's page; None for an unknown code."""
    page = explanation(code)
    return page.partition("\n")[0].partition(": ")[2] if page else None


def _pages() -> Traversable:
    return files("nnc.compiler") / "explanations"
