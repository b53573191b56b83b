"""Which lessons a folder of work means, and which course a command belongs to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autograder.__main__ import main
from autograder.commands.start import lay_out
from autograder.console import course_above
from autograder.course.manifest import ROOT, CourseError, find_lesson, load_course
from autograder.grading.work_folder import find_work, lesson_of

FIRST, SECOND = "01_pixel_parsing", "02_nan_masking"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "lessons" / FIRST, tmp_path / FIRST)
    return tmp_path


def ids(work: Path | None, *chosen: str) -> list[str]:
    return [lesson.id for lesson in find_work(work, [find_lesson(text) for text in chosen]).lessons]


def test_a_folder_of_one_lesson_means_that_lesson_and_says_so(work: Path) -> None:
    found = find_work(work)
    assert [lesson.id for lesson in found.lessons] == [FIRST]
    assert f"{FIRST} is the only lesson in {work}" in found.said


@pytest.mark.parametrize("inside", [FIRST, f"{FIRST}/{FIRST}.ipynb"])
def test_a_lessons_own_folder_or_notebook_means_that_lesson(work: Path, inside: str) -> None:
    found = find_work(work / inside)
    assert (found.folder, [lesson.id for lesson in found.lessons]) == (work, [FIRST])


def test_what_was_asked_for_counts(work: Path) -> None:
    assert ids(work, "02") == [SECOND]


def test_a_folder_of_several_lessons_means_the_course(work: Path) -> None:
    (work / SECOND).mkdir()
    assert len(ids(work)) == len(load_course().lessons)


def test_a_folder_without_lessons_says_what_was_looked_for_and_found(tmp_path: Path) -> None:
    (tmp_path / "essay.txt").touch()
    found = find_work(tmp_path)
    assert len(found.lessons) == len(load_course().lessons)
    assert f"looked in {tmp_path} for {FIRST}/{FIRST}.ipynb" in found.said
    assert "found essay.txt" in found.said


def test_no_folder_is_an_error_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="is no folder; expected one with"):
        find_work(tmp_path / "none")


def test_the_working_folder_names_the_lesson() -> None:
    below = lesson_of(ROOT / "lessons" / FIRST / "pictures")
    assert below is not None
    assert below.id == FIRST
    assert lesson_of(ROOT) is None


def test_check_grades_from_a_lessons_folder(
    work: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(pytest, "main", lambda arguments: asked.append(arguments) or 4)
    monkeypatch.chdir(work / FIRST)
    assert main(["check"]) == 2
    assert main(["check", "2", "--work", str(work)]) == 2
    assert f"--lesson={FIRST}" in asked[0]
    assert {f"--lesson={SECOND}", f"--work={work}"} <= set(asked[1])


def make_course(folder: Path) -> Path:
    (folder / "autograder").mkdir(parents=True)
    (folder / "autograder" / "course.yaml").touch()
    (folder / "autograder" / "__main__.py").touch()
    return folder


def test_the_course_above_is_the_outermost_and_never_one_that_was_handed_in(tmp_path: Path) -> None:
    planted = make_course(tmp_path / "class" / "submitted" / "mallory" / FIRST)
    assert course_above(planted) is None
    course = make_course(tmp_path / "class")
    assert course_above(planted) == course
    assert course_above(tmp_path) is None


def test_lessons_are_laid_out_beside_what_is_there(tmp_path: Path) -> None:
    mine = tmp_path / FIRST / f"{FIRST}.ipynb"
    mine.parent.mkdir()
    mine.write_text("mine", encoding="utf-8")
    count = sum(path.is_file() for path in (ROOT / "lessons").rglob("*"))
    assert lay_out(ROOT / "lessons", tmp_path) == count - 1
    assert mine.read_text(encoding="utf-8") == "mine"
    assert lay_out(ROOT / "lessons", tmp_path) == 0
