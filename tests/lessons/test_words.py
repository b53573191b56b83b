"""What students read speaks of answers and checks, not of the engine; and the lessons speak alike."""

from __future__ import annotations

import re

import pytest

from autograder.authoring.source import read_source
from autograder.checks import ladders
from autograder.checks.catalogue import catalogue
from autograder.course.manifest import Lesson, load_course

LESSONS = load_course().lessons
by_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.id for lesson in LESSONS])
OF_THE_ENGINE = re.compile(r"\b(rungs?|misconceptions?)\b", re.IGNORECASE)
# A lesson that ends in another way says less than the others.
ENDING = ["Three questions", "Further reading", "What an experienced person would write", "What you have learned"]


def texts(lesson: Lesson) -> list[str]:
    """Return what a lesson says in its text cells."""
    return [cell.text for cell in read_source(lesson) if cell.kind == "text"]


@by_lesson
def test_words_of_the_engine_do_not_reach_students(lesson: Lesson) -> None:
    said = [mistake.hint for mistakes in catalogue(lesson).values() for mistake in mistakes] + texts(lesson)
    for exercise in lesson.exercises:
        said += [exercise.hint, *(rung.looked_at for rung in ladders(lesson)[exercise.name].rungs)]
    assert not [text for text in said if OF_THE_ENGINE.search(text)]


@by_lesson
def test_every_lesson_ends_alike(lesson: Lesson) -> None:
    text = "\n\n".join(texts(lesson))
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings[-len(ENDING) :] == ENDING
    questions, readings = (
        text.partition(f"## {heading}\n")[2].partition("\n## ")[0] for heading in ("Three questions", "Further reading")
    )
    asked, _, answered = questions.partition("<details><summary>Answers</summary>")
    for part in (asked, answered):
        assert re.findall(r"^\d\.", part, re.MULTILINE) == ["1.", "2.", "3."]
    assert answered.rstrip().endswith("</details>")
    assert len(re.findall(r"^- .*?\]\(https?://", readings, re.MULTILINE | re.DOTALL)) >= 1
    assert 2 <= len(re.findall(r"^- ", readings, re.MULTILINE)) <= 3
