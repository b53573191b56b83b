"""Small inputs that went wrong somewhere, each in a folder of its own; README.md beside this file says what is right.

Of the folders that held drawn pictures, the files that are read here are kept. Their notebooks sort the parts of
`split_rows`, which its contract wants shuffled: that costs its share, and is no matter of these cases.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder.course.manifest import find_lesson
from autograder.grading.grader import LessonGrader
from autograder.grading.notebook_choice import find_submission
from autograder.grading.submission import Submission
from autograder.isolation.sandbox import make_sandbox
from autograder.ladder.verdict import Result
from data_scripts.files.errors import DataError
from data_scripts.ibug.labels import TEST, TRAIN, read_labels
from data_scripts.ibug_faces import main as ibug_faces
from data_scripts.imm.reading import read_points
from data_scripts.kaggle.tables import read_test
from data_scripts.training.crops import with_points
from tests.notebooks import LESSON, cell_of
from tests.reference import reference_names

CASES = Path(__file__).parent


def submitted(case: str, lesson: str = LESSON) -> Submission:
    found = find_submission(CASES / case, find_lesson(lesson))
    assert isinstance(found, Submission)
    return found


def grade(case: str, lesson: str = LESSON) -> tuple[dict[str, Result], list[str]]:
    """Return the verdicts on the case's notebook by the names of the exercises, and the notes."""
    with LessonGrader(submitted(case, lesson), make_sandbox(), seed=1) as grader:
        return {result.exercise.name: result for result in grader.grade_all()}, grader.notes


def outcomes(results: dict[str, Result]) -> dict[str, str]:
    return {name: result.outcome for name, result in results.items() if name != "split_rows"}


@pytest.mark.parametrize(
    "case",
    [
        "b03_shell_assign_constant",
        "b04_await_constant",
        "macos_fork_beside_renamed",
        "magic_and_percent_continuation",
        "string_changed_by_magic_rule",
    ],
)
def test_full_marks(case: str) -> None:
    results, notes = grade(case)
    assert set(outcomes(results).values()) == {"passed"}, (results, notes)
    if case == "macos_fork_beside_renamed":
        assert any("mine.ipynb" in note for note in notes), notes


def test_a_helper_that_python_cannot_read_is_named() -> None:
    results, notes = grade("b01_helper_syntax_error")
    said = {name: outcome for name, outcome in outcomes(results).items() if outcome != "passed"}
    # load_faces calls parse_pixels, which needs the helper.
    assert "parse_pixels" in said
    assert set(said) <= {"parse_pixels", "load_faces"}
    assert any("SyntaxError" in note for note in notes), notes


def test_a_helper_below_a_line_that_fails_is_there_or_the_line_is_told() -> None:
    results, notes = grade("helper_below_data_line", "02_nan_masking")
    result = results["count_labels"]
    assert result.outcome == "passed" or any("read_training" in text for text in (*notes, str(result.problem)))


def test_a_string_keeps_the_line_that_looks_like_a_command() -> None:
    case = "string_changed_by_magic_rule"
    notebook: dict[str, Any] = json.loads((CASES / case / LESSON / f"{LESSON}.ipynb").read_text(encoding="utf-8"))
    assert "\n!top\n" in "".join(cell_of(notebook, "parse_pixels")["source"])
    assert "\n!top\n" in "\n".join(cell.source for cell in submitted(case).cells)


def test_work_in_a_copy_beside_the_stub_is_looked_at_and_said() -> None:
    found = submitted("copy1_beside_stub")
    # The stub of parse_pixels is another version's; it is told by what it raises.
    assert found.untouched == {"scale_pixels", "load_faces", "split_rows"}
    (said,) = found.look
    assert said.startswith(f"{LESSON}-Copy1.ipynb holds work that {LESSON}.ipynb does not")
    assert said in found.notes
    results, notes = grade("copy1_beside_stub")
    assert sum(result.score for result in results.values()) == 0
    assert said in notes


def test_a_picture_whose_name_has_a_space() -> None:
    path = CASES / "asf_host_two_words" / "01-1m.asf"
    points = read_points(path)
    assert points.shape == (58, 2)
    np.testing.assert_allclose(reference_names("07_nose_tip")["read_asf"](path), points, atol=1e-6)


def test_a_table_in_another_order_is_sorted(tmp_path: Path) -> None:
    # Beside the table that is read lies its cache.
    path = Path(shutil.copy(CASES / "csv_test_unsorted" / "test.csv", tmp_path))
    rows = [line.split(",") for line in path.read_text(encoding="ascii").splitlines()[1:]]
    wanted = {int(number): np.array(pixels.split(), int) for number, pixels in rows}
    assert list(wanted) != sorted(wanted)
    found = read_test(path)
    assert found.image_ids.tolist() == list(range(1, len(rows) + 1))
    for number, image in zip(found.image_ids, found.images, strict=True):
        np.testing.assert_array_equal(np.rint(image.ravel() * 255), wanted[int(number)])


@pytest.mark.parametrize("name", [TRAIN, TEST])
def test_a_first_box_without_points_is_read_as_a_face_without_keypoints(name: str) -> None:
    path = CASES / "xml_first_box_without_parts" / name
    first, *others = read_labels(path)
    assert first.keypoints is None
    assert all(face.keypoints is not None for face in others)
    records = reference_names("09_larger_dataset")["read_ibug_xml"](path)
    assert [record.keypoints is None for record in records] == [True] + [False] * len(others)
    said: list[str] = []
    assert len(with_points([(face.file, face.box, face.keypoints) for face in (first, *others)], said.append)) == len(
        others
    )
    assert said == [f"1 of {1 + len(others)} boxes have no points and are left out, the first in {first.file}"]


def test_an_encoding_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    folder = CASES / "xml_unknown_encoding"
    with pytest.raises(ValueError, match=r"XML|encoding"):
        reference_names("09_larger_dataset")["read_ibug_xml"](folder / TRAIN)
    with pytest.raises(DataError) as caught:
        read_labels(folder / TRAIN)
    assert "\n" not in str(caught.value)
    assert ibug_faces(["--root", str(folder)]) != 0
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
