"""What a row of the lectures is: what they show, and how our result is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from curriculum.room import Room


@dataclass(frozen=True)
class Claim:
    """A figure of the lecture (or what follows from its formula), ours beside it, and whether ours
    is as it has to be."""

    lecture: str
    ours: str
    holds: bool


@dataclass(frozen=True)
class Picture:
    """An SVG document, and the name of its file."""

    name: str
    title: str
    svg: str


Found: TypeAlias = "Iterable[Claim | Picture]"


@dataclass(frozen=True)
class Lesson:
    """A row of the lectures. L0 … L4 are the lectures, `id` is the row's name."""

    id: str
    title: str
    lecture: str
    """What the lecture shows, with its figures."""
    specs: tuple[str, ...]
    """Paths below `specs/`, without `.nn`."""
    judged: str
    """How our result is judged."""
    learn: Callable[[Room], Found]
    """Trains and measures; raises Failed when nothing can be trained."""
    seeds: tuple[int, ...] = ()
    """The seeds that were tried beside the specs' own."""
