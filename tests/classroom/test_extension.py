"""More time for one student: granted before and after something was handed in, shown, taken back."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from autograder.__main__ import main
from autograder.classroom.folders.settings import load_settings
from autograder.classroom.gradebook.gradebook import open_gradebook
from autograder.classroom.gradebook.marks import read_class
from autograder.classroom.overview.hand_ins import read_hand_ins
from tests.classroom.course_folder import grade_here, hand_in, make_course
from tests.notebooks import LESSON, released_notebook


@pytest.fixture
def course(entered: Path, tmp_path: Path) -> Path:
    """A course folder whose gradebook knows a lesson, with a due date, and the student ada."""
    folder = shutil.copytree(entered, tmp_path / "course")
    with open_gradebook(load_settings(folder)) as gradebook:
        gradebook.update_or_create_assignment(LESSON, duedate=datetime(2026, 2, 28, 10))
        gradebook.update_or_create_student("ada")
    return folder


def run(course: Path, *arguments: str) -> int:
    return main(["extension", *arguments, "--course", str(course)])


def held(course: Path) -> dict[str, timedelta | None]:
    with open_gradebook(load_settings(course)) as gradebook:
        return {each.student_id: each.extension for each in gradebook.assignment_submissions(LESSON)}


def test_granted_before_anything_was_handed_in_it_counts_after(course: Path, capsys: pytest.CaptureFixture) -> None:
    assert run(course, "ada", "01", "--days", "1") == 0
    assert held(course) == {"ada": timedelta(days=1)}
    assert "ada, 01_pixel_parsing: 1 day more, due 2026-03-01 10:00 UTC" in capsys.readouterr().out
    settings = load_settings(course)
    assert read_class(settings).handed_in[LESSON] == []
    # Both came exactly a day after the due date.
    hand_in(course, "ada", released_notebook())
    hand_in(course, "bob", released_notebook())
    grade_here(course, "01")
    assert held(course) == {"ada": timedelta(days=1), "bob": None}
    late = read_hand_ins(settings, read_class(settings)).late()
    assert set(late) == {("bob", LESSON)}


def test_it_is_replaced_shown_and_taken_back(course: Path, capsys: pytest.CaptureFixture) -> None:
    run(course, "ada", "1", "--hours", "36")
    assert held(course) == {"ada": timedelta(hours=36)}
    capsys.readouterr()
    assert run(course) == 0
    assert capsys.readouterr().out == "ada, 01_pixel_parsing: 1 day 12 hours more, due 2026-03-01 22:00 UTC\n"
    assert run(course, "ada", "02") == 0
    assert "no extensions" in capsys.readouterr().out
    assert run(course, "ada", "01", "--days", "0") == 0
    assert "taken back" in capsys.readouterr().out
    assert held(course) == {"ada": None}


def test_who_handed_in_need_not_stand_in_the_gradebook(course: Path) -> None:
    hand_in(course, "bob", released_notebook())
    assert run(course, "bob", "01", "--days", "2") == 0
    assert held(course) == {"bob": timedelta(days=2)}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("adda", "01", "--days", "1"), "did you mean ada?"),
        (("zoe", "01", "--days", "1"), "students import FILE.csv"),
        (("ada", "77", "--days", "1"), "77"),
        (("ada", "01", "--days", "-1"), "expected an extension of 0 to"),
        (("ada", "01", "--days", "nan"), "take a number"),
        (("ada", "01", "--hours", "1e300"), "take a number"),
        (("--days", "1"), "need a student and a lesson"),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    course: Path, capsys: pytest.CaptureFixture, arguments: tuple[str, ...], said: str
) -> None:
    assert run(course, *arguments) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1
    assert held(course) == {}


def test_without_a_due_date_it_says_how_to_set_one(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    course = make_course(tmp_path / "course")
    assert run(course) == 0
    assert not (course / "gradebook.db").exists()
    hand_in(course, "bob", released_notebook())
    assert run(course, "bob", "01", "--days", "2") == 0
    assert "nbgrader db assignment add 01_pixel_parsing --duedate" in capsys.readouterr().out
