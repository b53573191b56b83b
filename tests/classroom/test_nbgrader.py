"""nbgrader's own commands in a course folder: from release to export, on the course's engine."""

from __future__ import annotations

import copy
import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader import preprocessors
from nbgrader.validator import Validator
from traitlets.config import PyFileConfigLoader

import autograder
from autograder.course.manifest import ROOT, find_lesson
from tests.classroom.course_folder import (
    comments,
    grade_here,
    hand_in,
    kept,
    make_course,
    marks,
    nbgrader_here,
    run_nbgrader,
    scores,
)
from tests.notebooks import LESSON, cell_of, reference_notebook, released_notebook, with_code

SEED = 11
FULL = {"parse_pixels": 10.0, "scale_pixels": 5.0, "load_faces": 15.0, "split_rows": 10.0}
PARTIAL = """
import sys
import warnings
import numpy as np

print("E tensorflow: this is a line on stderr", file=sys.stderr)


def split_rows(n_rows, val_fraction=0.2, seed=0):
    print("and another", file=sys.stderr)
    warnings.warn("deprecated", DeprecationWarning)
    return np.split(np.random.default_rng(seed).permutation(n_rows), [n_rows // 2])
"""
HOSTILE_TEXT = "# hi <script>alert('text')</script> <img src=x onerror=alert('image')> [link](javascript:alert('link'))"
# nbgrader adds rows in an order that SQLAlchemy warns of.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")]


def write(course: Path, desk: Path) -> None:
    """Do a student's part: put a partial answer into the fetched notebook and hand it in."""
    path = desk / LESSON / f"{LESSON}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    solved = with_code("split_rows", PARTIAL)
    for name in FULL:
        cell_of(notebook, name)["source"] = cell_of(solved, name)["source"]
    path.write_text(json.dumps(notebook), encoding="utf-8")
    nbgrader_here(desk, "submit", LESSON, "--student", "partial")


def homework() -> nbformat.NotebookNode:
    """An assignment of the teacher's own, which the engine knows nothing about."""
    facts = {"schema_version": 3, "task": False}
    solution = new_code_cell("def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION")
    solution.metadata["nbgrader"] = facts | {"grade": False, "solution": True, "locked": False, "grade_id": "double"}
    check = new_code_cell("assert double(2) == 4")
    check.metadata["nbgrader"] = facts | {
        "grade": True,
        "solution": False,
        "locked": True,
        "grade_id": "test-double",
        "points": 4,
    }
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=[new_markdown_cell("A warm-up"), solution, check], metadata={"kernelspec": kernel})


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class that went the whole way with nbgrader's own commands."""
    course = make_course(tmp_path_factory.mktemp("nbgrader"), more=f"c.GradeWithEngine.seed = {SEED}")
    desk = course / "desk"
    for folder in (desk, course / "exchange", course / "solutions" / "warm_up"):
        folder.mkdir()
    (course / "exchange").chmod(0o777)
    nbformat.write(homework(), course / "solutions" / "warm_up" / "warm_up.ipynb")
    shutil.copy(course / "nbgrader_config.py", desk)
    (desk / "nbgrader_config.py").write_text(f"load_subconfig({str(course / 'nbgrader_config.py')!r})\n")
    for assignment in (LESSON, "warm_up"):
        nbgrader_here(course, "generate_assignment", assignment)
    nbgrader_here(course, "release_assignment", LESSON)
    nbgrader_here(desk, "fetch_assignment", LESSON)
    write(course, desk)
    nbgrader_here(course, "collect", LESSON)
    hand_in(course, "correct", reference_notebook())
    hand_in(course, "stubs", released_notebook())
    doubled = reference_notebook()
    doubled["cells"] += copy.deepcopy(doubled["cells"])
    doubled["cells"].insert(0, {"cell_type": "markdown", "metadata": {}, "source": HOSTILE_TEXT})
    hand_in(course, "doubled", doubled)
    bare = reference_notebook()
    bare["cells"] = [cell | {"metadata": {}} for cell in bare["cells"] if not cell["id"].startswith("check-")]
    hand_in(course, "bare", bare)
    hand_in(course, "broken", b"{")
    renamed = hand_in(course, "renamed", reference_notebook())
    (renamed / f"{LESSON}.ipynb").rename(renamed / "mine.ipynb")
    (hand_in(course, "links", reference_notebook()) / "answers.txt").symlink_to(ROOT / "pyproject.toml")
    warm_up = json.loads((course / "lessons" / "warm_up" / "warm_up.ipynb").read_text())
    hand_in(course, "stubs", warm_up, "warm_up")
    cell_of(warm_up, "double")["source"] = "def double(x):\n    return x + x\n"
    hand_in(course, "correct", warm_up, "warm_up")
    done = run_nbgrader(course, "autograde", LESSON)
    (course / "autograde.log").write_text(done.stdout + done.stderr)
    nbgrader_here(course, "autograde", "warm_up")
    nbgrader_here(course, "generate_feedback", LESSON)
    nbgrader_here(course, "export", "--to", str(course / "grades.csv"))
    return course


def feedback(course: Path, student: str) -> BeautifulSoup:
    page = (course / "feedback" / student / LESSON / f"{LESSON}.html").read_text(encoding="utf-8")
    return BeautifulSoup(page, "html.parser")


