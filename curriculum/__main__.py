"""`make curriculum`: trains every row of the lectures in full and writes docs/curriculum.md."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from curriculum.lesson import Claim, Lesson, Picture
from curriculum.page import Learnt, page
from curriculum.room import Room
from curriculum.table import SECTIONS
from nnc.backends.files import write_whole

DOCS = Path(__file__).resolve().parents[1] / "docs"
PACKAGES = {"onnx": "onnxruntime"}
"""Backends whose package has another name."""


def main() -> int:
    """Train, write, and say what does not hold. Gives the exit code."""
    room = Room()
    sections = {
        title: [_learnt(room, lesson) for lesson in lessons] for title, lessons in SECTIONS.items()
    }
    text = page(sections, _trained(room))
    _write(
        text, [picture for found in sections.values() for one in found for picture in one.pictures]
    )
    return 0 if all(learnt.holds for found in sections.values() for learnt in found) else 1


def _learnt(room: Room, lesson: Lesson) -> Learnt:
    found = list(lesson.learn(room))
    claims = tuple(one for one in found if isinstance(one, Claim))
    learnt = Learnt(lesson, claims, tuple(one for one in found if isinstance(one, Picture)))
    for claim in claims:
        if not claim.holds:
            print(f"{lesson.id}: {claim.lecture}: {claim.ours}", file=sys.stderr)
    print(f"{lesson.id}: {sum(claim.holds for claim in claims)} of {len(claims)}", flush=True)
    return learnt


def _trained(room: Room) -> str:
    """What the specs were trained on, as a sentence."""
    engines = [f"`{name}` ({_version(name)})" for name in room.trained]
    compared = [f"`{b.name}`" for b in room.backends if b.name != "reference"]
    return (
        f"It was trained on the backend that `nnc train` takes by itself: {', '.join(engines)}, "
        "in float32 on the processor. What needs no training was compared on "
        f"{', '.join(compared)} and the reference in NumPy."
    )


def _version(backend: str) -> str:
    package = PACKAGES.get(backend, backend)
    return f"{package} {version(package)}"


def _write(text: str, pictures: Sequence[Picture]) -> None:
    """The page, and its pictures in place of those that were there."""
    folder = DOCS / "curriculum"
    folder.mkdir(exist_ok=True)
    named: Mapping[Path, Picture] = {
        folder / f"{picture.name}.svg": picture for picture in pictures
    }
    for path, picture in named.items():
        write_whole(path, [picture.svg.encode()])
    for path in {*folder.glob("*.svg")} - {*named}:
        path.unlink()
    write_whole(DOCS / "curriculum.md", [text.encode()])


if __name__ == "__main__":
    sys.exit(main())
