"""``python -m autograder students import FILE``: a list of students of another system's, entered into the gradebook."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from nbgrader.api import Student

from ...course.manifest import CourseError, load_course
from ...report.safe_text import safe_text
from ..folders.handed_in import find_submitted
from ..folders.settings import Settings, load_settings
from ..gradebook.gradebook import GradebookTrouble, name_of, open_gradebook, translated
from ..gradebook.marks import Person, read_people
from .roster import (
    OWN_COLUMNS,
    choose_column,
    facts_of,
    folder_names,
    is_possible_points,
    is_test_student,
    key_column,
    name_parts,
    read_lines,
)

# Of a text that the gradebook's tables hold.
LONGEST = 128
SHOWN = 12
_FACTS = tuple(field.name for field in fields(Person) if field.name != "id")
# Names that nbgrader refuses or takes for something else, besides those that are no name of a folder.
_NO_FOLDER = ("/", "\\", "+", "*")


@dataclass(frozen=True)
class ImportRequest:
    """What is asked for. ``anyway``: whether students of whom none is known may be entered beside the known ones."""

    file: Path
    course: Path | None = None
    column: str | None = None
    anyway: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Left:
    """A row that is no student. ``look``: whether somebody should look at it, because it may have been meant as one."""

    line: int
    who: str
    why: str
    look: bool = True


@dataclass(frozen=True)
class StudentList:
    """The students of a file by the line that they stand in, and the rows that were left out."""

    column: str
    taken: Mapping[int, Person]
    left: Sequence[Left]


def _short(text: str) -> str:
    return safe_text(text, 60, one_line=True)


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - SHOWN:,} more" if len(listed) > SHOWN else ""
    return ", ".join(map(_short, listed[:SHOWN])) + more


def _lines(numbers: Iterable[int]) -> str:
    """Return line numbers as ranges: ``3-9, 11``."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in ranges)


def _person(student: str, facts: Mapping[str, str], canvas: bool) -> Person:
    first, last = name_parts(facts)
    lms = facts["canvas id"] if canvas else ""
    told = {"first_name": first, "last_name": last, "email": facts["email"], "lms_user_id": lms}
    return Person(student, **{name: text[:LONGEST] for name, text in told.items()})


def _why_no_student(row: Sequence[str], student: str, column: str, facts: Mapping[str, str]) -> Left | None:
    """Return why a row is left out, with no line yet; None where it is a student's."""
    who = next((cell.strip() for cell in row if cell.strip()), "")
    if is_possible_points(row):
        return Left(0, who, "Canvas's row of points", look=False)
    if is_test_student(facts):
        return Left(0, who, "Canvas's test student", look=False)
    if not student:
        # Canvas says "Manual Posting" below the columns of some exercises, in a row that is nobody's.
        nobody = not any(facts.values())
        return Left(0, who, "nobody's row" if nobody else f"nothing in column {_short(column)}", look=not nobody)
    unfit = [sign for sign in _NO_FOLDER if sign in student]
    if unfit or student.startswith(".") or not student.isprintable() or len(student) > LONGEST:
        said = f"it holds {unfit[0]}" if unfit else "it begins with a dot, is too long, or can't be printed"
        return Left(0, student, f"no name that nbgrader takes for a folder: {said}")
    return None


def read_students(path: Path, column: str | None, known: Iterable[str]) -> StudentList:
    """Return the students of a CSV file: of Canvas's gradebook, of Moodle's participants or grades, or of any other.

    ``known`` are the folders' names that there are; they are compared without regard to case, and keep theirs. Raises
    CourseError where the file can't be read, lacks the column, or gives one folder's name to two persons.
    """
    known = list(known)
    columns, lines = read_lines(path, _short(path.name))
    lower = {name.casefold() for name in columns}
    canvas = "id" not in lower or len(OWN_COLUMNS["canvas"] & lower) > 1
    students = [row for _, row in lines if not is_possible_points(row)]
    key = key_column(columns, column) if column else choose_column(columns, students, known)
    taken: dict[int, Person] = {}
    left: list[Left] = []
    stands: dict[str, int] = {}
    for (line, row), cell in zip(lines, folder_names([row for _, row in lines], key, known), strict=True):
        facts = facts_of(columns, row)
        why = _why_no_student(row, cell, columns[key], facts)
        if why is not None:
            left.append(Left(line, why.who, why.why, why.look))
            continue
        person = _person(cell, facts, canvas)
        earlier = stands.setdefault(person.id.casefold(), line)
        if earlier == line:
            taken[line] = person
        elif taken[earlier].name == person.name:
            left.append(Left(line, person.name, f"stands in line {earlier} already", look=False))
        else:
            raise CourseError(
                f"lines {earlier} and {line} are two persons, and both are {_short(cell)} in column "
                f"{_short(columns[key])}; name another column with --column, or correct the file"
            )
    if not taken:
        raise CourseError(
            f"{_short(path.name)}: none of its {len(lines)} rows has a student in column {_short(columns[key])}; "
            f"name another column with --column: {_listed(columns)}"
        )
    return StudentList(columns[key], taken, tuple(left))


