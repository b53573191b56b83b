"""How hard each exercise is, and whether it tells those who know much from those who know little."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

import numpy as np

from ...course.manifest import Exercise, Lesson
from ...report.words import title_of
from ..gradebook.marks import ClassMarks
from ..results.tables import Table

# Fewer students say nothing about an exercise that another class would not contradict.
LEAST_STUDENTS = 20
# What handbooks of testing take for the least discrimination of a useful item.
USEFUL = 0.2
# Of the normal distribution, for an interval that holds 99 %: of fifty exercises few are flagged by chance.
_SPREAD = 2.576
NOTHING, WRONG_WAY = "tells nothing", "tells the wrong way"


@dataclass(frozen=True)
class Item:
    """An exercise as a question of a test. ``students`` have it and something else graded.

    ``difficulty`` is the mean share of its points that they reach, from 0 (nobody anything) to 1. ``discrimination`` is
    the point-biserial correlation between having full points and the share of all other points, ``low`` to ``high`` its
    99 % interval; None where it is not defined, because all or none have full points, or the others are all the same.
    """

    lesson: Lesson
    exercise: Exercise
    students: int
    full: int
    difficulty: float | None
    discrimination: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def flag(self) -> str:
        """What is wrong with it beyond chance, nothing where it is fine or the class is too small to tell."""
        if self.students < LEAST_STUDENTS:
            return ""
        if self.full in (0, self.students):
            who = "everybody has" if self.full else "nobody has"
            return f"{NOTHING}: {who} full points"
        if self.high is not None and self.high < 0:
            return f"{WRONG_WAY}: who has full points has fewer elsewhere"
        if self.high is not None and self.high < USEFUL:
            return f"{NOTHING}: full points here go with nothing elsewhere"
        return ""


def point_biserial(passed: np.ndarray, rest: np.ndarray) -> tuple[float, float, float] | None:
    """Return the correlation of a yes or no, bool of shape (n,), with numbers of that shape, and its 99 % interval.

    The interval is Fisher's; of fewer than four it is everything. The result is None where either does not vary.
    """
    if len(passed) < 2 or not passed.std() or rest.std() < 1e-9:
        return None
    value = float(np.clip(np.corrcoef(passed.astype(float), rest)[0, 1], -1, 1))
    if len(passed) < 4:
        return value, -1.0, 1.0
    middle, half = np.arctanh(np.clip(value, -0.999999, 0.999999)), _SPREAD / np.sqrt(len(passed) - 3)
    return value, float(np.tanh(middle - half)), float(np.tanh(middle + half))


def find_items(marks: ClassMarks) -> list[Item]:
    """Return every exercise of the lessons that were handed in."""
    earned: dict[str, float] = {}
    possible: dict[str, float] = {}
    for graded in marks.graded.values():
        earned[graded.student] = earned.get(graded.student, 0.0) + sum(mark.score for mark in graded.marks)
        possible[graded.student] = possible.get(graded.student, 0.0) + graded.lesson.points
    items = []
    for lesson in marks.lessons:
        for place, exercise in enumerate(lesson.exercises):
            scores, rest = [], []
            for graded in marks.of(lesson):
                others = possible[graded.student] - exercise.points
                if others > 0:
                    score = graded.marks[place].score
                    scores.append(score)
                    rest.append((earned[graded.student] - score) / others)
            full = [score >= exercise.points for score in scores]
            share = statistics.fmean(score / exercise.points for score in scores) if scores else None
            found = point_biserial(np.array(full, bool), np.array(rest))
            items.append(Item(lesson, exercise, len(scores), sum(full), share, *(found or ())))
    return items


def item_table(marks: ClassMarks) -> Table:
    """Return for each exercise its difficulty, its discrimination and what is wrong with it."""
    columns = ("lesson", "exercise", "students", "full points", "mean share of points", "discrimination")
    rows = [
        (
            item.lesson.id,
            title_of(item.exercise),
            item.students,
            item.full,
            item.difficulty,
            item.discrimination,
            item.low,
            item.high,
            item.flag,
        )
        for item in find_items(marks)
    ]
    return Table("items", (*columns, "99 % from", "99 % to", "remark"), rows)
