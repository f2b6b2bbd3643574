"""Every row of the lectures, trained with few epochs and seeds; the page about them; and that no
spec of the lectures stands there unused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from curriculum.lesson import Claim, Lesson
from curriculum.page import about, heading
from curriculum.room import Room
from curriculum.table import LESSONS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "curriculum.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def room() -> Room:
    return Room(short=True)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.id)
def test_ours_is_as_it_has_to_be(room: Room, lesson: Lesson) -> None:
    claims = [found for found in lesson.learn(room) if isinstance(found, Claim)]
    assert claims
    assert [f"{claim.lecture}: {claim.ours}" for claim in claims if not claim.holds] == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.id)
def test_the_page_has_every_row(lesson: Lesson) -> None:
    part = PAGE.partition(f"\n### {heading(lesson)}\n")[2].partition("\n### ")[0]
    assert part, "run: make curriculum"
    assert about(lesson) in part, "run: make curriculum"
    assert "| yes |" in part


def test_everything_on_the_page_holds() -> None:
    assert "**no**" not in PAGE


def test_every_picture_is_shown() -> None:
    shown = {*re.findall(r"\]\((curriculum/\w+\.svg)\)", PAGE)}
    assert shown == {f"curriculum/{path.name}" for path in (ROOT / "docs/curriculum").iterdir()}


def test_rows_have_names_of_their_own() -> None:
    assert len({lesson.id for lesson in LESSONS}) == len(LESSONS)


def test_every_spec_of_the_lectures_is_trained_or_has_a_test() -> None:
    specs = {path.stem for path in (ROOT / "specs" / "curriculum").glob("*.nn")}
    trained = {spec.removeprefix("curriculum/") for lesson in LESSONS for spec in lesson.specs}
    tests = [path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]
    text = "\n".join(path.read_text(encoding="utf-8") for path in tests)
    named = {spec for spec in specs if re.search(rf'["/]{spec}(\.nn)?"', text)}
    assert specs - trained - named == set()
    assert trained - specs - {"examples/digits_cnn"} == set()
