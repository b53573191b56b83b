"""The class page on when work came in, who its students are, and how a class was graded."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook

from autograder.__main__ import main
from autograder.classroom.folders.settings import load_settings
from autograder.course.manifest import find_lesson
from tests.classroom.made_up_class import make_class
from tests.classroom.test_overview import Tables, read_csv
from tests.notebooks import LESSON

# nbgrader's own, of entering a submission by hand.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
lesson = find_lesson("01")
STUDENTS = ["ada", "bob", "cat", "dan"]
# Handed in at 10 o'clock of the day in March.
DAYS = {"ada": 1, "bob": 3, "cat": 3, "dan": 2}


def change(result: dict[str, Any]) -> None:
    result["timestamp"] = f"2026-03-{DAYS[result['student']]:02d} 10:00:00.000000 UTC"
    if result["student"] == "dan":
        result["isolation"] = "not isolated: bubblewrap is missing"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Due on the second of March at noon; cat has two days more. Bob handed in three times, ada once."""
    course, _ = make_class(tmp_path_factory.mktemp("late") / "course", STUDENTS, [lesson], change=change)
    settings = load_settings(course)
    gradebook = Gradebook(settings.coursedir.db_url, settings.coursedir.course_id)
    gradebook.add_assignment(LESSON, duedate=datetime(2026, 3, 2, 12))
    gradebook.add_student("cat", first_name="Grace", last_name="Hopper")
    gradebook.add_submission(LESSON, "cat", extension=timedelta(days=2))
    gradebook.close()
    inbound = course / "exchange" / settings.coursedir.course_id / "inbound"
    for name in (
        f"ada+{LESSON}+2026-03-01 10:00:00.000000 UTC+x8-_",
        f"bob+{LESSON}+2026-03-03 10:00:00.000000 UTC",
        f"bob+{LESSON}+2026-03-01 09:00:00.000000 UTC",
        f"bob+{LESSON}+2026-03-01 10:30:00.000000 UTC",
        "bob+another_course+2026-03-01 10:30:00.000000 UTC",
        "no hand-in",
        f"bob+{LESSON}+2026-99-99 10:30:00.000000 UTC",
    ):
        (inbound / name).mkdir(parents=True)
    assert main(["overview", "--course", str(course)]) == 0
    return course


@pytest.fixture(scope="module")
def folder(course: Path) -> Path:
    return course / "grading" / "overview"


def page_of(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


def test_who_was_late_extensions_included(folder: Path) -> None:
    (bob,) = read_csv(folder, "late")
    assert bob == {
        "student": "bob",
        "name": "",
        "lesson": LESSON,
        "due (UTC)": "2026-03-02 12:00",
        "handed in (UTC)": "2026-03-03 10:00",
        "hours late": "22",
    }
    assert f"{LESSON}: 1" in page_of(folder)


def test_attempts_are_those_that_the_exchange_keeps(folder: Path) -> None:
    rows = [(row["student"], row["times handed in"], row["first (UTC)"]) for row in read_csv(folder, "attempts")]
    assert rows == [("bob", "3", "2026-03-01 09:00"), ("ada", "1", "2026-03-01 10:00")]
    days = Tables(page_of(folder)).with_columns("day (UTC)", "first", "again")
    assert days == [["2026-03-01", "2", "1"], ["2026-03-03", "0", "1"]]


def test_the_page_says_whose_code_ran_unisolated(folder: Path) -> None:
    page = page_of(folder)
    assert "The code of 1 submissions ran unisolated" in page
    assert "(not isolated: bubblewrap is missing): dan" in page


def test_without_dates_and_exchange_the_page_says_so(tmp_path: Path) -> None:
    course, _ = make_class(tmp_path / "course", ["ada"], [lesson])
    assert main(["overview", "--course", str(course)]) == 0
    page = page_of(course / "grading" / "overview")
    assert "has a due date in the gradebook" in page
    assert "keeps no hand-ins that can be read here" in page
    assert "unisolated, with" not in page


def roster(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "roster.csv"
    path.write_text(text, encoding="utf-8")
    return ["--roster", str(path), "--out", str(tmp_path / "out"), "--no-similar"]


def test_names_of_a_roster(course: Path, tmp_path: Path) -> None:
    text = "student_id,First name,Last name\nADA,Ada,Lovelace\nbob,Bob,<b>\ncat,,\nemmy,Emmy,Noether\n"
    assert main(["overview", "--course", str(course), *roster(tmp_path, text)]) == 0
    names = {row["student"]: row["name"] for row in read_csv(tmp_path / "out", "matrix")}
    # Cat's name is the gradebook's, dan is not in the roster, and emmy handed in nothing.
    assert names == {
        "ada": "Lovelace, Ada",
        "bob": "<b>, Bob",
        "cat": "Hopper, Grace",
        "dan": "",
        "emmy": "Noether, Emmy",
    }
    assert [row["student"] for row in read_csv(tmp_path / "out", "nothing")] == ["emmy"]
    page = page_of(tmp_path / "out")
    assert "Not in the roster, but handed in: dan" in page
    assert "Noether, Emmy (emmy)" in page
    assert "<b>, Bob" not in page
    assert "Not compared, as asked for." in page


def test_a_roster_with_one_column_for_the_whole_name(course: Path, tmp_path: Path) -> None:
    text = 'Student,ID,SIS Login ID\n"Lovelace, Ada",7,ada\n    Points Possible,,\n'
    assert main(["overview", "--course", str(course), *roster(tmp_path, text)]) == 0
    assert read_csv(tmp_path / "out", "matrix")[0]["name"] == "Lovelace, Ada"


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        ("student_id\nzoe\n", [], "its column student_id holds zoe, the folders are called ada"),
        ("a,b\n1,2\n", [], "name one of these with --column: a, b"),
        ("student_id\nada\n", ["--column", "login"], "no column 'login'"),
        ("", [], "holds no students"),
    ],
)
def test_a_roster_that_does_not_fit(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture, text: str, more: list[str], said: str
) -> None:
    assert main(["overview", "--course", str(course), *roster(tmp_path, text), *more]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_column_needs_a_roster(course: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["overview", "--course", str(course), "--column", "login"]) == 2
    assert "name the file as well" in capsys.readouterr().err
