"""A grade is reproduced with its own seeds, what was asked and answered is shown, and nothing is changed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.__main__ import main
from autograder.classroom.run.job import release_worker
from tests.classroom.course_folder import database, grade_here, hand_in, kept
from tests.notebooks import LESSON, cell_of, reference_notebook, with_code

# Right but for the seed.
UNSEEDED = """
def split_rows(n_rows, val_fraction=0.2, seed=0):
    return np.split(np.random.default_rng().permutation(n_rows), [n_rows - round(n_rows * val_fraction)])
"""
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, entered: Path) -> Iterator[Path]:
    """A course folder, to be copied, with one graded submission: three exercises right, one wrong."""
    course = shutil.copytree(entered, tmp_path_factory.mktemp("graded") / "course")
    hand_in(course, "anna", with_code("split_rows", UNSEEDED))
    grade_here(course)
    yield course
    release_worker()


@pytest.fixture
def course(tmp_path: Path, graded: Path) -> Path:
    return shutil.copytree(graded, tmp_path / "course")


def ask(course: Path, *arguments: str, student: str = "anna", lesson: str = "01") -> int:
    return main(["regrade-request", student, lesson, "--course", str(course), *arguments])


def everything(course: Path) -> dict[str, tuple[int, bytes]]:
    """Return every file of a course folder: when it was changed, and what it holds."""
    paths = [path for path in course.rglob("*") if path.is_file()]
    return {str(path): (os.stat(path).st_mtime_ns, path.read_bytes()) for path in paths}


def change_kept(course: Path, change: dict[str, Any], exercise: dict[str, Any]) -> None:
    """Change what is kept of anna's submission, and of its last exercise."""
    result = kept(course, "anna") | change
    result["exercises"][-1] |= exercise
    (course / "grading" / "anna" / LESSON / "result.json").write_text(json.dumps(result), encoding="utf-8")


def test_a_grade_is_reproduced_and_nothing_changes(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, page = everything(course), tmp_path / "answer.html"
    assert ask(course, "--html", str(page)) == 0
    assert everything(course) == before
    said = capsys.readouterr().out
    entry = kept(course, "anna")["exercises"][-1]
    assert 0 < entry["score"] < 10
    assert f"split_rows: {entry['score']:g} of 10, failed" in said
    assert "seed 5" in said
    assert "The grade is reproduced: 4 exercises" in said
    assert entry["text"] in said
    assert "\nchanged: " not in said
    shown = page.read_text(encoding="utf-8")
    assert "The grade is reproduced" in shown
    assert entry["html"] in shown


def test_exercises_of_several_seeds_are_graded_each_with_its_own(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change_kept(course, {}, {"seed": 77})
    assert ask(course) in (0, 1)
    said = capsys.readouterr().out
    assert "seed 77" in said
    assert said.count("seed 5") >= 3
    assert "the same again" in said


def test_what_came_out_otherwise_is_shown_twice(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change_kept(course, {"course": "0.9.0"}, {"score": 9.0, "edition": "older", "text": "as it was said then"})
    assert ask(course) == 1
    said = capsys.readouterr().out
    assert "NOT THE SAME again" in said
    assert "then:\nas it was said then\n\nagain:\n" in said
    assert "then it was 0.9.0" in said
    assert "checked otherwise than then: split_rows" in said
    assert "The grade is not reproduced: split_rows came out otherwise." in said


def test_work_that_was_handed_in_again_is_said(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hand_in(course, "anna", reference_notebook(), stamp="2026-03-02 10:00:00.000000 UTC")
    assert ask(course) == 1
    said = capsys.readouterr().out
    assert "is not what was graded" in said
    assert "handed in 2026-03-02 10:00:00.000000 UTC, then 2026-03-01" in said
    assert "NOT THE SAME again: 10 of 10, passed" in said


def test_exercises_that_came_or_went_are_said(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change_kept(course, {}, {"name": "join_rows"})
    assert ask(course) == 0
    said = capsys.readouterr().out
    assert "no exercise of the lesson any more: join_rows" in said
    assert "an exercise since then only: split_rows" in said
    assert "3 exercises come out as they did" in said


def test_a_mark_by_hand_is_said(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with database(course) as connection:
        connection.execute(
            "update grade set manual_score = 7 "
            "where cell_id in (select id from base_cell where name = 'check-split_rows')"
        )
        connection.commit()
    assert ask(course) == 0
    said = capsys.readouterr().out
    assert "counts: 7 of 10, by hand" in said
    assert "counts: 37 of 40 points" in said


def test_a_gradebook_that_can_not_be_read_is_said(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (course / "gradebook.db").write_bytes(b"no database" * 100)
    assert ask(course) == 0
    assert "marks given by hand are not known" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"student": "nobody"}, "holds nothing of nobody for 01_pixel_parsing; 1 students handed it in"),
        ({"student": "../anna"}, "holds nothing of ../anna"),
        ({"lesson": "02"}, "holds nothing of anna for 02_nan_masking; nobody handed it in"),
        ({"lesson": "77"}, "77"),
    ],
)
def test_bad_requests_end_in_one_line(
    course: Path, capsys: pytest.CaptureFixture[str], arguments: dict[str, str], said: str
) -> None:
    assert ask(course, **arguments) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""
    assert len(told.err.strip().splitlines()) <= 2


def test_work_that_is_not_graded_yet_is_said(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hand_in(course, "ben", reference_notebook())
    assert ask(course, student="ben") == 2
    assert "not graded yet; run: python -m autograder grade 01" in capsys.readouterr().err


def test_a_students_text_steers_neither_terminal_nor_page(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = with_code("split_rows", "def split_rows(n_rows, val_fraction=0.2, seed=0):\n    raise ValueError(TEXT)")
    cell_of(notebook, "split_rows")["source"] += "\nTEXT = '<script>alert(1)</script>\\x1b[2J'\n"
    hand_in(course, "anna", notebook)
    assert ask(course, "--html", str(tmp_path / "answer.html")) == 1
    assert "\x1b" not in capsys.readouterr().out
    assert "<script>" not in (tmp_path / "answer.html").read_text(encoding="utf-8")
