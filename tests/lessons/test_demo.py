"""The newcomer's command: every reference lesson runs from top to bottom in a fresh kernel and leaves its results."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from autograder.course.manifest import ROOT, Lesson, find_notebook, load_course
from data_scripts.synthetic_faces import write_kaggle_folder

pytestmark = pytest.mark.slow

LESSONS = load_course().notebooks
# The primer, and from the raw file to the scored submission; the long run takes them all.
SHORT = ("00", "01", "06")


@pytest.fixture(scope="module")
def lessons(request: pytest.FixtureRequest) -> tuple[Lesson, ...]:
    """The lessons that are run."""
    return LESSONS if request.config.getoption("--long") else tuple(find_notebook(number) for number in SHORT)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, lessons: tuple[Lesson, ...]) -> tuple[Path, str]:
    """Lessons at trial scale on a few faces: a longer training shows no other mistake."""
    folder = tmp_path_factory.mktemp("demo")
    write_kaggle_folder(folder / "faces", n_train=200, n_test=60)
    done = run_demo(folder, *(part for lesson in lessons for part in ("--lesson", lesson.number)))
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, done.stdout


def run_demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the demo on the faces in ``folder``; what it makes goes there as well."""
    command = [sys.executable, "-m", "autograder", "demo", "--data", str(folder / "faces"), "--scale", "trial"]
    command += ["--out", str(folder), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1500)


def executed(folder: Path, lesson: Lesson) -> nbformat.NotebookNode:
    """Return the lesson's notebook as it was run."""
    return nbformat.read(folder / f"{lesson.id}.ipynb", as_version=4)


def test_every_lesson_ran_without_an_error(demo: tuple[Path, str], lessons: tuple[Lesson, ...]) -> None:
    out, _ = demo
    for lesson in lessons:
        notebook = executed(out, lesson)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert all(cell.execution_count for cell in code)
        assert not [o for cell in code for o in cell.outputs if o.output_type == "error"]
        pictures = [o for cell in code for o in cell.outputs if "image/png" in o.get("data", {})]
        assert pictures, f"{lesson.id} shows no figure"
        assert (out / f"{lesson.id}.html").stat().st_size > 10_000


def test_a_page_says_where_its_comparisons_are_brief(demo: tuple[Path, str], lessons: tuple[Lesson, ...]) -> None:
    out, _ = demo
    for lesson in lessons:
        compares = any("compared_" in cell.source for cell in executed(out, lesson).cells)
        assert ("Run briefly." in (out / f"{lesson.id}.html").read_text(encoding="utf-8")) == compares


def test_every_check_in_the_reference_notebooks_passed(demo: tuple[Path, str], lessons: tuple[Lesson, ...]) -> None:
    out, _ = demo
    for lesson in lessons:
        notebook = executed(out, lesson)
        checks = [cell for cell in notebook.cells if cell.source.startswith("autograder.check(")]
        assert len(checks) == len(lesson.exercises)
        for cell in checks:
            text = cell.outputs[-1].data["text/plain"]
            assert ": passed," in text, text


def test_no_example_cell_is_silent(demo: tuple[Path, str], lessons: tuple[Lesson, ...]) -> None:
    out, _ = demo
    for lesson in lessons:
        notebook = executed(out, lesson)
        for cell in notebook.cells:
            given = cell.metadata.get("nbgrader") is not None
            if cell.cell_type == "code" and not given:
                assert cell.outputs, f"{lesson.id}: a cell prints and shows nothing:\n{cell.source}"


def test_submission_fits_the_lookup_table_and_its_score_is_true(demo: tuple[Path, str]) -> None:
    out, said = demo
    results = out / "results" / "06_kaggle_submission"
    submission = pd.read_csv(results / "submission.csv")
    lookup = pd.read_csv(out / "faces" / "IdLookupTable.csv")
    truth = pd.read_csv(out / "faces" / "truth.csv")
    assert list(submission.columns) == ["RowId", "Location"]
    assert submission["RowId"].tolist() == lookup["RowId"].tolist()
    assert submission["Location"].between(0, 96).all()
    joined = submission.merge(truth, on="RowId", suffixes=("", "_true"))
    score = float(np.sqrt(((joined["Location"] - joined["Location_true"]) ** 2).mean()))
    told = json.dumps(json.loads((results / "results.json").read_text()))
    assert f"{score:.2f}" in told or any(abs(value - score) < 0.01 for value in _numbers(json.loads(told)))
    assert str(results / "submission.csv") in said


def _numbers(value: object) -> list[float]:
    if isinstance(value, dict):
        return [number for item in value.values() for number in _numbers(item)]
    if isinstance(value, list):
        return [number for item in value for number in _numbers(item)]
    return [float(value)] if isinstance(value, float) else []


def test_figures_and_index_are_where_the_command_says(demo: tuple[Path, str]) -> None:
    out, said = demo
    assert str(out / "index.html") in said
    assert str(out / "figures") in said
    page = (out / "index.html").read_text()
    for figure in sorted((out / "figures").glob("*.png")):
        assert figure.name in page


def test_a_second_run_keeps_what_is_done(demo: tuple[Path, str]) -> None:
    out, _ = demo
    done = run_demo(out, "--lesson", "01", "--lesson", "06")
    assert done.returncode == 0
    assert done.stdout.count("done before") == 2
