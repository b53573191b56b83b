"""``python -m autograder export canvas`` and ``moodle``: grades in the columns that these systems import."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...course.manifest import CourseError, Lesson, find_lesson
from ...report.safe_text import safe_text
from ...report.words import number
from ..folders.settings import load_settings
from ..gradebook.marks import ClassMarks, read_class
from ..results.store import Store, write_whole
from ..results.tables import as_csv, is_formula
from .roster import Roster, Row, make_roster, refuse_foreign

SHOWN = 10
# Moodle writes it for no grade, and takes it for none in a column that is not there yet, too.
NO_GRADE = "-"
_CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
# Canvas knows the row by these words.
_POSSIBLE = "    Points Possible"
_MOODLE = ("First name", "Last name", "ID number", "Username", "Email address")


@dataclass(frozen=True)
class ExportRequest:
    """What the command was asked for; without lessons, those that somebody handed in."""

    system: str
    lessons: tuple[str, ...] = ()
    course: Path | None = None
    roster: Path | None = None
    column: str | None = None
    titles: tuple[str, ...] = ()
    out: Path | None = None


def _points(marks: ClassMarks, student: str, lesson: Lesson) -> str | None:
    graded = marks.graded.get((student, lesson.id))
    return None if graded is None else number(graded.points)


def _canvas_row(row: Row) -> list[str]:
    return [row.get(fact) for fact in ("name", "canvas id", "sis user id", "sis login id", "section")]


def canvas_csv(marks: ClassMarks, roster: Roster, titles: Mapping[str, str]) -> str:
    """Return grades in the columns of Canvas's gradebook. An empty cell leaves a grade there as it is."""
    possible = [_POSSIBLE, "", "", "", "", *(number(lesson.points) for lesson in marks.lessons)]
    rows = [possible]
    for row in roster.rows:
        grades = [_points(marks, row.student, lesson) or "" for lesson in marks.lessons]
        rows.append([*_canvas_row(row), *grades])
    return as_csv((*_CANVAS, *(titles[lesson.id] for lesson in marks.lessons)), rows)


def moodle_csv(marks: ClassMarks, roster: Roster, titles: Mapping[str, str]) -> str:
    """Return grades in the columns of Moodle's own export, which its import offers to map."""
    rows = []
    for row in roster.rows:
        person = [row.get(column.casefold().replace(" address", "")) for column in _MOODLE]
        grades = [_points(marks, row.student, lesson) for lesson in marks.lessons]
        rows.append([*person, *(NO_GRADE if grade is None else grade for grade in grades)])
    return as_csv((*_MOODLE, *(titles[lesson.id] for lesson in marks.lessons)), rows)


SYSTEMS = {"canvas": canvas_csv, "moodle": moodle_csv}


def read_titles(lessons: Sequence[Lesson], given: Sequence[str]) -> dict[str, str]:
    """Return the column of each lesson: its id, or what ``NN=TITLE`` in ``given`` says. Raises CourseError."""
    titles = {lesson.id: lesson.id for lesson in lessons}
    for text in given:
        name, separator, title = text.partition("=")
        if not separator or not title.strip():
            raise CourseError(f"--title {text!r}; expected NN=TITLE, such as '01=Pixels (4711)'")
        lesson = find_lesson(name.strip())
        if lesson.id in titles:
            titles[lesson.id] = title.strip()
    if len(set(titles.values())) < len(titles):
        raise CourseError("two lessons have the same title; give each a title of its own")
    return titles


def _names(students: Sequence[str]) -> str:
    shown = ", ".join(safe_text(student, 80, one_line=True) for student in students[:SHOWN])
    return shown + (f" and {len(students) - SHOWN} more" if len(students) > SHOWN else "")


def _warnings(marks: ClassMarks, roster: Roster) -> list[str]:
    """Return what a teacher should know about the file."""
    said = []
    if roster.strangers:
        said.append(f"not in the roster, and left out: {_names(roster.strangers)}")
    keys = ("canvas id", "sis user id", "sis login id", "id number", "username", "email")
    odd = [row.student for row in roster.rows if any(is_formula(row.get(key)) for key in keys)]
    if odd:
        why = "written with ' in front, since a spreadsheet would take them for formulas; remove it by hand"
        said.append(f"{why}: {_names(odd)}")
    ungraded = {student for student, lesson, _ in marks.look() if (student, lesson.id) not in marks.graded}
    if ungraded:
        said.append(f"handed in and not graded yet: {_names(sorted(ungraded))}")
    return said


def export_grades(request: ExportRequest) -> int:
    """Write the file and return the exit status: 1 where somebody should look. Raises CourseError."""
    settings = load_settings(request.course)
    marks = read_class(settings, [find_lesson(name) for name in request.lessons])
    if not marks.lessons:
        raise CourseError(f"nobody handed in {', '.join(request.lessons) or 'anything'}: there are no grades")
    if marks.trouble:
        raise CourseError(f"{marks.trouble}; nothing was exported, since marks given by hand would be missing")
    titles = read_titles(marks.lessons, request.titles)
    if request.roster is not None:
        refuse_foreign(request.roster, request.system)
    roster = make_roster(marks, request.roster, request.column)
    out = (request.out or Store(settings.coursedir).folder / f"{request.system}.csv").resolve()
    write_whole(out, SYSTEMS[request.system](marks, roster, titles))
    print(f"{out}: {len(roster.rows)} students, {', '.join(titles[lesson.id] for lesson in marks.lessons)}")
    if roster.column:
        unmatched = [row.student for row in roster.rows if row.student not in marks.people]
        left = f"; not of: {_names(unmatched)}" if unmatched else ""
        print(f"column {roster.column}: {len(roster.rows) - len(unmatched)} rows match a student's folder{left}")
    warnings = _warnings(marks, roster)
    for warning in warnings:
        print(f"autograder: {warning}", file=sys.stderr)
    return 1 if warnings else 0
