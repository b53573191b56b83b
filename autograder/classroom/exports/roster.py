"""Who a student is in another system: a CSV file that the teacher names, or else nbgrader's own table of students."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...course.manifest import CourseError
from ...report.safe_text import safe_text
from ..gradebook.marks import ClassMarks, Person

# What other systems call the columns of their own exports, in lower case; the first that is there counts. Moodle
# translates them: English, German, French, Spanish.
NAMES: Mapping[str, tuple[str, ...]] = {
    "name": ("student", "name", "full name", "vollständiger name", "nom complet", "nombre completo"),
    "first name": ("first name", "first_name", "firstname", "given name", "vorname", "prénom", "nombre"),
    "last name": (
        *("last name", "surname", "last_name", "lastname", "family name", "nachname", "nom de famille", "nom"),
        *("apellido(s)", "apellidos", "apellido"),
    ),
    "email": (
        *("email address", "email", "e-mail", "e-mail-adresse", "adresse de courriel", "courriel", "adresse e-mail"),
        *("dirección de correo", "dirección email", "correo electrónico"),
    ),
    "id number": (
        *("id number", "idnumber", "id-nummer", "matrikelnummer", "numéro d'identification", "numéro d’identification"),
        *("número de id", "número de identificación"),
    ),
    "username": (
        *("username", "anmeldename", "benutzername", "nom d'utilisateur", "nom d’utilisateur"),
        "nombre de usuario",
    ),
    "canvas id": ("id", "canvas id", "lms_user_id"),
    "sis user id": ("sis user id",),
    "sis login id": ("sis login id", "login id", "login"),
    "section": ("section", "sections"),
}
# Columns that may hold the names of nbgrader's folders, in the order in which they are looked for.
KEYS = (
    "student_id",
    "student id",
    *NAMES["sis login id"],
    *NAMES["username"],
    *NAMES["id number"],
    *NAMES["email"],
    "sis user id",
    "id",
)


# Columns of each system's own export; a roster with two or more of another system's and none of its own is refused.
OWN_COLUMNS: Mapping[str, frozenset[str]] = {
    "canvas": frozenset({"id", "canvas id", "lms_user_id", "sis user id", "sis login id"}),
    "moodle": frozenset({*NAMES["id number"], *NAMES["username"], *NAMES["email"]} - {"email", "e-mail"}),
}


@dataclass(frozen=True)
class Row:
    """One student: the name of their folder, and what is known of them by the names in ``NAMES``."""

    student: str
    facts: Mapping[str, str]

    def get(self, fact: str) -> str:
        """Return a fact, or nothing where it is not known."""
        return self.facts.get(fact, "")


@dataclass(frozen=True)
class Roster:
    """The students in the file's order, and those with marks that it does not hold; ``column`` names the folders."""

    rows: tuple[Row, ...]
    strangers: tuple[str, ...]
    column: str = ""


def _of_person(person: Person) -> Row:
    facts = {
        "name": person.name,
        "first name": person.first_name,
        "last name": person.last_name,
        "email": person.email,
        "canvas id": person.lms_user_id,
        "id number": person.id,
        "username": person.id,
        "sis login id": person.id,
    }
    return Row(person.id, facts)


