"""The guide for teachers speaks of every lesson, of mistakes that the catalogue knows and times that were measured."""

from __future__ import annotations

import re
from functools import cache

import pytest

from autograder.checks.catalogue import catalogue
from autograder.course.manifest import ROOT, Lesson, find_exercise, load_course

GUIDE = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
MEASURED = (ROOT / "docs" / "measured.md").read_text(encoding="utf-8")
LESSONS = load_course().notebooks
by_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.id for lesson in LESSONS])
NAMED = re.compile(r"`(\w+/[a-z0-9-]+)`")


@cache
def section(lesson: Lesson) -> str:
    """Return what the guide says of a lesson."""
    found = re.search(rf"^### {lesson.id}\n(.*?)(?=^##)", GUIDE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/teaching.md has no section '### {lesson.id}'"
    return found[1]


def known(lesson: Lesson) -> set[str]:
    """Return the ids of the lesson's mistakes."""
    return {mistake.id for mistakes in catalogue(lesson).values() for mistake in mistakes}


@by_lesson
def test_every_lesson_has_its_section(lesson: Lesson) -> None:
    text = section(lesson)
    parts = ("Aims", "Mistakes to expect", "To ask in class", "Vary", "Marking")
    places = [text.find(f"**{part}.**") for part in parts]
    assert -1 not in places, f"{lesson.id}: expected {', '.join(parts)}"
    assert places == sorted(places)
    questions = re.findall(r"^\d\. \*(.+?)\?\*(.*?)(?=^\d\.|^$)", text, re.MULTILINE | re.DOTALL)
    assert len(questions) == 3
    assert all(len(answer.split()) >= 8 for _, answer in questions), "a question needs what a good answer holds"


@by_lesson
def test_mistakes_named_are_those_of_the_lesson(lesson: Lesson) -> None:
    named = set(NAMED.findall(section(lesson)))
    assert named <= known(lesson)
    assert {find_exercise(id.partition("/")[0]).name for id in named} == {e.name for e in lesson.exercises}


def test_no_mistake_is_named_outside_of_its_lesson() -> None:
    inside = [id for lesson in LESSONS for id in NAMED.findall(section(lesson))]
    exercises = {exercise.name for lesson in LESSONS for exercise in lesson.exercises}
    assert inside == [id for id in NAMED.findall(GUIDE) if id.partition("/")[0] in exercises]
    assert len(inside) == len(set(inside))


@by_lesson
def test_marking_takes_what_was_measured(lesson: Lesson) -> None:
    told = section(lesson).partition("**Marking.**")[2]
    measured = re.search(rf"^\| {lesson.number} \([^|]*\| [\d.]+ s \| ([\d.]+) s \|", MEASURED, re.MULTILINE)
    if measured:
        assert told.startswith(f" {measured[1]} s")
    else:
        assert told.startswith((" Not measured", " Nothing to mark"))
