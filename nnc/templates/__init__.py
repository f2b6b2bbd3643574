"""Specs to start from. The first line of each, a comment, says what it is.

`NAME.nn` is a template; a `NAME.txt` beside it is the data that it reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

DEFAULT: Final = "xor"
_ORDER: Final = ("xor", "iris", "digits", "cnn", "tagger", "transformer")
_MODEL: Final = re.compile(r"^model \w+", re.MULTILINE)


def names() -> tuple[str, ...]:
    """The templates, the simplest first."""
    return _ORDER


def description(template: str) -> str:
    """What a template is, in a line."""
    return _read(f"{template}.nn").partition("\n")[0].lstrip("# ")


def written(template: str, name: str) -> Iterator[tuple[str, str]]:
    """The files of a new spec called `name`, as pairs of suffix and text; the spec comes first."""
    text = _MODEL.sub(f"model {_camel(name)}", _read(f"{template}.nn"), count=1)
    yield ".nn", text.replace(f'"{template}.txt"', f'"{name}.txt"')
    if f'"{template}.txt"' in _read(f"{template}.nn"):
        yield ".txt", _read(f"{template}.txt")


def _camel(name: str) -> str:
    words = re.findall(r"[^\W_]+", name)
    joined = "".join(word[:1].upper() + word[1:] for word in words)
    return joined if joined and not joined[0].isdigit() else f"Net{joined}"


def _read(file: str) -> str:
    return (files("nnc.templates") / file).read_text(encoding="utf-8")