def _read_text(path: Path, called: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise CourseError(f"{called} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CourseError(f"{called} is no text in UTF-8; save it as CSV UTF-8") from None


def read_lines(path: Path, called: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the columns of a CSV file and its rows, each with its line in the file, whatever separates its cells.

    Messages call the file ``called``. Raises CourseError.
    """
    text = _read_text(path, called)
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=max((",", ";", "\t"), key=head.count), strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if any(row)]
    except csv.Error as error:
        raise CourseError(f"{called} is no CSV file: {error}") from None
    if len(rows) < 2:
        raise CourseError(f"{called} holds no students; expected a line of columns, then students")
    return [name.strip() for name in rows[0][1]], rows[1:]


def name_parts(facts: Mapping[str, str]) -> tuple[str, str]:
    """Return the first and the last name that a row tells: of its two columns, or of one that holds "Last, First".

    What stands in one column without a comma is a last name.
    """
    first, last = facts.get("first name", ""), facts.get("last name", "")
    if not (first or last):
        last, _, first = (part.strip() for part in facts.get("name", "").partition(","))
    return first, last


def is_test_student(facts: Mapping[str, str]) -> bool:
    """Return whether a row is Canvas's test student, who stands in its gradebook and is nobody."""
    return name_parts(facts) == ("Test", "Student")


def is_possible_points(row: Sequence[str]) -> bool:
    """Return whether a row is the one that Canvas puts below the columns, with the points that are possible."""
    return "Points Possible" in row[0]


def _read_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return a roster's columns and its rows of students. Raises CourseError."""
    columns, lines = read_lines(path, f"--roster {safe_text(str(path))}")
    rows = [row for _, row in lines if not is_possible_points(row)]
    return columns, [row for row in rows if not is_test_student(facts_of(columns, row))]


def key_column(columns: Sequence[str], wanted: str | None) -> int:
    """Return which column is ``wanted``, or else the first that may hold the names of nbgrader's folders.

    Raises CourseError where there is none.
    """
    lower = [column.casefold() for column in columns]
    for name in (wanted.casefold(),) if wanted else KEYS:
        if name in lower:
            return lower.index(name)
    known = ", ".join(safe_text(column, 40, one_line=True) for column in columns)
    asked = f"no column {wanted!r}" if wanted else "no column that is known to hold the names of nbgrader's folders"
    raise CourseError(f"the roster has {asked}; name one of these with --column: {known}")


def _cell(row: Sequence[str], column: int) -> str:
    return row[column].strip() if column < len(row) else ""


def before_at(name: str) -> str:
    """Return the login that an address of mail begins with; another name as it is."""
    return name.partition("@")[0] or name


def folder_names(rows: Sequence[Sequence[str]], column: int, known: Iterable[str]) -> list[str]:
    """Return for each row the name of the student's folder: what ``column`` holds, spelled as among ``known``.

    Where more of the known folders are called as the part before @, that counts for every row.
    """
    names = {name.casefold(): name for name in known}
    cells = [_cell(row, column) for row in rows]
    whole, logins = ({each.casefold() for each in made} & set(names) for made in (cells, map(before_at, cells)))
    if len(logins) > len(whole):
        cells = list(map(before_at, cells))
    return [names.get(cell.casefold(), cell) for cell in cells]


def choose_column(columns: Sequence[str], rows: Sequence[Sequence[str]], known: Iterable[str]) -> int:
    """Return the column that names most of the folders that are known, or else the first that holds anything.

    Raises CourseError where no column is known to hold names of folders.
    """
    lower = [column.casefold() for column in columns]
    candidates = [lower.index(name) for name in KEYS if name in lower]
    folders = set(known)

    def fits(column: int) -> tuple[int, bool]:
        cells = folder_names(rows, column, folders)
        return len(folders & set(cells)), any(cells)

    return max(candidates, key=fits) if candidates else key_column(columns, None)


def facts_of(columns: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    """Return what a row tells of a student, by the names in ``NAMES``; nothing where it does not."""
    cells = {column.casefold(): cell.strip() for column, cell in zip(columns, row, strict=False)}
    return {fact: next((cells[name] for name in names if cells.get(name)), "") for fact, names in NAMES.items()}


def read_roster(path: Path, column: str | None, students: Iterable[str]) -> Roster:
    """Return the students of a CSV file, each with the folder among ``students`` that ``column`` names.

    Names are compared without regard to case. Raises CourseError where the file can't be read, lacks the column, or
    names a folder twice.
    """
    columns, rows = _read_rows(path)
    folders: dict[str, str] = {}
    for student in students:
        other = folders.setdefault(student.casefold(), student)
        if other != student:
            raise CourseError(
                f"the folders {safe_text(other)} and {safe_text(student)} differ in case only; rename one"
            )
    known = set(folders.values())
    key = key_column(columns, column) if column else choose_column(columns, rows, known)
    found: dict[str, Row] = {}
    for row, student in zip(rows, folder_names(rows, key, known), strict=True):
        if not student:
            continue
        if student in found:
            raise CourseError(
                f"the roster names {safe_text(student, 80)} twice in column {safe_text(columns[key], 40)}"
            )
        found[student] = Row(student, facts_of(columns, row))
    if not known & set(found):
        shown = [safe_text(next(iter(names), "nobody"), 40, one_line=True) for names in (found, folders.values())]
        raise CourseError(
            f"no row of the roster matches a graded folder: its column {safe_text(columns[key], 40)} holds "
            f"{shown[0]}, the folders are called {shown[1]}; name another column with --column"
        )
    return Roster(tuple(found.values()), tuple(sorted(known - set(found))), columns[key])


def refuse_foreign(path: Path, system: str) -> None:
    """Raise CourseError where a roster's columns are those of another system than ``system``."""
    columns = {column.casefold() for column in _read_rows(path)[0]}
    others = [other for other, own in OWN_COLUMNS.items() if other != system and len(own & columns) > 1]
    if others and not OWN_COLUMNS[system] & columns:
        raise CourseError(
            f"the roster is {others[0].title()}'s, and the export is for {system.title()}; "
            f"give the list of students that {system.title()} exports"
        )


def make_roster(marks: ClassMarks, path: Path | None, column: str | None) -> Roster:
    """Return who is to be graded elsewhere: the students of the file, or all that are known."""
    if path is None:
        if column is not None:
            raise CourseError("--column names a column of --roster FILE.csv; name the file as well")
        return Roster(tuple(_of_person(marks.people[student]) for student in sorted(marks.people)), ())
    with_marks = sorted({student for student, _ in marks.graded})
    return read_roster(path, column, with_marks)
