"""Grades and graders for other systems: the columns they import, a zip in Gradescope's folders, a workflow."""

from __future__ import annotations

import base64
import csv
import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from autograder.__main__ import main
from autograder.classroom.exports import github, gradescope
from autograder.classroom.exports.gradescope_run import read_submissions
from autograder.course.manifest import ROOT, CourseError, find_lesson, load_course
from autograder.grading.submission import NoSubmission, Submission
from tests.classroom.course_folder import hand_in
from tests.classroom.made_up_class import make_class
from tests.notebooks import LESSON, reference_notebook, released_notebook, with_code

LESSONS = [find_lesson("01"), find_lesson("02")]
lesson = LESSONS[0]
FORMULA = "=1+2"
NOT_SHUFFLED = """import numpy as np


def split_rows(n_rows, val_fraction=0.2, seed=0):
    n_val = round(n_rows * val_fraction)
    return np.arange(n_val, n_rows), np.arange(n_val)
"""
STUDENTS = ["ada", "Bob Müller", "cy", FORMULA]
# As Canvas exports it, but for the grades.
CANVAS = f"""\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Homework (1)
    Points Possible,,,,,10
"Lovelace, Ada",101,S1,ADA,Group 1,
"Müller, Bob",102,S2,Bob Müller,Group 1,
"Student, Formula",103,S3,"{FORMULA}",Group 2,
"Late, Zoë",104,S4,zoe,Group 2,
"""
MOODLE = """First name;Last name;ID number;Email address
Ada;Lovelace;1;ada
Cy;Clone;3;cy
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[tuple[str, str], float]]:
    """A class of four, of whom one handed in lesson 01 alone, and the points by student and lesson."""
    course, results = make_class(tmp_path_factory.mktemp("class") / "course", STUDENTS, LESSONS)
    shutil.rmtree(course / "submitted" / "cy" / LESSONS[1].id)
    points = {(result["student"], result["assignment"]): result["score"] for result in results}
    del points["cy", LESSONS[1].id]
    return course, points


@pytest.fixture(scope="module")
def course(made: tuple[Path, dict[tuple[str, str], float]]) -> Path:
    return made[0]


@pytest.fixture(scope="module")
def points(made: tuple[Path, dict[tuple[str, str], float]]) -> dict[tuple[str, str], float]:
    return made[1]


def export(system: str, course: Path, out: Path, *arguments: str) -> tuple[int, list[dict[str, str]]]:
    """Run the command; return its exit status and the rows that a program reads from what it wrote."""
    status = main(["export", system, "--course", str(course), "--out", str(out), *arguments])
    with out.open(encoding="utf-8", newline="") as stream:
        return status, list(csv.DictReader(stream, strict=True))


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_canvas_columns_and_grades(course: Path, points: dict[tuple[str, str], float], tmp_path: Path) -> None:
    status, rows = export("canvas", course, tmp_path / "canvas.csv")
    columns = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *(each.id for each in LESSONS)]
    assert list(rows[0]) == columns
    assert rows[0] == dict.fromkeys(columns, "") | {
        "Student": "    Points Possible",
        LESSONS[0].id: "40",
        LESSONS[1].id: "50",
    }
    assert [row["SIS Login ID"].removeprefix("'") for row in rows[1:]] == sorted(STUDENTS)
    for row in rows[1:]:
        for each in LESSONS:
            expected = points.get((row["SIS Login ID"].removeprefix("'"), each.id))
            assert row[each.id] == "" if expected is None else float(row[each.id]) == expected
    # A login that a spreadsheet would compute is changed, and that is said.
    assert status == 1


def test_canvas_knows_students_by_the_roster(
    course: Path, points: dict[tuple[str, str], float], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    roster = write(tmp_path / "roster.csv", CANVAS)
    titles = ["--title", "01=Pixels (4711)", "--title", "2=Masks, and NaN (4712)"]
    status, rows = export("canvas", course, tmp_path / "out.csv", "--roster", roster, *titles)
    assert [row["ID"] for row in rows] == ["", "101", "102", "103", "104"]
    assert [row["Student"] for row in rows[1:3]] == ["Lovelace, Ada", "Müller, Bob"]
    assert [row["Section"] for row in rows[1:]] == ["Group 1", "Group 1", "Group 2", "Group 2"]
    assert float(rows[1]["Pixels (4711)"]) == points["ada", LESSONS[0].id]
    assert float(rows[1]["Masks, and NaN (4712)"]) == points["ada", LESSONS[1].id]
    # Zoë handed in nothing: her grades in Canvas stay as they are.
    assert rows[4]["Pixels (4711)"] == ""
    # Canvas would make a student of a name that it does not know.
    assert status == 1
    assert "not in the roster, and left out: cy" in capsys.readouterr().err


def test_a_roster_of_all_is_no_cause_for_a_look(course: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    text = "name,student_id,sis login id\n" + "".join(f'"{name}","{name}",x{i}\n' for i, name in enumerate(STUDENTS))
    status, rows = export("canvas", course, tmp_path / "out.csv", "01", "--roster", write(tmp_path / "r.csv", text))
    assert status == 0
    assert capsys.readouterr().err == ""
    assert LESSONS[1].id not in rows[0]
    assert rows[4]["Student"] == f"'{FORMULA}"


def test_moodle_columns_and_grades(course: Path, points: dict[tuple[str, str], float], tmp_path: Path) -> None:
    roster = write(tmp_path / "roster.csv", MOODLE)
    status, rows = export("moodle", course, tmp_path / "out.csv", "--roster", roster, "--column", "email ADDRESS")
    assert status == 1
    columns = ["First name", "Last name", "ID number", "Username", "Email address", *(each.id for each in LESSONS)]
    assert list(rows[0]) == columns
    ada, cy = rows
    assert [ada[column] for column in columns[:5]] == ["Ada", "Lovelace", "1", "", "ada"]
    assert float(ada[LESSONS[1].id]) == points["ada", LESSONS[1].id]
    assert float(cy[LESSONS[0].id]) == points["cy", LESSONS[0].id]
    assert cy[LESSONS[1].id] == "-"


def test_without_a_roster_moodle_gets_the_folders_names(course: Path, tmp_path: Path) -> None:
    _, rows = export("moodle", course, tmp_path / "out.csv")
    assert {row["Username"].removeprefix("'") for row in rows} == set(STUDENTS)


@pytest.mark.parametrize(
    ("roster", "arguments", "said"),
    [
        ("name,mark\nada,1\n", (), "no column that is known"),
        ("name,email\nada,a\n", ("--column", "login"), "no column 'login'"),
        ("email\nada\nADA\n", (), "twice"),
        ("email\n", (), "holds no students"),
        ("SIS Login ID\nnobody\n", (), "no row of the roster matches"),
        (MOODLE, (), "the roster is Moodle's"),
        ('email\n"ada\n', (), "is no CSV file"),
        (None, (), "can't be read"),
    ],
)
def test_a_bad_roster_is_refused(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture, roster: str | None, arguments: tuple, said: str
) -> None:
    path, out = tmp_path / "roster.csv", tmp_path / "out.csv"
    if roster is not None:
        write(path, roster)
    status = main(["export", "canvas", "--course", str(course), "--roster", str(path), "--out", str(out), *arguments])
    assert status == 2
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_a_damaged_gradebook_exports_nothing(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    course, _ = make_class(tmp_path / "course", ["ada"], [lesson])
    (course / "gradebook.db").write_bytes(b"no database" * 100)
    out = tmp_path / "out.csv"
    assert main(["export", "canvas", "--course", str(course), "--out", str(out)]) == 2
    assert "nothing was exported" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("title", ["01", "01=", "99=x", "01=02_nan_masking"])
def test_a_bad_title_is_refused(course: Path, tmp_path: Path, title: str) -> None:
    out = tmp_path / "out.csv"
    assert main(["export", "canvas", "--course", str(course), "--title", title, "--out", str(out)]) == 2
    assert not out.exists()


def test_what_is_not_graded_yet_is_said(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    course, _ = make_class(tmp_path / "course", ["ada"], [lesson])
    hand_in(course, "bob", b"{}")
    status, rows = export("canvas", course, tmp_path / "out.csv")
    assert (status, rows[2][LESSON]) == (1, "")
    assert "not graded yet: bob" in capsys.readouterr().err


def names_of(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def requirements_of(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read("requirements.txt").decode()


@pytest.fixture(scope="module")
def zipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zip") / "autograder.zip"
    assert main(["export", "gradescope", "01", "--out", str(path)]) == 0
    return path


def test_zip_holds_what_grading_needs_and_no_later_answer(zipped: Path) -> None:
    names = names_of(zipped)
    assert {"setup.sh", "run_autograder", "autograder/course.yaml", "constraints.txt"} <= set(names)
    assert [name for name in names if name.startswith("solutions/")] == [f"solutions/{LESSON}/{LESSON}.ipynb"]
    tops = {name.partition("/")[0] for name in names if "/" in name}
    assert tops == {"autograder", "solutions"}
    assert not [name for name in names if "__pycache__" in name]
    with zipfile.ZipFile(zipped) as archive:
        for script in ("setup.sh", "run_autograder"):
            assert stat.S_IMODE(archive.getinfo(script).external_attr >> 16) == 0o755


def test_zip_installs_the_frameworks_that_its_lessons_use(zipped: Path, tmp_path: Path) -> None:
    small = requirements_of(zipped)
    assert "numpy==" in small
    assert "pytest==" in small
    assert "-c constraints.txt" in small
    assert not [name for name in ("torch==", "keras==", "tensorflow") if name in small]
    gradescope.write_zip(tmp_path / "masks.zip", [LESSONS[1]], index="https://example.org/cpu")
    masks = requirements_of(tmp_path / "masks.zip")
    assert "torch==" in masks
    assert "keras==" not in masks
    assert masks.startswith("--extra-index-url https://example.org/cpu\n")
    # A later lesson may use all before it.
    gradescope.write_zip(tmp_path / "all.zip", [load_course().lessons[-1]])
    assert requirements_of(tmp_path / "all.zip") == (ROOT / "requirements.txt").read_text(encoding="utf-8")
    solutions = [name for name in names_of(tmp_path / "all.zip") if name.startswith("solutions/")]
    assert len(solutions) == len(load_course().lessons)


def test_the_same_course_gives_the_same_zip(zipped: Path, tmp_path: Path) -> None:
    gradescope.write_zip(tmp_path / "again.zip", [lesson])
    assert names_of(tmp_path / "again.zip") == names_of(zipped)
    assert (tmp_path / "again.zip").stat().st_size == zipped.stat().st_size


def test_a_checkout_with_windows_line_ends_gives_the_same_zip(
    zipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: real(path).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    gradescope.write_zip(tmp_path / "windows.zip", [lesson])
    monkeypatch.undo()
    assert (tmp_path / "windows.zip").read_bytes() == zipped.read_bytes()


def unpack(zipped: Path, base: Path) -> Path:
    """Lay a zip out as Gradescope does, with permissions, and return ``base``."""
    for name in ("source", "submission", "results"):
        (base / name).mkdir(parents=True)
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(base / "source")
        for info in archive.infolist():
            (base / "source" / info.filename).chmod(stat.S_IMODE(info.external_attr >> 16))
    shutil.copy2(base / "source" / "run_autograder", base / "run_autograder")
    return base


def run_autograder(base: Path) -> dict[str, Any]:
    """Do what Gradescope does with a submission; return the results."""
    # Nothing of this project's own folder may help.
    environment = {"PATH": os.environ["PATH"], "HOME": str(base), "LANG": "C.UTF-8"}
    environment |= {"AUTOGRADER_BASE": str(base), "AUTOGRADER_PYTHON": sys.executable}
    done = subprocess.run(
        [str(base / "run_autograder")], cwd=base, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((base / "results" / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def base(zipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(zipped, tmp_path_factory.mktemp("gradescope") / "autograder")


@pytest.fixture
def submission(base: Path) -> Path:
    """An empty submission."""
    folder = base / "submission"
    shutil.rmtree(folder)
    folder.mkdir()
    (base / "results" / "results.json").unlink(missing_ok=True)
    return folder


@pytest.mark.slow
def test_gradescope_grades_a_notebook_in_a_folder(base: Path, submission: Path) -> None:
    place = submission / "my homework" / "week 1"
    place.mkdir(parents=True)
    notebook = with_code("split_rows", NOT_SHUFFLED)
    (place / f"{LESSON}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    results = run_autograder(base)
    scores = {test["name"]: test["score"] for test in results["tests"]}
    full = {exercise.key: exercise.points for exercise in lesson.exercises}
    assert {name for name in scores if scores[name] < full[name]} == {f"{LESSON}/split_rows"}
    assert results["score"] == sum(scores.values())
    wrong = next(test for test in results["tests"] if test["name"].endswith("split_rows"))
    # The solutions that name a mistake are there.
    assert wrong["extra_data"]["misconception"]
    assert "hint:" in wrong["output"]
    assert results["output"].startswith(f"{results['score']:g} of 40 points")
    assert results["stdout_visibility"] == "hidden"


@pytest.mark.slow
def test_gradescope_says_what_is_wrong_with_a_broken_notebook(base: Path, submission: Path) -> None:
    (submission / f"{LESSON}.ipynb").write_text('{"cells": [', encoding="utf-8")
    results = run_autograder(base)
    assert results["score"] == 0
    assert results["max_score"] == 40
    assert all("is not a notebook" in test["output"] for test in results["tests"])


@pytest.mark.slow
def test_gradescope_says_that_no_notebook_was_handed_in(base: Path, submission: Path) -> None:
    (submission / "homework.pdf").write_bytes(b"%PDF")
    results = run_autograder(base)
    assert results["score"] == 0
    assert {test["extra_data"]["outcome"] for test in results["tests"]} == {"missing"}
    assert f"no notebook was handed in; expected {LESSON}.ipynb" in results["output"]


def place(folder: Path, *names: str) -> Path:
    """Put notebooks, or other files, that say their own place into a folder and return it."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": name}]}), encoding="utf-8")
    return folder


