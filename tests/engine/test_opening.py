"""How long a notebook's cells may take together, and what is told of those that failed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from autograder.course.manifest import find_lesson
from autograder.grading import grader as grading
from autograder.grading.grader import LessonGrader
from autograder.grading.notebook_choice import find_submission
from autograder.isolation.sandbox import make_sandbox
from autograder.ladder.student import read_errors
from tests.notebooks import LESSON, cell_of, reference_notebook, save

lesson = find_lesson(LESSON)
ENDLESS = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass\n"


def test_a_notebook_of_endless_cells_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grading, "CELL_SECONDS", 2.0)
    monkeypatch.setattr(grading, "NOTEBOOK_SECONDS", 5.0)
    notebook = reference_notebook()
    notebook["cells"][:0] = [{"cell_type": "code", "metadata": {}, "source": ENDLESS} for _ in range(40)]
    started = time.monotonic()
    with LessonGrader(find_submission(save(notebook, tmp_path), lesson), make_sandbox(), seed=1) as grader:
        results = list(grader.grade_all())
    assert time.monotonic() - started < 30
    assert {result.outcome for result in results} == {"timeout"}


def test_every_line_that_failed_is_told(tmp_path: Path) -> None:
    notebook = reference_notebook()
    cell = cell_of(notebook, "split_rows")
    cell["source"] = "open('nowhere.csv')\n" + "".join(cell["source"]) + "\nprint(missing_name)\n1 / 0\n"
    with LessonGrader(find_submission(save(notebook, tmp_path), lesson), make_sandbox(), seed=1) as grader:
        assert all(result.outcome == "passed" for result in grader.grade_all())
    said = [note.partition(": ")[2] for note in grader.notes]
    assert [word in note for word, note in zip(("nowhere.csv", "missing_name", "1 / 0"), said, strict=True)] == [
        True
    ] * 3


def test_the_line_that_kept_a_definition_away_is_told(tmp_path: Path) -> None:
    notebook = reference_notebook()
    cell_of(notebook, "split_rows")["source"] = (
        "open('nowhere.csv')\n\ndef split_rows(n_rows, val_fraction=1 / 0, seed=0):\n    return [], []\n"
    )
    with LessonGrader(find_submission(save(notebook, tmp_path), lesson), make_sandbox(), seed=1) as grader:
        (problem,) = [result.problem for result in grader.grade_all() if result.exercise.name == "split_rows"]
    assert problem is not None
    assert "ZeroDivisionError" in problem.got
    assert problem.where is not None
    assert "line 3: def split_rows" in problem.where


@pytest.mark.parametrize("told", [5, {}, [5], [None], [{"type": 5}], ["x"] * 1000, None])
def test_forged_errors_are_errors_or_none(told: object) -> None:
    assert len(read_errors({"errors": told, "error": None})) <= 40


def test_code_nested_very_deeply_has_its_verdict(tmp_path: Path) -> None:
    notebook = reference_notebook()
    cell_of(notebook, "split_rows")["source"] = (
        f"def split_rows(n_rows, val_fraction=0.2, seed=0):\n    x = {'1+' * 400}1\n    return [], []\n"
    )
    with LessonGrader(find_submission(save(notebook, tmp_path), lesson), make_sandbox(), seed=1) as grader:
        found = [grader.diagnose(result) for result in list(grader.grade_all())]
    assert [result.outcome for result in found].count("passed") == 3
