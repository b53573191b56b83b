"""Lists of students as Canvas, Moodle and people write them, entered into nbgrader's gradebook."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from autograder.__main__ import main
from autograder.classroom.exports import students
from autograder.classroom.exports.roster import name_parts, read_roster
from autograder.classroom.exports.students import read_students
from autograder.course.manifest import CourseError
from tests.classroom.course_folder import database, hand_in, make_course
from tests.notebooks import released_notebook

# As Canvas's gradebook exports it: a byte order mark, a row of hidden grades, the points, the test student at the end.
CANVAS = """\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,"Pixels, read (4711)",Current Score,Final Score
,,,,,Manual Posting,,
    Points Possible,,,,,40.00,(read only),(read only)
"Lovelace, Ada",101,S1,ada,Group 1 and Group 2,38.00,95.00,95.00
"van Rossum, Guido",102,S2,GUIDO@example.org,Group 1,N/A,,0.00
"Müller, Zoë",103,,,Group 2,,,0.00
"Student, Test",104,,3f786850e387550fdab836ed7e6dc881de23001b,Group 1,,,0.00
"""
# With "first and last name" as columns of their own.
CANVAS_SPLIT = """LastName,FirstName,ID,SIS Login ID,Section
    Points Possible,,,,
Lovelace,Ada,101,ada,Group 1
Student,Test,104,3f786850,Group 1
"""
# Moodle's export of grades as a text file, separated by semicolons.
MOODLE_GRADES = """"First name";"Last name";"ID number";Department;"Email address";"Quiz: One (Real)";"Last downloaded"
Ada;Lovelace;;;ada@example.org;9,50;1771234567
Zoë;Müller;;;zoe@example.org;-;1771234567
"""
# What Moodle downloads from the list of participants.
MOODLE_PARTICIPANTS = """"First name","Last name","ID number","Email address"
Ada,Lovelace,4001,ada@example.org
Zoë,Müller,,zoe@example.org
"""
# Moodle's list of participants in German, French and Spanish.
MOODLE_ABROAD = {
    "German": "Vorname;Nachname;E-Mail-Adresse;Gruppen\nAda;Lovelace;ada@example.org;A\nZoë;Müller;zoe@example.org;A\n",
    "French": "Prénom,Nom de famille,Adresse de courriel\nAda,Lovelace,ada@example.org\nZoë,Müller,zoe@example.org\n",
    "Spanish": "Nombre,Apellido(s),Dirección de correo\nAda,Lovelace,ada@example.org\nZoë,Müller,zoe@example.org\n",
}
PLAIN = "name\tlogin\nAda Lovelace\tada\nMüller, Zoë\tzoe\n"


@pytest.fixture
def course(entered: Path, tmp_path: Path) -> Path:
    """A course folder whose gradebook knows a lesson, and no student."""
    return shutil.copytree(entered, tmp_path / "course")


def write(folder: Path, text: str) -> Path:
    path = folder / "list.csv"
    path.write_text(text, encoding="utf-8")
    return path


def run(course: Path, path: Path, *arguments: str) -> int:
    return main(["students", "import", str(path), "--course", str(course), *arguments])


def held(course: Path) -> dict[str, tuple]:
    """Return what the gradebook's table of students says, by the folder's name."""
    with database(course) as connection:
        rows = connection.execute("select id, last_name, first_name, email, lms_user_id from student").fetchall()
    return {row[0]: row[1:] for row in rows}


def test_canvas(course: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert run(course, write(tmp_path, CANVAS)) == 1
    assert held(course) == {
        "ada": ("Lovelace", "Ada", "", "101"),
        "GUIDO@example.org": ("van Rossum", "Guido", "", "102"),
    }
    out, err = capsys.readouterr()
    assert "taken: 2 rows (lines 4-5), by column SIS Login ID" in out
    assert "2 entered: ada (Lovelace, Ada), GUIDO@example.org (van Rossum, Guido)" in out
    assert "left out: line 2 (Manual Posting): nobody's row" in out
    assert "left out: line 3 (Points Possible): Canvas's row of points" in out
    assert "left out: line 6 (Müller, Zoë): nothing in column SIS Login ID" in out
    assert "left out: line 7 (Student, Test): Canvas's test student" in out
    assert "look at the rows that were left out" in err


def test_canvas_with_names_in_two_columns(course: Path, tmp_path: Path) -> None:
    assert run(course, write(tmp_path, CANVAS_SPLIT)) == 0
    assert held(course) == {"ada": ("Lovelace", "Ada", "", "101")}


def test_moodle_grades_by_the_first_column_that_holds_anything(course: Path, tmp_path: Path) -> None:
    assert run(course, write(tmp_path, MOODLE_GRADES)) == 0
    assert held(course) == {
        "ada@example.org": ("Lovelace", "Ada", "ada@example.org", ""),
        "zoe@example.org": ("Müller", "Zoë", "zoe@example.org", ""),
    }


def test_moodle_participants_by_the_column_that_the_folders_are_called_by(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    hand_in(course, "Zoe@example.org", released_notebook())
    assert run(course, write(tmp_path, MOODLE_PARTICIPANTS)) == 0
    assert held(course).keys() == {"ada@example.org", "Zoe@example.org"}
    assert "by column Email address" in capsys.readouterr().out


@pytest.mark.parametrize("text", MOODLE_ABROAD.values(), ids=MOODLE_ABROAD)
def test_moodle_in_other_languages(course: Path, tmp_path: Path, text: str) -> None:
    assert run(course, write(tmp_path, text)) == 0
    assert held(course) == {
        "ada@example.org": ("Lovelace", "Ada", "ada@example.org", ""),
        "zoe@example.org": ("Müller", "Zoë", "zoe@example.org", ""),
    }


def test_folders_called_by_logins_are_found_by_what_stands_before_the_at_sign(course: Path, tmp_path: Path) -> None:
    hand_in(course, "Ada", released_notebook())
    assert run(course, write(tmp_path, MOODLE_ABROAD["German"])) == 0
    assert held(course) == {
        "Ada": ("Lovelace", "Ada", "ada@example.org", ""),
        "zoe": ("Müller", "Zoë", "zoe@example.org", ""),
    }


@pytest.mark.parametrize("text", [CANVAS, CANVAS_SPLIT], ids=["one column", "two columns"])
def test_canvas_s_test_student_stands_in_no_roster(tmp_path: Path, text: str) -> None:
    roster = read_roster(write(tmp_path, text), None, ["ada"])
    assert not [row for row in roster.rows if row.get("name") == "Student, Test" or row.get("last name") == "Student"]
    assert name_parts(roster.rows[0].facts) == ("Ada", "Lovelace")


def test_a_roster_is_matched_by_logins_and_by_the_column_that_fits(tmp_path: Path) -> None:
    german = read_roster(write(tmp_path, MOODLE_ABROAD["German"]), None, ["ada"])
    assert [row.student for row in german.rows] == ["ada", "zoe"]
    # Folders called by Canvas's own numbers, as its uploads are.
    assert read_roster(write(tmp_path, CANVAS), None, ["101"]).column == "ID"


def test_any_csv_and_a_name_in_one_column(course: Path, tmp_path: Path) -> None:
    assert run(course, write(tmp_path, PLAIN)) == 0
    assert held(course) == {"ada": ("Ada Lovelace", "", "", ""), "zoe": ("Müller", "Zoë", "", "")}


def test_a_column_of_another_name(course: Path, tmp_path: Path) -> None:
    assert run(course, write(tmp_path, "Konto,Name\nada,Ada\n"), "--column", "konto") == 0
    assert held(course) == {"ada": ("Ada", "", "", "")}


def test_run_again_it_updates_and_keeps_what_the_file_does_not_tell(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    run(course, write(tmp_path, CANVAS))
    before = held(course)
    capsys.readouterr()
    assert run(course, write(tmp_path, CANVAS)) == 1
    assert held(course) == before
    assert "2 as they were" in capsys.readouterr().out
    assert run(course, write(tmp_path, "login,first name,last name,email\nADA,Ada,King,ada@example.org\n")) == 1
    assert held(course) == before | {"ada": ("King", "Ada", "ada@example.org", "101")}
    out, err = capsys.readouterr()
    assert "1 updated: ada (last name, email)" in out
    assert "known here and not in the file, left as they are: GUIDO@example.org" in err


def test_a_student_named_twice_is_taken_once(course: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert run(course, write(tmp_path, "name,login\nAda,ada\nAda,ADA\n")) == 0
    assert "line 3 (Ada): stands in line 2 already" in capsys.readouterr().out
    assert held(course).keys() == {"ada"}


@pytest.mark.parametrize("name", ["a/b", "a\\b", "ada+1", "*", ".hidden", "x" * 129])
def test_what_can_be_no_folder_is_left_out(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture, name: str
) -> None:
    assert run(course, write(tmp_path, f"name,login\nAda,ada\nBad,{name}\n")) == 1
    assert "left out: line 3" in capsys.readouterr().out
    assert held(course).keys() == {"ada"}


def test_a_dry_run_enters_nothing(course: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    run(course, write(tmp_path, CANVAS), "--dry-run")
    assert "2 entered" in (out := capsys.readouterr().out)
    assert "was not touched" in out
    assert held(course) == {}


def test_a_gradebook_is_made_where_there_is_none(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    course, path = make_course(tmp_path / "course"), write(tmp_path, PLAIN)
    assert run(course, path, "--dry-run") == 0
    assert not (course / "gradebook.db").exists()
    assert run(course, path) == 0
    assert held(course).keys() == {"ada", "zoe"}


def test_a_file_of_other_students_is_refused_unless_asked_for(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    hand_in(course, "ada", released_notebook())
    path = write(tmp_path, "name,login\nBob,bob\n")
    assert run(course, path) == 2
    assert "none of the 1 students is known here: column login holds bob, and the course has ada" in (
        capsys.readouterr().err
    )
    assert held(course) == {}
    assert run(course, path, "--anyway") == 1
    assert held(course).keys() == {"bob"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,mark\nada,1\n", "no column that is known"),
        ("login,email\n,\n", "holds no students"),
        ("login,name\n,Ada\n", "none of its 1 rows has a student"),
        ("login,name\nada,Ada\nada,Bob\n", "lines 2 and 3 are two persons"),
        ("login\n", "holds no students"),
        ('login\n"ada\n', "is no CSV file"),
        (None, "can't be read"),
        (b"login\nM\xfcller\n", "no text in UTF-8"),
    ],
)
def test_a_bad_file_is_refused(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture, text: str | bytes | None, said: str
) -> None:
    path = tmp_path / "list.csv"
    if text is not None:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    assert run(course, path) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1
    assert held(course) == {}


def test_a_locked_gradebook_takes_nothing_half(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.classroom.gradebook.gradebook.PATIENCE", 0.1)
    other = sqlite3.connect(course / "gradebook.db", isolation_level=None)
    other.execute("begin immediate")
    try:
        assert run(course, write(tmp_path, CANVAS)) == 2
    finally:
        other.rollback()
        other.close()
    assert "is locked by another program" in (err := capsys.readouterr().err)
    assert "nothing was imported" in err
    assert held(course) == {}


def test_a_class_of_a_thousand_is_entered_at_once(course: Path, tmp_path: Path) -> None:
    names = [f"student{number:04}" for number in range(1000)]
    text = "login,first name,last name,email\n" + "".join(f"{name},F,L{name},{name}@example.org\n" for name in names)
    assert run(course, write(tmp_path, text)) == 0
    assert sorted(held(course)) == names


def test_a_name_of_someone_elses_keys_is_shown_safely(tmp_path: Path) -> None:
    path = write(tmp_path, "login,name\n\x1b[2Jada,Ada\n")
    with pytest.raises(CourseError, match="none of its 1 rows"):
        read_students(path, None, [])
    assert students._listed(["\x1b[2Jada"]) == "\\x1b[2Jada"