def said_by(found: Submission | NoSubmission) -> list[str]:
    """Return what the cells of a notebook say; nothing where there is none."""
    return [cell["source"] for cell in found.handed_in]


@pytest.mark.parametrize(
    ("names", "graded", "said"),
    [
        ((f"{LESSON}.ipynb",), f"{LESSON}.ipynb", ""),
        ((f"a/b/{LESSON}.ipynb",), f"a/b/{LESSON}.ipynb", ""),
        ((f"a/{LESSON}.ipynb", f"{LESSON}.ipynb"), f"{LESSON}.ipynb", "2 files are named"),
        (("mine.ipynb",), "mine.ipynb", ""),
        (("one.ipynb", "two.ipynb"), None, "none of the notebooks handed in (one.ipynb, two.ipynb)"),
        ((f".ipynb_checkpoints/{LESSON}.ipynb", f"__MACOSX/{LESSON}.ipynb"), None, "no notebook was handed in"),
        ((f"{LESSON}.py",), None, "no notebook was handed in"),
    ],
)
def test_where_a_notebook_may_lie(tmp_path: Path, names: tuple[str, ...], graded: str | None, said: str) -> None:
    (found,), notes = read_submissions(place(tmp_path / "submission", *names), [lesson])
    assert said_by(found) == ([] if graded is None else [graded])
    assert said in "; ".join(notes)
    assert bool(notes) == bool(said)


