"""What the class page says in numbers: one table behind each of its figures."""

from __future__ import annotations

import contextlib
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np

from ...checks.catalogue import catalogue
from ...course.manifest import CourseError, Exercise, Lesson
from ...report.safe_text import safe_text
from ...report.words import title_of
from ..gradebook.marks import ClassMarks, Mark
from ..results.tables import Table

BINS = 10
ALL = "all lessons"
NAME, REASON = 120, 300


def shown_name(student: str) -> str:
    """Return a student's name as page and tables show it."""
    return safe_text(student, NAME, one_line=True)


def said_name(marks: ClassMarks, student: str) -> tuple[str, str]:
    """Return a student's folder and, where it is known, the name, as page and tables show them."""
    name = marks.people[student].name if student in marks.people else student
    return shown_name(student), "" if name == student else safe_text(name, NAME, one_line=True)


def mark_kind(mark: Mark) -> str:
    """Return ``full``, ``some``, ``none`` or, where nothing was written, ``untouched``."""
    if mark.score >= mark.exercise.points:
        return "full"
    if mark.score > 0:
        return "some"
    return "untouched" if mark.outcome in ("not_attempted", "missing") and not mark.by_hand else "none"


def exercises_of(lessons: Iterable[Lesson]) -> list[tuple[Lesson, Exercise]]:
    """Return every exercise of these lessons, each with its lesson."""
    return [(lesson, exercise) for lesson in lessons for exercise in lesson.exercises]


def _marks(marks: ClassMarks, lesson: Lesson, exercise: Exercise) -> list[Mark]:
    return [mark for graded in marks.of(lesson) for mark in graded.marks if mark.exercise == exercise]


def handed_in_table(marks: ClassMarks) -> Table:
    """Return for each lesson how many handed it in, how many of these are graded, and their points."""
    rows = []
    look = Counter({lesson.id: 0 for lesson in marks.lessons})
    look.update(lesson_id for lesson_id, _ in {(lesson.id, student) for student, lesson, _ in marks.look()})
    for lesson in marks.lessons:
        points = [graded.points for graded in marks.of(lesson)]
        middle = (statistics.median(points), statistics.fmean(points)) if points else (None, None)
        counts = len(marks.handed_in[lesson.id]), len(points), len(marks.absent(lesson)), look[lesson.id]
        rows.append((lesson.id, *counts, *middle, lesson.points))
    columns = ("lesson", "handed in", "graded", "handed in nothing", "need a look", "median", "mean", "points possible")
    return Table("lessons", columns, rows)


def distribution_table(marks: ClassMarks) -> Table:
    """Return how many students lie in each tenth of the points, of each lesson and in all."""
    groups = [(lesson.id, lesson.points, [graded.points for graded in marks.of(lesson)]) for lesson in marks.lessons]
    totals = [total for student in marks.people if (total := marks.total(student)) is not None]
    groups.append((ALL, sum(lesson.points for lesson in marks.lessons), totals))
    rows = []
    for name, possible, points in groups:
        # More than all points (extra credit) counts as all. Rounded, so that 0.3 of 1 lies in the fourth tenth.
        tenths = Counter(min(BINS - 1, int(round(value / possible * BINS, 9))) for value in points)
        step = 100 // BINS
        rows += [(name, tenth * step, (tenth + 1) * step, tenths[tenth]) for tenth in range(BINS)]
    return Table("distribution", ("lesson", "from percent", "to percent", "students"), rows)


def exercise_table(marks: ClassMarks) -> Table:
    """Return for each exercise how many have full, some or no points, or wrote nothing, of those graded."""
    rows = []
    for lesson, exercise in exercises_of(marks.lessons):
        found = _marks(marks, lesson, exercise)
        kinds = Counter(mark_kind(mark) for mark in found)
        counts = tuple(kinds[kind] for kind in ("full", "some", "none", "untouched"))
        rate = 100 * kinds["full"] / len(found) if found else None
        mean = statistics.fmean(mark.score for mark in found) if found else None
        by_hand = sum(mark.by_hand for mark in found)
        rows.append((lesson.id, title_of(exercise), len(found), *counts, rate, mean, exercise.points, by_hand))
    columns = ("lesson", "exercise", "graded", "full points", "some points", "no points", "nothing written")
    return Table("exercises", (*columns, "pass rate percent", "mean points", "points possible", "marked by hand"), rows)


