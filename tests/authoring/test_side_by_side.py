"""Lessons beside each other: the order, the shares of the processors, and a lesson that fails."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from autograder.authoring.lesson_run import Executed
from autograder.authoring.side_by_side import side_by_side
from autograder.course.manifest import Lesson, find_notebook


def stand_in(lesson: Lesson, threads: int, place: int) -> Executed:
    """Take half a second, and say when it was, with which share and on which line."""
    begun = time.time()
    time.sleep(0.5)
    return Executed(lesson, Path(f"{begun} {time.time()} {threads} {place}"), (), 0.5)


def failing(lesson: Lesson, threads: int, place: int) -> Executed:
    """Fail in lesson 01 while the others are under way."""
    if lesson.number == "01":
        raise ValueError("lesson 01 can't run")
    return stand_in(lesson, threads, place)


def lessons(*numbers: str) -> tuple[Lesson, ...]:
    return tuple(find_notebook(number) for number in numbers)


def ran(*numbers: str, cores: int) -> dict[str, tuple[float, float, int, int]]:
    """Return of each lesson when it began and ended, its share, and its line."""
    done = side_by_side(lessons(*numbers), stand_in, cores)
    assert [lesson.number for lesson in done] == list(numbers), "in the order that was asked for"
    parts = {lesson.number: str(found.page).split() for lesson, found in done.items()}
    return {number: (float(b), float(e), int(threads), int(place)) for number, (b, e, threads, place) in parts.items()}


def test_a_lesson_waits_for_those_it_needs_and_for_no_other() -> None:
    found = ran("03", "04", "05", "06", cores=4)
    assert {found["03"][3], found["04"][3]} == {0, 1}, "each has a line of its own"
    assert abs(found["03"][0] - found["04"][0]) < 0.4, "lessons 01 and 02, which 04 needs, are not among them"
    assert found["05"][0] >= found["03"][1], "05 uses the block of 03"
    assert found["06"][0] >= max(found[number][1] for number in ("03", "04", "05"))
    assert [found[number][2] for number in ("03", "04", "06")] == [2, 2, 4], "alone it gets all processors"


def test_one_processor_runs_one_lesson_after_the_other() -> None:
    found = ran("01", "03", cores=1)
    assert found["03"][0] >= found["01"][1]
    assert {share for _, _, share, _ in found.values()} == {1}


def test_what_is_under_way_is_finished_where_another_fails(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="lesson 01 can't run"):
        side_by_side(lessons("01", "03", "07"), failing, 2)
    assert "01_pixel_parsing failed; waiting for 03_residual_block, under way" in capfd.readouterr().err
