"""Marks when a lesson changes: what is as it was keeps its marks, what changed is graded anew, nothing is lost."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from autograder.checks import edition as editions
from autograder.classroom.run import batch, job, work_list
from autograder.course.manifest import Course, Exercise, Lesson, load_course
from tests.classroom.course_folder import database, grade_here, hand_in, kept, marks, scores
from tests.notebooks import reference_notebook, released_notebook


@pytest.fixture(scope="module")
def graded(entered: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graded class of two."""
    course = shutil.copytree(entered, tmp_path_factory.mktemp("graded") / "course")
    hand_in(course, "anna", reference_notebook())
    hand_in(course, "ben", released_notebook())
    assert grade_here(course, seed=5) == 0
    return course


@pytest.fixture
def course(tmp_path: Path, graded: Path) -> Path:
    """A copy of that class."""
    return shutil.copytree(graded, tmp_path / "course")


def test_a_changed_exercise_is_graded_anew_and_the_others_keep_their_marks(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {entry["name"]: entry for entry in kept(course, "anna")["exercises"]}
    with database(course) as connection:
        connection.execute("update grade set manual_score = 3, needs_manual_grade = 0")
        connection.commit()
    real = editions.edition

    def changed(lesson: Lesson, exercise: Exercise) -> str:
        return "another edition" if exercise.name == "split_rows" else real(lesson, exercise)

    for module in (work_list, job, batch):
        monkeypatch.setattr(module, "edition", changed)
    graded: list[str] = []
    real_grade = job.LessonGrader.grade

    def watch(grader: Any, exercise: Exercise) -> Any:
        graded.append(exercise.name)
        return real_grade(grader, exercise)

    monkeypatch.setattr(job.LessonGrader, "grade", watch)
    assert grade_here(course, seed=6) == 1
    assert graded == ["split_rows", "split_rows"]
    after = {entry["name"]: entry for entry in kept(course, "anna")["exercises"]}
    assert after.pop("split_rows")["seed"] == 6
    before.pop("split_rows")
    assert after == before
    assert {row[3] for row in marks(course) if row[7]} == {"check-split_rows"}


def test_a_new_course_version_keeps_the_marks_of_unchanged_exercises(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept(course, "anna")
    newer = Course(load_course().title, "99.0.0", load_course().lessons)
    for module in (work_list, job):
        monkeypatch.setattr(module, "load_course", lambda: newer)
    monkeypatch.setattr(job.LessonGrader, "grade", lambda *_: pytest.fail("graded again"))
    assert grade_here(course, seed=6) == 0
    after = kept(course, "anna")
    assert (before["course"], after["course"]) == (load_course().version, "99.0.0")
    assert after["exercises"] == before["exercises"]


def test_exercises_that_came_and_went_leave_the_other_marks_alone(course: Path, capsys: pytest.CaptureFixture) -> None:
    with database(course) as connection:
        cell = "(select id from base_cell where name = 'check-{}')"
        connection.execute(f"update grade set manual_score = 1 where cell_id = {cell.format('load_faces')}")
        connection.execute(f"update grade_cells set max_score = 3 where id = {cell.format('parse_pixels')}")
        # As if split_rows had been another exercise when the class handed in its work.
        for table in ("base_cell", "source_cell"):
            connection.execute(f"update {table} set name = replace(name, 'split_rows', 'old_exercise')")
        connection.commit()
    before = marks(course)
    assert grade_here(course, seed=5) == 0
    said = capsys.readouterr().err
    assert "check-old_exercise is no longer in the lesson: 2 marks taken out; the gradebook as it was is kept" in said
    assert "check-split_rows was added" in said
    assert "check-parse_pixels is worth 10 points, 3 before" in said
    after = marks(course)
    assert [row for row in after if "split" not in row[3]] == [row for row in before if "old_exercise" not in row[3]]
    assert scores(course, "anna")["split_rows"] == 10
    assert scores(course, "ben")["split_rows"] == 0
    copies = [path for path in course.iterdir() if path.name.startswith("gradebook.db.")]
    assert len(copies) == 1
    shutil.copy(copies[0], course / "gradebook.db")
    assert marks(course) == before
