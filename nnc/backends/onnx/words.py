"""Texts as numbers of words, in front of a model: what `nnc.backends.pieces.preparations.tokens`
does, with operators of ONNX Runtime (Tokenizer) and of ONNX for machine learning (LabelEncoder).

Small letters: the runtime makes those of ASCII, which needs no locale of a machine. A word with
other letters is looked up in each way in which it may be written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from math import prod
from typing import Final

MOST_SPELLINGS: Final = 1_000_000
"""Of all words together."""
_BEYOND_SPACES: Final = 0x3001
"""No sign from here on is white space."""
_BEYOND_CAPITALS: Final = 0x20000
"""No letter from here on is a capital one."""
_DOT: Final = "\u0307"
"""What is left of a Turkish İ in small letters: a sign of its own behind an i."""


@cache
def word_pattern() -> str:
    """Runs of letters, digits and underscores, and every other sign alone, for RE2: Python's `\\w`
    and `\\s` in Unicode."""
    spaces = "".join(f"\\x{{{code:x}}}" for code in range(_BEYOND_SPACES) if chr(code).isspace())
    return rf"[\p{{L}}\p{{N}}_]+|[^\p{{L}}\p{{N}}_{spaces}]"


def numbers_of(words: Sequence[str], *, lower: bool) -> dict[str, int]:
    """Each spelling of each word -> its number, from 2 on; without a word 0."""
    numbers = {"": 0}
    for number, word in enumerate(words, 2):
        for spelling in _spellings(word) if lower else (word,):
            numbers.setdefault(spelling, number)
    return numbers


def hindrance(words: Sequence[str], *, lower: bool) -> str | None:
    """Why words can't be looked up, or None."""
    if not lower:
        return None
    if _DOT in words:
        return "the small letter of İ is two signs: write lower=false"
    if sum(_count(word) for word in words) > MOST_SPELLINGS:
        return "it has small letters for capital ones of ASCII alone: write lower=false"
    return None


def _spellings(word: str) -> Iterator[str]:
    """The texts without capital letters of ASCII that become the word in small letters."""
    for letters in product(*(_letters(letter) for letter in word)):
        spelling = "".join(letters)
        if spelling.lower() == word:
            yield spelling


def _count(word: str) -> int:
    return prod(len(_letters(letter)) for letter in word)


def _letters(small: str) -> tuple[str, ...]:
    """A letter, and the capital ones whose small one it is."""
    return (small, *_capitals().get(small, ()))


@cache
def _capitals() -> Mapping[str, tuple[str, ...]]:
    """Small letters beyond ASCII -> their capital ones. At the end of a word Σ becomes ς."""
    found: dict[str, tuple[str, ...]] = {"ς": ("Σ",)}
    for code in range(128, _BEYOND_CAPITALS):
        letter = chr(code)
        small = letter.lower()
        if small != letter and len(small) == 1 and not small.isascii():
            found[small] = (*found.get(small, ()), letter)
    return found
