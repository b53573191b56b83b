"""Names of a roster beside the names of folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...course.manifest import CourseError
from ..exports.roster import Row, name_parts, read_roster
from ..gradebook.marks import ClassMarks, Person


@dataclass(frozen=True)
class Named:
    """A class whose people bear the roster's names; ``strangers`` have a folder and do not stand in the roster."""

    marks: ClassMarks
    strangers: Sequence[str] = ()


def _person(row: Row, known: Person | None) -> Person:
    known = known or Person(row.student)
    first, last = name_parts(row.facts)
    names = {"first_name": first, "last_name": last} if first or last else {}
    return replace(known, email=row.get("email") or known.email, **names)


def with_roster(marks: ClassMarks, path: Path | None, column: str | None) -> Named:
    """Return the class with the names of a CSV file; who stands in it and handed in nothing belongs to the class, too.

    Raises CourseError where the file can't be read, has no column of folders' names, or names nobody of the class.
    """
    if path is None:
        if column is not None:
            raise CourseError("--column names a column of --roster FILE.csv; name the file as well")
        return Named(marks)
    folders = sorted({student for students in marks.handed_in.values() for student in students})
    rows = {row.student: row for row in read_roster(path, column, folders).rows}
    people = {student: _person(rows[student], marks.people.get(student)) for student in rows}
    return Named(replace(marks, people={**marks.people, **people}), [each for each in folders if each not in rows])
