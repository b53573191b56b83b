"""Marks follow the facts, dates, hand-ins and exercises: what moved is said, and nothing shown falls unasked."""

from __future__ import annotations

import csv
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from autograder.classroom.exports.grades import ExportRequest, export_grades
from autograder.classroom.folders.settings import load_settings
from autograder.classroom.gradebook.gradebook import open_gradebook
from autograder.classroom.gradebook.marks import read_class
from tests.classroom.course_folder import grade_here, hand_in, kept, scores
from tests.notebooks import LESSON, reference_notebook, with_code

STAMP = "2026-03-01 10:00:00.000000 UTC"
HALF = "def split_rows(n_rows, val_fraction=0.2, seed=0):\n    return [], []\n"
ZERO = '\nc.LateSubmissionPlugin.penalty_method = "zero"\n'


@pytest.fixture
def course(entered: Path, tmp_path: Path) -> Path:
    """A course of which anna handed in everything right, graded, and whose late work earns nothing."""
    folder = shutil.copytree(entered, tmp_path / "course")
    with (folder / "nbgrader_config.py").open("a", encoding="utf-8") as config:
        config.write(ZERO)
    hand_in(folder, "anna", reference_notebook(), stamp=STAMP)
    assert grade_here(folder) == 0
    return folder


def set_due(course: Path, due: datetime | None) -> None:
    with open_gradebook(load_settings(course)) as gradebook:
        gradebook.update_or_create_assignment(LESSON, duedate=due)


def extend(course: Path, days: int) -> None:
    with open_gradebook(load_settings(course)) as gradebook:
        gradebook.grant_extension(LESSON, "anna", days=days)


def by_hand(course: Path, exercise: str, mark: float) -> None:
    with open_gradebook(load_settings(course)) as gradebook:
        grade = gradebook.find_grade(f"check-{exercise}", LESSON, LESSON, "anna")
        grade.manual_score = mark
        gradebook.db.commit()


def show(course: Path) -> None:
    """Do what ``nbgrader generate_feedback`` leaves behind."""
    folder = course / "feedback" / "anna" / LESSON
    folder.mkdir(parents=True)
    (folder / f"{LESSON}.html").write_text("marks", encoding="utf-8")


def points(course: Path) -> float:
    return read_class(load_settings(course)).graded["anna", LESSON].points


def moved(course: Path, name: str = "moved") -> list[dict[str, str]]:
    path = course / "grading" / f"{name}.csv"
    if not path.exists():
        return []
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))


def hand_in_worse(course: Path) -> None:
    hand_in(course, "anna", with_code("split_rows", HALF), stamp="2026-03-02 10:00:00.000000 UTC")


def test_a_date_that_changes_counts_in_the_next_run(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert points(course) == 40
    assert moved(course) == []
    set_due(course, datetime(2026, 2, 28))
    grade_here(course)
    assert points(course) == 0
    said = capsys.readouterr().out
    assert f"anna, {LESSON}, lateness: 0 -> -40 (due 2026-02-28 00:00 UTC, 34.0 hours late)" in said
    extend(course, 2)
    grade_here(course)
    assert points(course) == 40
    assert "lateness: -40 -> 0 (due 2026-03-02 00:00 UTC, in time)" in capsys.readouterr().out
    assert [(row["from"], row["to"]) for row in moved(course)] == [("0", "-40"), ("-40", "0")]
    set_due(course, None)
    grade_here(course)
    assert points(course) == 40


def test_a_penalty_that_is_no_longer_asked_for_goes(course: Path) -> None:
    set_due(course, datetime(2026, 2, 28))
    grade_here(course)
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text(encoding="utf-8").replace(ZERO, ""), encoding="utf-8")
    grade_here(course)
    assert points(course) == 40


