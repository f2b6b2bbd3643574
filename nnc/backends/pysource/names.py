"""Identifiers of a generated program: legal, readable and each used for one thing."""

from __future__ import annotations

import builtins
import keyword
import unicodedata
from collections.abc import Iterable

_UNWANTED = frozenset(dir(builtins)) | {"l", "O", "I"}
"""Python's builtins, and names that look like digits."""


def is_usable(text: str) -> bool:
    """Whether the text is an identifier that Python reads as it stands, keywords excluded."""
    return (
        text.isidentifier()
        and not keyword.iskeyword(text)
        and unicodedata.normalize("NFKC", text) == text
        and not text.startswith("__")
    )


def identifier(text: str) -> str:
    """The nearest legal identifier to any text: `layer1.0.conv1` -> `layer1_0_conv1`, `class` ->
    `class_`.

    Python compares identifiers in Unicode's form NFKC, and so does this.
    """
    normal = unicodedata.normalize("NFKC", text)
    made = "".join(c if f"_{c}".isidentifier() else "_" for c in normal) or "_"
    if not made.isidentifier():
        made = f"_{made}"
    made = unicodedata.normalize("NFKC", made)
    if made.startswith("__"):
        made = "_" + made.lstrip("_")
    return f"{made}_" if keyword.iskeyword(made) else made


class Names:
    """Gives identifiers that are unique in one scope.

    `reserved` are taken from the start: the names that the program itself uses (`torch`, `nn`,
    `self`, `main`). Python's builtins are always taken, soft keywords (`match`, `type`) are names
    like others.
    """

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._taken = set(reserved) | _UNWANTED
        self._given: dict[str, str] = {}

    def fresh(self, wish: str) -> str:
        """A name nobody has yet, as near to `wish` as can be: `x`, `x_2`, `x_3`."""
        wish = identifier(wish)
        made = f"{wish}_" if wish in _UNWANTED else wish
        stem, number = wish.rstrip("_") or "value", 2
        while made in self._taken:
            made, number = f"{stem}_{number}", number + 1
        self._taken.add(made)
        return made

    def of(self, key: str, wish: str | None = None) -> str:
        """The name that belongs to `key`: made at the first call from `wish` (or the key), the same
        ever after."""
        if key not in self._given:
            self._given[key] = self.fresh(key if wish is None else wish)
        return self._given[key]

    def child(self) -> Names:
        """Names of an inner scope, in which everything taken here is taken."""
        return Names(self._taken)