def test_work_in_a_copy_beside_the_stub_is_said_to_the_student(tmp_path: Path) -> None:
    folder = tmp_path / "submission" / "work"
    folder.mkdir(parents=True)
    (folder / f"{LESSON}.ipynb").write_text(json.dumps(released_notebook()), encoding="utf-8")
    (folder / f"{LESSON}-Copy1.ipynb").write_text(json.dumps(reference_notebook()), encoding="utf-8")
    (found,), (note,) = read_submissions(tmp_path / "submission", [lesson])
    assert f"{LESSON}-Copy1.ipynb holds work" in note
    assert found.notes[0] in note


@pytest.mark.parametrize(
    ("name", "said"), [(f"{LESSON}.ipynb.txt", "rename it to"), ("all.zip", "unpack it"), ("page.html", "no notebook")]
)
def test_what_came_in_place_of_a_notebook_is_named(tmp_path: Path, name: str, said: str) -> None:
    (found,), (note,) = read_submissions(place(tmp_path / "submission", f"a/{name}"), [lesson])
    assert name in note
    assert said in note
    assert found.notes[0] in note


def test_another_lessons_notebook_is_not_taken_where_several_are_asked_for(tmp_path: Path) -> None:
    found, notes = read_submissions(place(tmp_path / "submission", f"{LESSON}.ipynb"), LESSONS)
    assert [said_by(each) for each in found] == [[f"{LESSON}.ipynb"], []]
    assert [note.partition(":")[0] for note in notes] == [LESSONS[1].id]