def test_what_was_handed_in_again_moves_and_is_listed(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hand_in_worse(course)
    grade_here(course)
    assert scores(course, "anna")["split_rows"] == 0
    assert f"anna, {LESSON}, split_rows: 10 -> 0 (handed in again)" in capsys.readouterr().out
    assert [(row["mark"], row["from"], row["to"], row["why"]) for row in moved(course)] == [
        ("split_rows", "10", "0", "handed in again")
    ]


def test_below_what_was_shown_it_waits_and_changes_nothing(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(course)
    hand_in_worse(course)
    before = kept(course, "anna")
    assert grade_here(course) == 1
    said = capsys.readouterr().out
    assert "marks that wait for --yes: 1" in said
    assert f"anna, {LESSON}: a mark would fall below what the student was shown; add --yes to write it" in said
    assert points(course) == 40
    assert kept(course, "anna") == before
    assert [row["mark"] for row in moved(course, "waiting")] == ["split_rows"]
    assert moved(course) == []
    assert grade_here(course, lower=True) == 0
    assert points(course) == 30
    assert [row["mark"] for row in moved(course)] == ["split_rows"]
    assert moved(course, "waiting") == []


def test_a_penalty_waits_too_where_the_marks_were_shown(course: Path) -> None:
    show(course)
    set_due(course, datetime(2026, 2, 28))
    assert grade_here(course) == 1
    assert points(course) == 40
    assert grade_here(course, lower=True) == 0
    assert points(course) == 0
    extend(course, 2)
    assert grade_here(course) == 0
    assert points(course) == 40


def test_better_work_that_came_late_waits_where_it_is_worth_less(course: Path) -> None:
    """Shown 30 points for work in time; what came late is worth none of its 40."""
    hand_in(course, "anna", with_code("split_rows", HALF), stamp=STAMP)
    grade_here(course)
    show(course)
    set_due(course, datetime(2026, 3, 1, 12))
    hand_in(course, "anna", reference_notebook(), stamp="2026-03-05 10:00:00.000000 UTC")
    assert grade_here(course) == 1
    assert points(course) == 30
    assert [(row["mark"], row["from"], row["to"]) for row in moved(course, "waiting")] == [("total", "30", "0")]
    assert grade_here(course, lower=True) == 0
    assert points(course) == 0


def test_better_work_that_came_late_is_written_where_it_is_worth_more(course: Path) -> None:
    plugin = course / "tenth.py"
    plugin.write_text(
        "from nbgrader.plugins import LateSubmissionPlugin\n\n\nclass Tenth(LateSubmissionPlugin):\n"
        "    def late_submission_penalty(self, student_id, score, total_seconds_late):\n        return score / 10\n",
        encoding="utf-8",
    )
    with (course / "nbgrader_config.py").open("a", encoding="utf-8") as config:
        config.write("import sys\nsys.path.insert(0, str(root))\nc.AssignLatePenalties.plugin_class = 'tenth.Tenth'\n")
    hand_in(course, "anna", with_code("split_rows", HALF), stamp=STAMP)
    grade_here(course)
    show(course)
    set_due(course, datetime(2026, 3, 1, 12))
    hand_in(course, "anna", reference_notebook(), stamp="2026-03-05 10:00:00.000000 UTC")
    assert grade_here(course) == 0
    assert points(course) == 36


@pytest.mark.parametrize("content", ["x;é".encode("cp1252"), b"other,columns\n1,2"])
def test_a_table_that_somebody_else_saved_is_kept(course: Path, content: bytes) -> None:
    path = course / "grading" / "moved.csv"
    path.write_bytes(content)
    hand_in_worse(course)
    grade_here(course)
    assert len(moved(course)) == 1
    assert [each.read_bytes() for each in path.parent.glob("moved-*.csv")] == [content]


def test_a_mark_that_rises_needs_no_word(course: Path) -> None:
    hand_in_worse(course)
    grade_here(course)
    show(course)
    hand_in(course, "anna", reference_notebook(), stamp="2026-03-03 10:00:00.000000 UTC")
    assert grade_here(course) == 0
    assert points(course) == 40


def test_a_mark_by_hand_stands_and_is_said(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_hand(course, "split_rows", 7)
    show(course)
    hand_in_worse(course)
    grade_here(course)
    assert points(course) == 37
    assert (
        "split_rows: the mark given by hand stands (7 of 10, by hand); graded anew it has 0" in capsys.readouterr().out
    )
    assert moved(course) == []


def test_an_exercise_that_came_later_is_said(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The former result knows nothing of an exercise whose cell the notebook lacks."""
    import json

    notebook = reference_notebook()
    notebook["cells"] = [cell for cell in notebook["cells"] if "def split_rows" not in "".join(cell["source"])]
    hand_in(course, "anna", notebook, stamp=STAMP)
    grade_here(course)
    path = course / "grading" / "anna" / LESSON / "result.json"
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    result["exercises"] = [entry for entry in result["exercises"] if entry["name"] != "split_rows"]
    path.write_text(json.dumps(result), encoding="utf-8")
    capsys.readouterr()
    grade_here(course)
    assert f"{LESSON}: split_rows came after 1 handed in" in capsys.readouterr().out


def test_what_waits_is_not_exported(course: Path, tmp_path: Path) -> None:
    show(course)
    hand_in_worse(course)
    grade_here(course)
    roster = tmp_path / "roster.csv"
    roster.write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,\nAnna,1,a1,anna,S\n", encoding="utf-8"
    )
    out = tmp_path / "canvas.csv"
    request = ExportRequest("canvas", (), course, roster, "SIS Login ID", ("01=Pixels (1)",), out)
    export_grades(request)
    assert "40" in out.read_text(encoding="utf-8-sig").splitlines()[-1]