def test_gradebook_report_and_feedback_agree_point_for_point(course: Path, tmp_path: Path) -> None:
    report = tmp_path / "results.json"
    command = [sys.executable, "-m", "pytest", "autograder", "--lesson", "01", "--seed", str(SEED)]
    command += ["--work", str(course / "submitted" / "partial"), "--report", str(report)]
    subprocess.run(command, cwd=ROOT, capture_output=True, timeout=300, check=False)
    tests = json.loads(report.read_text(encoding="utf-8"))["tests"]
    reported = {test["name"].partition("/")[2]: test["score"] for test in tests}
    assert 0 < reported["split_rows"] < 10
    assert scores(course, "partial") == reported
    page = feedback(course, "partial")
    for name, score in reported.items():
        panel = page.find("a", attrs={"name": f"check-{name}"}).find_parent(class_="nbgrader_cell")
        assert re.search(r"Score: ([\d.]+) / ([\d.]+)", panel.get_text()).groups() == (str(score), str(FULL[name]))
        shown = panel.find_parent(class_="cell").find(class_="output_html").get_text()
        assert f"{score:g} of {FULL[name]:g} points" in shown
    assert f"Score: {sum(reported.values())} / 40.0" in page.find("h4").get_text()
    with (course / "grades.csv").open(encoding="utf-8") as stream:
        exported = {row["student_id"]: row for row in csv.DictReader(stream) if row["assignment"] == LESSON}
    assert float(exported["partial"]["score"]) == pytest.approx(sum(reported.values()))


def test_partial_credit_comes_with_its_message_whatever_goes_to_stderr(course: Path) -> None:
    page = feedback(course, "partial").get_text()
    output = next(entry for entry in kept(course, "partial")["exercises"] if entry["name"] == "split_rows")
    expected = output["text"].partition("expected:")[2].splitlines()[0].strip()
    assert expected
    assert expected in page
    assert "Fix this first" in page
    assert "this is a line on stderr" not in "".join(
        part.get_text() for part in feedback(course, "partial").find_all(class_="output_area")
    )


def test_damaged_work_keeps_its_marks(course: Path) -> None:
    for student in ("correct", "doubled", "bare", "renamed"):
        assert scores(course, student) == FULL, student
    assert scores(course, "broken") == dict.fromkeys(FULL, 0.0)
    assert scores(course, "stubs") == dict.fromkeys(FULL, 0.0)
    assert {row[3] for row in comments(course) if row[1] == "stubs" and row[0] == LESSON} == {"No response."}


def test_one_bad_submission_is_named_and_copies_nothing_from_outside(course: Path) -> None:
    log = (course / "autograde.log").read_text()
    assert "links that lead out of it, such as answers.txt" in log
    assert "is not a notebook" in log
    assert not (course / "autograded" / "links").exists() or not list((course / "autograded" / "links").rglob("*"))


def test_feedback_shows_a_students_html_and_obeys_none_of_it(course: Path) -> None:
    page = feedback(course, "doubled")
    assert "<script>alert('text')</script>" in page.get_text()
    assert not [tag for tag in page.find_all("script") if "alert" in tag.get_text()]
    assert not page.find_all(attrs={"onerror": True})
    assert not [link for link in page.find_all("a") if link.get("href", "").startswith("javascript")]


def test_other_assignments_are_graded_by_nbgrader_itself(course: Path) -> None:
    found = {row[1]: (row[3], row[4]) for row in marks(course) if row[0] == "warm_up"}
    assert found == {"correct": ("test-double", 4.0), "stubs": ("test-double", 0.0)}


def test_the_release_is_what_the_course_holds(course: Path) -> None:
    made = (course / "lessons" / LESSON / f"{LESSON}.ipynb").read_bytes()
    assert made == (ROOT / "lessons" / LESSON / f"{LESSON}.ipynb").read_bytes()
    assert [path.name for path in (course / "lessons" / LESSON).iterdir()] == [f"{LESSON}.ipynb"]


def test_the_course_grades_a_class_as_nbgrader_does(course: Path, tmp_path: Path) -> None:
    other = make_course(tmp_path / "other")
    shutil.copytree(course / "submitted", other / "submitted", symlinks=True)
    assert grade_here(other, "01", seed=SEED) == 1

    def of_lesson(folder: Path) -> list[tuple]:
        # nbgrader itself would copy what the links lead to, so it leaves that submission alone.
        return [row for row in marks(folder) if row[0] == LESSON and row[1] != "links"]

    assert of_lesson(other) == of_lesson(course)
    for student in ("partial", "doubled", "bare", "broken"):
        path = Path("autograded") / student / LESSON / f"{LESSON}.ipynb"
        assert nbformat.read(other / path, as_version=4) == nbformat.read(course / path, as_version=4)
        for mine, theirs in zip(kept(other, student)["exercises"], kept(course, student)["exercises"], strict=True):
            assert {**mine, "seconds": 0} == {**theirs, "seconds": 0}


def test_nbgraders_own_execution_takes_no_failed_check_for_a_passed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def half(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> tuple[list, list]:
        return [], []

    assert not autograder.check("split_rows", {"split_rows": half}).passed
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    with pytest.raises(AssertionError, match=r"01\.4 split_rows: failed"):
        autograder.check("split_rows", {"split_rows": half})


def test_validation_waits_for_a_training() -> None:
    config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
    assert preprocessors.Execute(config=config).timeout >= 900


def test_validation_takes_a_foreign_kernel_for_the_courses_own(tmp_path: Path) -> None:
    config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import sys\nprint(sys.version_info.major)")])
    notebook.metadata["kernelspec"] = {"name": "conda-env-my-env-py", "display_name": "R", "language": "R"}
    nbformat.write(notebook, tmp_path / "foreign.ipynb")
    found = Validator(config=config).validate(str(tmp_path / "foreign.ipynb"))
    assert found == {}


def test_grade_ids_are_those_of_the_manifest(course: Path) -> None:
    assert {row[3] for row in marks(course) if row[0] == LESSON} == {
        exercise.check_id for exercise in find_lesson(LESSON).exercises
    }