def _refuse_strangers(found: StudentList, known: Sequence[str]) -> None:
    """Raise CourseError where nobody of a file is known in a course that knows students."""
    people = found.taken.values()
    if known and not {person.id for person in people} & set(known):
        raise CourseError(
            f"none of the {len(people)} students is known here: column {_short(found.column)} holds "
            f"{_short(next(iter(people)).id)}, and the course has {_listed(known)}; name another column with --column, "
            "or enter them beside these with --anyway"
        )


def changes(people: Iterable[Person], held: Mapping[str, Person]) -> dict[str, dict[str, str]]:
    """Return what the gradebook has to learn, by student. What a file does not tell stays as it is held."""
    found = {}
    for person in people:
        before = held.get(person.id)
        told = {name: getattr(person, name) for name in _FACTS if getattr(person, name)}
        fresh = {name: text for name, text in told.items() if before is None or getattr(before, name) != text}
        if before is None or fresh:
            found[person.id] = fresh
    return found


def _enter(settings: Settings, found: Mapping[str, Mapping[str, str]]) -> None:
    """Write all of it or nothing. Raises GradebookTrouble."""
    with open_gradebook(settings) as gradebook, translated(settings):
        try:
            for student, facts in found.items():
                row = gradebook.db.get(Student, student)
                if row is None:
                    row = Student(id=student, **dict.fromkeys(_FACTS, ""))
                    gradebook.db.add(row)
                for name, text in facts.items():
                    setattr(row, name, text)
            gradebook.db.commit()
        except BaseException:
            gradebook.db.rollback()
            raise


def _said(found: StudentList, learnt: Mapping[str, Mapping[str, str]], held: Mapping[str, Person]) -> list[str]:
    """Return what a teacher reads of the rows: who is new, who changed, what was left out and why."""
    people = list(found.taken.values())
    entered = [person for person in people if person.id not in held]
    updated = {student: facts for student, facts in learnt.items() if student in held}
    said = [f"taken: {len(people)} rows (lines {_lines(found.taken)}), by column {_short(found.column)}"]
    if entered:
        said.append(f"  {len(entered)} entered: {_listed(f'{each.id} ({each.name})' for each in entered)}")
    if updated:
        facts = (f"{student} ({', '.join(names).replace('_', ' ')})" for student, names in updated.items())
        said.append(f"  {len(updated)} updated: {_listed(facts)}")
    same = len(people) - len(entered) - len(updated)
    said += [f"  {same} as they were"] if same else []
    by_reason: dict[str, list[Left]] = {}
    for each in found.left:
        by_reason.setdefault(each.why, []).append(each)
    for why, rows in by_reason.items():
        who = _listed(dict.fromkeys(row.who for row in rows if row.who))
        said.append(f"left out: line {_lines(row.line for row in rows)}{f' ({who})' if who else ''}: {why}")
    return said


def _warnings(found: StudentList, known: Sequence[str]) -> list[str]:
    people = list(found.taken.values())
    said = []
    if not any(person.last_name or person.first_name for person in people):
        said.append("no names: none of the columns is called name, or first name and last name; call it so in the file")
    missing = sorted(set(known) - {person.id for person in people})
    if missing:
        said.append(f"known here and not in the file, left as they are: {_listed(missing)}")
    if any(each.look for each in found.left):
        said.append("look at the rows that were left out: mend the file, then run the same command again")
    return said


def import_students(request: ImportRequest, say: Callable[[str], object] = print) -> int:
    """Enter the students and return the exit status: 1 where somebody should look. Raises CourseError."""
    settings = load_settings(request.course)
    try:
        held = read_people(settings)
        handed_in = (each for lesson in load_course().lessons for each in find_submitted(settings.coursedir, lesson))
        known = sorted({*held, *(each.student for each in handed_in)})
        found = read_students(request.file, request.column, known)
        if not request.anyway:
            _refuse_strangers(found, known)
        learnt = changes(found.taken.values(), held)
        if learnt and not request.dry_run:
            _enter(settings, learnt)
    except GradebookTrouble as error:
        raise CourseError(f"{error}; nothing was imported") from None
    for line in _said(found, learnt, held):
        say(line)
    say(
        f"{name_of(settings)} was not touched (--dry-run)"
        if request.dry_run
        else f"all of it is in {name_of(settings)}"
    )
    warnings = _warnings(found, known)
    for warning in warnings:
        print(f"autograder: {warning}", file=sys.stderr)
    return 1 if warnings else 0
