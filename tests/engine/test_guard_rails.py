"""What keeps authors from releasing a lesson that can't be graded; and what tells that an exercise changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.authoring import build, promise, proof
from autograder.checks import edition as editions
from autograder.course.manifest import Course, CourseError, Lesson, find_lesson, load_course
from autograder.course.released import released_path
from tests.notebooks import LESSON, reference_notebook, released_notebook, save, with_code

lesson = find_lesson(LESSON)


def with_points(points: float) -> Lesson:
    """The lesson, its last exercise worth something else."""
    return replace(lesson, exercises=(*lesson.exercises[:-1], replace(lesson.exercises[-1], points=points)))


TURNED = replace(lesson, exercises=lesson.exercises[::-1])
SHORTER = replace(lesson, exercises=lesson.exercises[1:])


@pytest.mark.parametrize("changed", [with_points(12.0), TURNED, SHORTER], ids=["points", "order", "exercises"])
def test_a_released_lesson_changes_only_with_the_course_version(
    changed: Lesson, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert promise.check_promise(lesson) is None
    with pytest.raises(CourseError, match="give course.yaml another version"):
        promise.check_promise(changed)
    course = load_course()
    monkeypatch.setattr(promise, "load_course", lambda: Course(course.title, "99.0.0", course.lessons))
    assert "in version 99.0.0" in promise.check_promise(changed)


def test_every_release_holds_its_promise() -> None:
    for each in load_course().lessons:
        held = json.loads(released_path(each).read_text(encoding="utf-8"))
        assert {name: held[name] for name in ("version", "exercises")} == promise.promise(each)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of one lesson, solved and released, to be proven."""
    monkeypatch.setattr(proof, "ROOT", tmp_path)
    monkeypatch.setattr(proof, "PROVEN", tmp_path / "proven")
    save(reference_notebook(), tmp_path / "solutions")
    save(released_notebook(), tmp_path / "lessons")
    return tmp_path


def test_what_was_proven_is_not_graded_again(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proof.prove(lesson)
    monkeypatch.setattr(proof, "_grade", lambda *_: pytest.fail("graded again"))
    proof.prove(lesson)


def test_a_reference_that_falls_short_is_refused(folders: Path) -> None:
    wrong = "def split_rows(n_rows, val_fraction=0.2, seed=0):\n    return [], []\n"
    save(with_code("split_rows", wrong), folders / "solutions")
    with pytest.raises(CourseError, match=r"(?s)do not score in full.*01_pixel_parsing/split_rows: failed"):
        proof.prove(lesson)
    assert not list((folders / "proven").glob("*"))


def test_a_stub_that_scores_is_refused(folders: Path) -> None:
    solved = "def scale_pixels(images):\n    return np.asarray(images, dtype=np.float32) / 255\n"
    notebook = released_notebook()
    next(cell for cell in notebook["cells"] if cell["id"] == "scale_pixels")["source"] = solved
    save(notebook, folders / "lessons")
    with pytest.raises(CourseError, match=r"(?s)stubs must score nothing.*scale_pixels: passed, 5 of 5 points"):
        proof.prove(lesson)


def test_a_lesson_that_must_not_go_out_leaves_every_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "SOLUTIONS", tmp_path / "solutions")
    monkeypatch.setattr(build, "LESSONS", tmp_path / "lessons")
    monkeypatch.setattr(build, "released_path", lambda lesson: tmp_path / "released.json")
    (tmp_path / "released.json").write_text("as it was")
    seen: list[str] = []

    def refuse(lesson: Lesson) -> None:
        seen.extend(path.name for path in tmp_path.rglob("*.ipynb"))
        raise CourseError("no")

    monkeypatch.setattr(build, "prove", refuse)
    with pytest.raises(CourseError, match="no"):
        build.build((lesson,))
    assert seen == [f"{LESSON}.ipynb"] * 2
    assert not list(tmp_path.rglob("*.ipynb"))
    assert (tmp_path / "released.json").read_text() == "as it was"


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("checks/lesson_01/pixel_parsing.py", True),
        ("checks/common/shared.py", True),
        ("probes/lesson_01.py", True),
        ("probes/calling.py", True),
        ("checks/lesson_02/nan_masking.py", False),
        ("probes/lesson_02.py", False),
    ],
)
def test_an_edition_changes_with_the_files_that_decide_its_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, changes: bool
) -> None:
    monkeypatch.setattr(editions, "CHECKS", tmp_path / "checks")
    monkeypatch.setattr(editions, "PROBES", tmp_path / "probes")
    for room in ("checks/lesson_01", "checks/lesson_02", "checks/common", "probes"):
        (tmp_path / room).mkdir(parents=True)
    path = tmp_path / file

    def edition_now() -> str:
        editions._digest_of_files.cache_clear()
        return editions.edition.__wrapped__(lesson, lesson.exercises[0])

    try:
        path.write_bytes(b"one = 1\ntwo = 2\n")
        before = edition_now()
        path.write_bytes(b"one = 1\r\ntwo = 2\r\n")
        assert edition_now() == before
        path.write_bytes(b"one = 1\ntwo = 3\n")
        assert (edition_now() != before) == changes
    finally:
        editions._digest_of_files.cache_clear()


def test_editions_differ_between_exercises_and_with_points() -> None:
    found = {editions.edition(each, exercise) for each in load_course().lessons for exercise in each.exercises}
    assert len(found) == sum(len(each.exercises) for each in load_course().lessons)
    dearer = with_points(12.0)
    assert editions.edition(dearer, dearer.exercises[-1]) != editions.edition(lesson, lesson.exercises[-1])
    assert editions.edition(dearer, dearer.exercises[0]) == editions.edition(lesson, lesson.exercises[0])
