"""Every exercise has its hints and a few words about its reference; no hint gives the code away."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autograder.checks import hints
from autograder.checks.hints import LEVELS, guidance_of, read_hints
from autograder.course.manifest import CourseError, Exercise, find_lesson, load_course
from autograder.notebook_api.solution import reference_of

EXERCISES = [exercise for lesson in load_course().lessons for exercise in lesson.exercises]


def squeezed(text: str) -> str:
    """Return a text without its blanks, in which a line of code is found however it was wrapped."""
    return re.sub(r"\s", "", text)


def telling_lines(exercise: Exercise) -> list[str]:
    """Return the lines of the reference that hold more than a word or two: ``else:`` tells nothing."""
    lines = (line.split("#")[0].strip() for line in reference_of(exercise).splitlines())
    return [line for line in lines if len(squeezed(line)) >= 12 and re.search(r"[=(\[]", line)]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_every_exercise_has_three_hints_and_a_text_about_it(exercise: Exercise) -> None:
    found = guidance_of(exercise)
    assert len(found.hints) == len(LEVELS) == len(set(found.hints))
    assert "?" in found.hints[0], "the first hint asks"
    assert 2 <= len(re.findall(r"[.!?](?= |$)", found.about)) <= 6
    for text in (*found.hints, found.about):
        assert 30 < len(text) < 700
        assert text[-1] in ".?"


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_no_text_holds_a_line_of_the_reference(exercise: Exercise) -> None:
    lines = telling_lines(exercise)
    assert lines
    for text in (*guidance_of(exercise).hints, guidance_of(exercise).about):
        assert [line for line in lines if squeezed(line) in squeezed(text)] == []


def test_a_line_of_the_reference_would_be_found() -> None:
    line = telling_lines(EXERCISES[1])[-1]
    assert "/" in line
    assert squeezed(line) in squeezed(f"Write {line[:20]}\n  {line[20:]} and be done.")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('parse_pixels: {question: "Why?"}', "parse_pixels: expected question, direction, shape, about; got question"),
        ("parse_pixels: 3", "parse_pixels: expected question, direction, shape, about; got 3"),
        ("parse_pixels: {question: 1, direction: a, shape: b, about: c}", "question: expected a text; got 1"),
        ("nobody: {}", "nobody is no exercise of 01_pixel_parsing"),
        ("- a", "expected exercises with question"),
        ("a: [", "hints.yaml"),
        ("", "has nothing on parse_pixels"),
        (None, "has nothing on parse_pixels"),
    ],
)
def test_what_is_wrong_with_the_file_is_said(
    content: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lesson = find_lesson("01")
    (tmp_path / lesson.room).mkdir()
    if content is not None:
        (tmp_path / lesson.room / "hints.yaml").write_text(content, encoding="utf-8")
    monkeypatch.setattr(hints, "FOLDER", tmp_path)
    read_hints.cache_clear()
    try:
        with pytest.raises(CourseError, match=re.escape(said)):
            guidance_of(lesson.exercises[0])
    finally:
        read_hints.cache_clear()
