"""Lessons beside each other: the order, the shares of the processors, and a lesson that fails."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from autograder.authoring.lesson_run import Executed, results_read
from autograder.authoring.side_by_side import side_by_side
from autograder.course.manifest import Lesson, find_notebook, load_course


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


def test_a_lesson_waits_for_those_whose_results_it_reads_and_for_no_other() -> None:
    found = ran("04", "05", "06", "10", cores=4)
    assert {found["04"][3], found["05"][3]} == {0, 1}, "each has a line of its own"
    assert abs(found["04"][0] - found["05"][0]) < 0.4, "both begin at once"
    assert found["06"][0] >= max(found["04"][1], found["05"][1]), "06 reads the networks of 04 and 05"
    assert found["10"][0] >= found["06"][1], "10 shows its score below those of 06"
    assert [found[number][2] for number in ("04", "05", "06", "10")] == [2, 2, 4, 4], "alone it gets all processors"


def test_what_a_lesson_reads_stands_in_its_cells() -> None:
    named = {lesson.number: results_read(lesson) for lesson in load_course().notebooks if results_read(lesson)}
    assert named == {"06": {"04_two_phase_cnn", "05_resnet_training"}, "10": {"06_kaggle_submission"}}


def test_one_processor_runs_one_lesson_after_the_other() -> None:
    found = ran("01", "03", cores=1)
    assert found["03"][0] >= found["01"][1]
    assert {share for _, _, share, _ in found.values()} == {1}


def test_what_is_under_way_is_finished_where_another_fails(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="lesson 01 can't run"):
        side_by_side(lessons("01", "03", "07"), failing, 2)
    assert "01_pixel_parsing failed; waiting for 03_residual_block, under way" in capfd.readouterr().err