def _hints(lessons: Iterable[Lesson]) -> dict[str, str]:
    hints = {}
    for lesson in lessons:
        # A catalogue that is being edited must not keep a teacher from the figures.
        with contextlib.suppress(CourseError, OSError):
            hints.update({each.id: each.hint for found in catalogue(lesson).values() for each in found})
    return hints


def misconception_table(marks: ClassMarks) -> Table:
    """Return the mistakes that were named, the most common first, with the hint that their students read."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for lesson, exercise in exercises_of(marks.lessons):
        counts.update(
            (lesson.id, title_of(exercise), mark.misconception)
            for mark in _marks(marks, lesson, exercise)
            if mark.misconception
        )
    hints = _hints(marks.lessons)
    rows = [
        (safe_text(id, NAME, one_line=True), count, lesson_id, exercise, hints.get(id, "not in the catalogue"))
        for (lesson_id, exercise, id), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    return Table("misconceptions", ("misconception", "students", "lesson", "exercise", "hint"), rows)


def who_made(marks: ClassMarks) -> dict[str, list[str]]:
    """Return who shows each misconception, by its id."""
    found: dict[str, list[str]] = defaultdict(list)
    for lesson in marks.lessons:
        for graded in marks.of(lesson):
            for mark in graded.marks:
                if mark.misconception:
                    found[mark.misconception].append(graded.student)
    return found


def who_table(marks: ClassMarks) -> Table:
    """Return who shows which misconception, a row for each student, in the order of the table of misconceptions."""
    lessons = {exercise.name: lesson.id for lesson, exercise in exercises_of(marks.lessons)}
    ranked = sorted(who_made(marks).items(), key=lambda item: (-len(item[1]), item[0]))
    rows = [
        (safe_text(id, NAME, one_line=True), *said_name(marks, student), lessons.get(id.partition("/")[0], ""))
        for id, students in ranked
        for student in students
    ]
    return Table("who", ("misconception", "student", "name", "lesson"), rows)


def run_seconds(marks: ClassMarks) -> list[tuple[Lesson, Exercise, list[float]]]:
    """Return for each exercise the seconds that grading it took, of those in which code was run."""
    return [
        (lesson, exercise, [mark.seconds for mark in _marks(marks, lesson, exercise) if mark.seconds > 0])
        for lesson, exercise in exercises_of(marks.lessons)
    ]


def seconds_table(marks: ClassMarks) -> Table:
    """Return for each exercise how long the students' code ran while it was graded."""
    rows = []
    for lesson, exercise, seconds in run_seconds(marks):
        spread = tuple(float(value) for value in np.percentile(seconds, (25, 50, 75, 95, 100))) if seconds else ()
        rows.append((lesson.id, title_of(exercise), len(seconds), *(spread or (None,) * 5), exercise.seconds))
    columns = ("lesson", "exercise", "runs", "25 %", "median seconds", "75 %", "95 %", "longest", "processor limit")
    return Table("seconds", columns, rows)


def look_table(marks: ClassMarks) -> Table:
    """Return who needs a look, and why."""
    rows = [
        (*said_name(marks, student), lesson.id, safe_text(reason, REASON, one_line=True))
        for student, lesson, reason in marks.look()
    ]
    return Table("look", ("student", "name", "lesson", "why"), rows)


def absent_table(marks: ClassMarks) -> Table:
    """Return who handed in nothing of a lesson that others handed in."""
    rows = [(*said_name(marks, student), lesson.id) for lesson in marks.lessons for student in marks.absent(lesson)]
    return Table("nothing", ("student", "name", "lesson"), rows)


def student_table(marks: ClassMarks) -> Table:
    """Return every student's points, lesson by lesson and in all."""
    rows = []
    for student in sorted(marks.people):
        points = (marks.graded.get((student, lesson.id)) for lesson in marks.lessons)
        person = marks.people[student]
        rows.append(
            (
                shown_name(student),
                *(safe_text(name, NAME, one_line=True) for name in (person.last_name, person.first_name)),
                *(None if graded is None else graded.points for graded in points),
                marks.total(student),
            )
        )
    columns = ("student", "last name", "first name", *(lesson.id for lesson in marks.lessons), "total")
    return Table("students", columns, rows)
