"""How a lesson ends: three questions whose answers are folded, readings, idiomatic code, what was learned."""

from __future__ import annotations

import re

import pytest

from autograder.authoring.source import read_source
from autograder.course.manifest import Lesson, load_course

COURSE = load_course()
HEADINGS = ["Three questions", "Further reading", "What an experienced person would write", "What you have learned"]
by_lesson = pytest.mark.parametrize("lesson", COURSE.lessons, ids=[lesson.id for lesson in COURSE.lessons])


def sections(lesson: Lesson) -> dict[str, str]:
    """Return the text below each heading of the second level, in the lesson's order."""
    prose = "\n".join(cell.text for cell in read_source(lesson) if cell.kind == "text")
    parts = re.split(r"^## (.+)$", prose, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def numbered(text: str) -> list[str]:
    return re.findall(r"^(\d)\. ", text, re.MULTILINE)


@by_lesson
def test_a_lesson_ends_with_the_same_four_headings(lesson: Lesson) -> None:
    assert list(sections(lesson))[-4:] == HEADINGS


@by_lesson
def test_three_questions_have_three_answers_that_are_folded(lesson: Lesson) -> None:
    asked, _, rest = sections(lesson)["Three questions"].partition("<details><summary>Answers</summary>\n\n")
    answers, closed, _ = rest.partition("\n\n</details>")
    assert closed, "Markdown between <details> and </details> needs an empty line at either end"
    assert numbered(asked) == numbered(answers) == ["1", "2", "3"]


@by_lesson
def test_two_or_three_readings_have_links(lesson: Lesson) -> None:
    readings = re.split(r"^- ", sections(lesson)["Further reading"], flags=re.MULTILINE)[1:]
    assert 2 <= len(readings) <= 3
    assert all("](http" in reading for reading in readings)


def test_who_needs_pytorch_is_sent_to_the_primer() -> None:
    (primer,) = COURSE.ungraded
    first = "\n".join(cell.text for cell in read_source(COURSE.lessons[1])[:2])
    assert f"](../{primer.id}/{primer.id}.ipynb)" in first
