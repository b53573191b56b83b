"""Feedback as one folder a student: nbgrader's pages and an index, made anew only where something changed."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from autograder.__main__ import main
from autograder.classroom.run.job import release_worker
from tests.classroom.course_folder import database, grade_here, hand_in
from tests.classroom.test_shown_pictures import PLOT, PNG
from tests.notebooks import LESSON, reference_notebook, released_notebook

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")]
STRANGE = "o[b]é"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, entered: Path) -> Iterator[Path]:
    """A course folder, to be copied, whose students have their folders."""
    course = shutil.copytree(entered, tmp_path_factory.mktemp("made") / "course")
    with_plot = reference_notebook()
    with_plot["cells"].insert(
        1, {"cell_type": "code", "metadata": {}, "source": "plot()", "outputs": [PLOT], "execution_count": 1}
    )
    hand_in(course, "anna", with_plot)
    hand_in(course, STRANGE, released_notebook())
    assert grade_here(course) == 0
    assert main(["feedback", "--course", str(course), "--zip"]) == 0
    yield course
    release_worker()


@pytest.fixture
def course(tmp_path: Path, made: Path) -> Path:
    return shutil.copytree(made, tmp_path / "course")


def of(course: Path, student: str) -> Path:
    return course / "grading" / "feedback" / student


def run(course: Path, *arguments: str) -> int:
    return main(["feedback", "--course", str(course), *arguments])


def test_a_folder_holds_an_index_and_nbgraders_pages(course: Path) -> None:
    for student, points in (("anna", "40"), (STRANGE, "0")):
        assert sorted(path.name for path in of(course, student).iterdir()) == [f"{LESSON}.html", "index.html"]
        index = BeautifulSoup((of(course, student) / "index.html").read_text(encoding="utf-8"), "html.parser")
        assert f"{student}: {points} points" in index.get_text()
        (link,) = index.find_all("a")
        assert (of(course, student) / link["href"]).is_file()
        assert not index.find_all(["script", "link", "iframe"])
    assert "anna" not in "".join(path.read_text(encoding="utf-8") for path in of(course, STRANGE).iterdir())


def test_the_page_shows_the_students_own_plot(course: Path) -> None:
    page = (of(course, "anna") / f"{LESSON}.html").read_text(encoding="utf-8")
    assert f"data:image/png;base64,{PNG.strip()}" in page
    assert "Score: 40.0 / 40.0" in page


def test_the_archive_holds_what_the_folder_holds(course: Path) -> None:
    with zipfile.ZipFile(of(course, "anna.zip")) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {"anna/index.html", f"anna/{LESSON}.html"}
        assert archive.read("anna/index.html") == (of(course, "anna") / "index.html").read_bytes()


def test_only_what_changed_is_made_anew(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(course) == 0
    assert "2 of 2 students, 2 pages, 0 of them made anew" in capsys.readouterr().out
    with database(course) as connection:
        connection.execute(
            "update grade set manual_score = 7, extra_credit = 1 where auto_score = 15 and cell_id in "
            "(select id from base_cell where name = 'check-load_faces')"
        )
        connection.commit()
    assert run(course) == 0
    assert "2 of 2 students, 2 pages, 1 of them made anew" in capsys.readouterr().out
    assert "Score: 33.0 / 40.0" in (of(course, "anna") / f"{LESSON}.html").read_text(encoding="utf-8")
    index = (of(course, "anna") / "index.html").read_text(encoding="utf-8")
    assert "7 of 15, by hand" in index
    assert "1 points for extra credit" in index


def test_some_students_and_another_place(course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(course, STRANGE, "--out", str(tmp_path / "out")) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == [STRANGE]
    assert run(course, "ana") == 2
    assert "holds nothing of ana; did you mean anna?" in capsys.readouterr().err


def test_work_without_a_page_is_said_and_costs_nobody_else_theirs(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hand_in(course, "ben", released_notebook())
    hand_in(course, "zoe", reference_notebook())
    shutil.copytree(course / "grading" / "anna", course / "grading" / "zoe")
    path = course / "grading" / "zoe" / LESSON / "result.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"student": "anna"', '"student": "zoe"'))
    shutil.rmtree(course / "autograded" / "anna")
    assert run(course) == 1
    told = capsys.readouterr()
    assert "1 of 4 students" in told.out
    assert f"ben, {LESSON}: no page: handed in, not graded yet" in told.err
    assert f"anna, {LESSON}: no page: its graded notebook is gone" in told.err
    assert f"zoe, {LESSON}: no page: " in told.err
    assert "Traceback" not in told.err + told.out


def test_a_page_that_nbgrader_can_not_make_is_said(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = course / "autograded" / "anna" / LESSON / f"{LESSON}.ipynb"
    page.chmod(0o644)
    page.write_text("{", encoding="utf-8")
    assert run(course) == 1
    told = capsys.readouterr()
    assert f"anna, {LESSON}: no page: " in told.err
    assert "Traceback" not in told.err


def test_a_gradebook_that_can_not_be_read_writes_nothing(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (course / "gradebook.db").write_bytes(b"no database" * 100)
    assert run(course, "--out", str(tmp_path / "out")) == 2
    assert "nothing was written" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_class_without_submissions_is_told_where_they_are_looked_for(
    tmp_path: Path, entered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    course = shutil.copytree(entered, tmp_path / "empty")
    assert run(course) == 2
    assert "expected" in capsys.readouterr().err
