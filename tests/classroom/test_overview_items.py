"""Difficulty and discrimination: the numbers of a textbook, and flags only where chance does not explain them."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.classroom.gradebook.marks import ClassMarks, Graded, Mark, Person
from autograder.classroom.overview.items import (
    LEAST_STUDENTS,
    NOTHING,
    WRONG_WAY,
    find_items,
    item_table,
    point_biserial,
)
from autograder.classroom.overview.matrix import heat, matrix_table
from autograder.course.manifest import find_lesson

lesson = find_lesson("01")


def class_of(shares: np.ndarray, by_hand: bool = False) -> ClassMarks:
    """Return a class whose students have these shares of each exercise's points; of shape (students, exercises)."""
    names = [f"student{number:03d}" for number in range(len(shares))]
    graded = {}
    for name, row in zip(names, shares, strict=True):
        marks = tuple(
            Mark(exercise, float(share * exercise.points), "passed", None, 1.0, by_hand)
            for exercise, share in zip(lesson.exercises, row, strict=True)
        )
        graded[name, lesson.id] = Graded(name, lesson, marks, 0.0, ())
    return ClassMarks({name: Person(name) for name in names}, (lesson,), {lesson.id: names}, graded)


def made_up(students: int, seed: int = 4) -> np.ndarray:
    """Return shares of four exercises: three go with what a student knows, the second against it."""
    random = np.random.default_rng(seed)
    knows = random.normal(size=students)
    passed = np.stack([knows + random.normal(size=students) * 0.7 > 0 for _ in range(4)], axis=1)
    passed[:, 1] = knows + random.normal(size=students) * 0.3 < 0
    return passed.astype(float)


def test_point_biserial_is_that_of_the_textbook() -> None:
    passed = np.array([True, True, True, False, False])
    rest = np.array([9.0, 7.0, 8.0, 4.0, 6.0])
    found = point_biserial(passed, rest)
    assert found is not None
    p = passed.mean()
    textbook = (rest[passed].mean() - rest[~passed].mean()) / rest.std() * np.sqrt(p * (1 - p))
    assert found[0] == pytest.approx(textbook)
    assert -1 <= found[1] < found[0] < found[2] <= 1


@pytest.mark.parametrize(("passed", "rest"), [([1, 1, 1], [1, 2, 3]), ([1, 0, 1], [2, 2, 2]), ([], [])])
def test_what_does_not_vary_has_no_correlation(passed: list[int], rest: list[float]) -> None:
    assert point_biserial(np.array(passed, bool), np.array(rest, float)) is None


def test_the_exercise_itself_is_no_part_of_the_rest() -> None:
    """Independent exercises: with its own points among the rest, each would go with it."""
    shares = (np.random.default_rng(1).random((400, 4)) > 0.5).astype(float)
    for item in find_items(class_of(shares)):
        assert item.discrimination is not None
        assert abs(item.discrimination) < 0.15


def test_an_exercise_that_tells_the_wrong_way_is_flagged() -> None:
    flags = [item.flag for item in find_items(class_of(made_up(200)))]
    assert flags[1].startswith(WRONG_WAY)
    assert [flags[0], *flags[2:]] == ["", "", ""]


@pytest.mark.parametrize(("share", "who"), [(1.0, "everybody has full points"), (0.0, "nobody has full points")])
def test_an_exercise_that_is_the_same_for_all_tells_nothing(share: float, who: str) -> None:
    shares = made_up(LEAST_STUDENTS)
    shares[:, 0] = share
    item = find_items(class_of(shares))[0]
    assert item.flag == f"{NOTHING}: {who}"
    assert item.difficulty == share
    assert item.discrimination is None


def test_an_exercise_that_goes_with_nothing_is_flagged_in_a_large_class() -> None:
    shares = made_up(1000)
    shares[:, 2] = np.random.default_rng(8).random(1000) > 0.5
    assert find_items(class_of(shares))[2].flag.startswith(NOTHING)


def test_a_tiny_class_is_not_flagged() -> None:
    shares = made_up(LEAST_STUDENTS - 1)
    shares[:, 0] = 1.0
    rows = item_table(class_of(shares)).rows
    assert {row[-1] for row in rows} == {""}
    assert {row[2] for row in rows} == {LEAST_STUDENTS - 1}


def test_matrix_marks_what_a_person_gave() -> None:
    (row,) = matrix_table(class_of(np.array([[1.0, 0.5, 0.0, 1.0]]), by_hand=True)).rows
    assert row == ("student000", "", "10*", "2.5*", "0*", "10*", 22.5)
    (row,) = matrix_table(class_of(np.array([[1.0, 0.5, 0.0, 1.0]]))).rows
    assert row == ("student000", "", 10, 2.5, 0, 10, 22.5)


@pytest.mark.parametrize(
    ("score", "level"),
    [(None, ""), ("–", ""), (0, "h0"), (0.5, "h1"), (5, "h2"), (9.5, "h3"), ("10*", "h4"), (12, "h4")],
)
def test_heat_of_a_cell(score: float | str | None, level: str) -> None:
    assert heat(score, 10.0) == level