@pytest.mark.skipif(os.name != "posix", reason="links need privileges there")
def test_a_link_to_the_solution_is_not_followed(tmp_path: Path) -> None:
    place(tmp_path, "source/solution.ipynb")
    folder = place(tmp_path / "submission", "notes.txt")
    (folder / f"{LESSON}.ipynb").symlink_to(tmp_path / "source" / "solution.ipynb")
    (folder / "all").symlink_to(tmp_path / "source")
    (found,), notes = read_submissions(folder, [lesson])
    assert said_by(found) == []
    assert "is a link to a file outside of the submission" in notes[0]


@pytest.mark.skipif(os.name != "posix", reason="a shell script")
def test_setup_installs_the_pins_into_an_environment_of_its_own(base: Path, tmp_path: Path) -> None:
    """With stand-ins for the system's programs, which note how they are called."""
    log = tmp_path / "log"
    programs = tmp_path / "bin"
    programs.mkdir()
    note = f'echo "$(basename "$0") $*" >> {log}\n'
    make = 'case "$*" in *venv*) mkdir -p "${@: -1}/bin"; cp "$0" "${@: -1}/bin/python";; esac\n'
    for name in ("apt-get", "add-apt-repository", "python3.11"):
        (programs / name).write_text(f"#!/bin/bash\n{note}{make}", encoding="utf-8")
        (programs / name).chmod(0o755)
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "AUTOGRADER_BASE": str(base)}
    done = subprocess.run(["bash", str(base / "source" / "setup.sh")], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = log.read_text(encoding="utf-8")
    assert "apt-get install" in said
    assert "bubblewrap" in said
    assert f"python3.11 -m venv {base}/env" in said
    assert f"-r {base}/source/requirements.txt" in said
    assert stat.S_IMODE((base / "source" / "solutions").stat().st_mode) & 0o077 == 0
    shutil.rmtree(base / "env")


def test_workflow_runs_the_grader_on_what_was_handed_in() -> None:
    parsed = yaml.safe_load(github.workflow([lesson], None))
    steps = parsed["jobs"]["run-autograding-tests"]["steps"]
    assert [step["uses"] for step in steps if step.get("uses", "").startswith("actions/checkout")] == [
        "actions/checkout@v4"
    ]
    python = next(step for step in steps if step.get("uses", "").startswith("actions/setup-python"))
    assert python["with"]["python-version"] == "3.11"
    runs = "\n".join(step["run"] for step in steps if "run" in step)
    assert "bubblewrap" in runs
    assert "pip install -q -r requirements.txt" in runs
    assert "-m pytest autograder --work" in runs
    assert "--lesson 01 --report" in runs
    assert parsed["on"] == ["push", "workflow_dispatch"]
    assert "COURSE_" not in github.workflow([lesson], None)


def test_workflow_takes_the_course_from_elsewhere() -> None:
    text = github.workflow([], "school/faces-course")
    steps = yaml.safe_load(text)["jobs"]["run-autograding-tests"]["steps"]
    course = next(step for step in steps if step["name"] == "Get the course")
    assert course["with"]["repository"] == "school/faces-course"
    assert {step["working-directory"] for step in steps if "working-directory" in step} == {"course"}
    assert "--lesson" not in text
    with pytest.raises(CourseError, match="OWNER/NAME"):
        github.workflow([], "school/faces course\n")


def test_workflow_is_printed_or_written(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["export", "github", "01"]) == 0
    printed = capsys.readouterr().out
    assert main(["export", "github", "01", "--out", str(tmp_path)]) == 0
    assert (tmp_path / ".github" / "workflows" / "grade.yml").read_text(encoding="utf-8") == printed


RESULTS = {
    "score": 12.5,
    "max_score": 15.0,
    "tests": [
        {"name": "a", "score": 10.0, "max_score": 10.0, "output": "All checks passed."},
        {"name": "b", "score": 2.5, "max_score": 5.0, "output": "got: \x1b[31m" + "x" * 5000},
    ],
}


def test_classroom_gets_points_in_parts(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(RESULTS), encoding="utf-8")
    assert github.print_result(path) == 0
    line = capsys.readouterr().out
    assert line.startswith("result=")
    assert line.count("\n") == 1
    result = json.loads(base64.b64decode(line.removeprefix("result=")))
    assert sum(test["score"] for test in result["tests"]) == 12.5
    assert result["max_score"] == 15
    assert [test["status"] for test in result["tests"]] == ["pass", "fail"]
    assert result["status"] == "fail"
    assert "\x1b" not in result["tests"][1]["message"]
    # An environment variable carries it.
    assert len(line) < 100_000


def test_classroom_is_told_nothing_where_nothing_was_graded(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert github.print_result(tmp_path / "results.json") == 2
    assert capsys.readouterr().out == ""
