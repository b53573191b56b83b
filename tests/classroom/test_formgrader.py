"""nbgrader's pages in a browser, on a class that the course graded: points and message are where a teacher looks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from tests.classroom.course_folder import (
    database,
    environment,
    grade_here,
    hand_in,
    kept,
    make_course,
    nbgrader_here,
    scores,
)
from tests.classroom.jupyter import BROWSER, serving
from tests.notebooks import LESSON, reference_notebook, with_code

HALF = """
def split_rows(n_rows, val_fraction=0.2, seed=0):
    return np.split(np.random.default_rng(seed).permutation(n_rows), [n_rows // 2])
"""
SCRIPT = {"cell_type": "markdown", "metadata": {}, "source": "<script>document.title = 'taken over'</script>"}
SUBMISSION = """
select submitted_notebook.id from submitted_notebook
join submitted_assignment on submitted_assignment.id = submitted_notebook.assignment_id
where submitted_assignment.student_id = ?
"""
pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed")]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graded class of two, with feedback."""
    course = make_course(tmp_path_factory.mktemp("formgrader"))
    notebook = with_code("split_rows", HALF)
    notebook["cells"].insert(0, SCRIPT)
    hand_in(course, "partial", notebook)
    hand_in(course, "correct", reference_notebook())
    assert grade_here(course, seed=5) == 0
    nbgrader_here(course, "generate_feedback", LESSON)
    return course


@pytest.fixture(scope="module")
def server(course: Path) -> Iterator[str]:
    """The address of a Jupyter server that runs in the course folder."""

    def command(options: list[str]) -> list[str]:
        return [sys.executable, "-m", "jupyter_server", f"--ServerApp.root_dir={course}", *options]

    with serving(course, command, environment(), course / "server.log") as address:
        yield address


def seen(address: str, profile: Path) -> BeautifulSoup:
    """Return a page as a browser holds it, its own programs having run."""
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    command += ["--virtual-time-budget=30000", "--dump-dom", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    return BeautifulSoup(done.stdout, "html.parser")


def test_the_assignment_is_listed(server: str, tmp_path: Path) -> None:
    page = seen(f"{server}/formgrader/manage_assignments", tmp_path)
    row = page.find("td", string=LESSON) or page.find("a", string=LESSON)
    assert row, page.get_text()
    assert row.find_parent("tr").find(class_="num-submissions").get_text().strip() == "2"


def test_every_submission_is_listed_as_graded_with_its_points(server: str, course: Path, tmp_path: Path) -> None:
    page = seen(f"{server}/formgrader/manage_submissions/{LESSON}", tmp_path)
    for student in ("partial", "correct"):
        text = page.find("td", string=student).find_parent("tr").get_text(" ", strip=True)
        assert "graded" in text
        assert f"{sum(scores(course, student).values()):g} / 40" in text


def test_a_submission_shows_points_and_message(server: str, course: Path, tmp_path: Path) -> None:
    with database(course) as connection:
        (submission,) = connection.execute(SUBMISSION, ["partial"]).fetchone()
    page = seen(f"{server}/formgrader/submissions/{submission}/", tmp_path)
    points = scores(course, "partial")
    assert 0 < points["split_rows"] < 10
    for name, score in points.items():
        assert page.find("input", id=f"check-{name}")["placeholder"] == f"{score:g}"
    entry = next(entry for entry in kept(course, "partial")["exercises"] if entry["name"] == "split_rows")
    assert f"failed, {points['split_rows']:g} of 10 points" in page.get_text()
    assert entry["text"].partition("got:")[2].splitlines()[0].strip() in page.get_text()
    assert page.title.get_text() != "taken over"


def test_feedback_shows_points_and_message(course: Path, tmp_path: Path) -> None:
    page = seen((course / "feedback" / "partial" / LESSON / f"{LESSON}.html").as_uri(), tmp_path)
    points = scores(course, "partial")
    assert f"Score: {sum(points.values())} / 40.0" in page.find("h4").get_text()
    assert f"failed, {points['split_rows']:g} of 10 points" in page.get_text()
    assert "Fix this first" in page.get_text()
    assert page.title.get_text() == LESSON
