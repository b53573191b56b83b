"""What an exercise lacks because of another place in the notebook, and what a notebook has lost, is told as such."""

from __future__ import annotations

import copy
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from autograder.__main__ import main
from autograder.course.manifest import CourseError, find_exercise, find_lesson
from autograder.grading.elsewhere import MEND, misspelled
from autograder.grading.grader import LessonGrader
from autograder.grading.notebook_choice import find_submission
from autograder.grading.submission import Submission, read_submission
from autograder.isolation.sandbox import make_sandbox
from autograder.ladder.verdict import Result
from autograder.report.fragments import rung_table
from autograder.report.result_report import ResultReport
from autograder.report.words import WITHHELD, explain
from tests.lessons.battery import grade
from tests.notebooks import LESSON, cell_of, reference_notebook, released_notebook, save
from tests.reference import reference_names

lesson = find_lesson(LESSON)


def read(notebook: dict[str, Any]) -> Submission:
    return read_submission(json.dumps(notebook).encode(), lesson)


def grade_notebook(notebook: dict[str, Any], work: Path) -> dict[str, Result]:
    with LessonGrader(find_submission(save(notebook, work), lesson), make_sandbox("none"), 5) as grader:
        return {result.exercise.name: result for result in grader.grade_all()}


def hint_of(result: Result) -> str:
    return dict(explain(result))["hint"]


def test_a_missing_colon_is_named_wherever_it_costs_something_and_a_misspelled_name_too(tmp_path: Path) -> None:
    notebook = reference_notebook()
    for name, change in {
        "parse_pixels": ("def parse_pixels(pixels: str) -> np.ndarray:", "def parse_pixels(pixels: str) -> np.ndarray"),
        "split_rows": ("def split_rows(", "def split_row("),
    }.items():
        cell = cell_of(notebook, name)
        source = "".join(cell["source"])
        assert change[0] in source
        cell["source"] = source.replace(*change)
    results = grade_notebook(notebook, tmp_path)
    assert results["scale_pixels"].outcome == "passed"
    assert hint_of(results["parse_pixels"]) == MEND
    assert hint_of(results["load_faces"]).startswith("01.1 parse_pixels can't be read (cell ")
    assert hint_of(results["load_faces"]).endswith("; mend that first")
    assert results["split_rows"].outcome == "missing"
    assert dict(explain(results["split_rows"]))["got"] == "there is split_row; rename it to split_rows"


def test_only_a_close_name_that_is_no_exercises_own_is_proposed() -> None:
    assert misspelled(["split_rows"], ["def helper(): ...", "def load_faces(): ..."], lesson) == ""
    assert (
        misspelled(["load_faces"], ["def Load_faces(path): ..."], lesson)
        == "there is Load_faces; rename it to load_faces"
    )
    assert misspelled(["scale_pixels"], ["def parse_pixels(): ..."], lesson) == ""


def test_check_cells_that_are_gone_and_metadata_that_is_lost_are_said() -> None:
    notebook = reference_notebook()
    notebook["cells"] = [cell for cell in notebook["cells"] if 'check("scale_pixels")' not in "".join(cell["source"])]
    (note,) = read(notebook).notes
    assert note == "check cells are gone or changed (scale_pixels); the course's own checks were used"
    bare = copy.deepcopy(reference_notebook())
    for cell in bare["cells"]:
        cell["metadata"] = {}
    (note,) = read(bare).notes
    assert note == "the cells have lost nbgrader's metadata; they were known by their code"


def test_two_candidates_are_told_in_the_words_of_the_note(tmp_path: Path) -> None:
    folder = tmp_path / LESSON
    folder.mkdir()
    for name in ("one.ipynb", "two.ipynb"):
        (folder / name).write_text(json.dumps(released_notebook()), encoding="utf-8")
    found = find_submission(tmp_path, lesson)
    assert not isinstance(found, Submission)
    assert found.got == found.notes[-1]
    assert "none of the notebooks one.ipynb, two.ipynb is named" in found.got


def test_points_that_do_not_count_are_nowhere_shown_as_earned() -> None:
    result = grade(
        "parse_pixels",
        reference_names(LESSON, (".reshape(IMAGE_SIZE, IMAGE_SIZE)", ".reshape(IMAGE_SIZE, IMAGE_SIZE) * 0")),
        7,
    )
    assert result.score == 0
    assert result.withheld
    shown = rung_table(result)
    assert WITHHELD in shown
    assert shown.count("<td>0 of ") == len(result.rungs)
    assert WITHHELD in repr(ResultReport(result))
    whole = grade("parse_pixels", reference_names(LESSON), 7)
    assert not whole.withheld
    assert WITHHELD not in rung_table(whole)


def test_a_number_that_is_none_lists_its_lesson_alone() -> None:
    with pytest.raises(CourseError, match=r"those of lesson 01 are: 01\.1 parse_pixels, .*01\.4 split_rows$"):
        find_exercise("01.9")


def test_start_quotes_a_folder_with_a_space(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["start", str(tmp_path / "my lessons")]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("Open them: "))
    assert shlex.split(line.removeprefix("Open them: ")) == ["jupyter", "lab", str((tmp_path / "my lessons").resolve())]
