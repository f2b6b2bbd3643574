"""The page of the lectures: their figures beside ours, in Markdown, with pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from curriculum.lesson import Claim, Lesson, Picture

HEAD = """\
# The lectures, trained

nnc exists so that what five lectures on neural networks teach is a small spec each. This page
holds the lectures' figures beside what training these specs gives. `make curriculum` writes it: it
trains everything in full and measures it, and fails where something is not as it has to be. `make
test` does the same with fewer epochs and seeds.

The lectures are L0 *Artificial Neural Networks* (Sejong), L1 *Artificial neural networks (2)* (data
analysis and machine learning, week 11), L2 *Artificial Neural Network* (Kookmin), L3 *Artificial
Neural Network, XOR by PyTorch* (Konkuk) and L4 *Deep Neural Networks*. Weights are drawn by each
spec's initialisers and seed, never by a framework: our figures are not those of a lecture to the
last digit, and every backend begins alike. Where a lecture has no figure, its column says what has
to hold.
"""


@dataclass(frozen=True)
class Learnt:
    """A lesson with all that was found."""

    lesson: Lesson
    claims: tuple[Claim, ...]
    pictures: tuple[Picture, ...]

    @property
    def holds(self) -> bool:
        return all(claim.holds for claim in self.claims)


def page(sections: Mapping[str, Sequence[Learnt]], trained: str) -> str:
    """The page as Markdown. `trained` says on what the specs were trained."""
    parts = [HEAD, f"{trained}\n", *_overview(sections)]
    for title, lessons in sections.items():
        parts.append(f"## {title}\n")
        for learnt in lessons:
            parts += _lesson(learnt)
    return "\n".join(parts)


def _overview(sections: Mapping[str, Sequence[Learnt]]) -> Iterator[str]:
    yield "| row | what | as it has to be |\n| --- | --- | --- |"
    for lessons in sections.values():
        for learnt in lessons:
            lesson, claims = learnt.lesson, learnt.claims
            told = f"{sum(claim.holds for claim in claims)} of {len(claims)}"
            yield f"| [{lesson.id}](#{_anchor(lesson)}) | {lesson.title} | {told} |"
    yield ""


def _anchor(lesson: Lesson) -> str:
    kept = [c for c in heading(lesson).lower() if c.isalnum() or c in " -_"]
    return "".join(kept).replace(" ", "-")


def heading(lesson: Lesson) -> str:
    """The heading of a lesson."""
    return f"{lesson.id}: {lesson.title}"


def about(lesson: Lesson) -> str:
    """What the page says of a lesson before anything is trained."""
    specs = ", ".join(f"[{spec.split('/')[-1]}.nn](../specs/{spec}.nn)" for spec in lesson.specs)
    lines = [f"The lecture: {lesson.lecture}", f"Judged: {lesson.judged}."]
    if specs:
        lines.append(f"Specs: {specs}.")
    if lesson.seeds:
        lines.append(f"Seeds tried: {', '.join(map(str, lesson.seeds))}.")
    return "  \n".join(lines)


def _lesson(learnt: Learnt) -> Iterator[str]:
    yield f"### {heading(learnt.lesson)}\n"
    yield f"{about(learnt.lesson)}\n"
    yield "| the lecture | ours | holds |\n| --- | --- | --- |"
    for claim in learnt.claims:
        holds = "yes" if claim.holds else "**no**"
        yield f"| {_cell(claim.lecture)} | {_cell(claim.ours)} | {holds} |"
    yield ""
    for picture in learnt.pictures:
        yield f"![{picture.title}](curriculum/{picture.name}.svg)\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
