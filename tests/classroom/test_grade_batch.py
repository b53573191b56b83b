"""``python -m autograder grade``: a class of every kind of submission, what is skipped, and gradebooks in trouble."""

from __future__ import annotations

import copy
import errno
import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from filelock import FileLock

from autograder.checks.edition import edition
from autograder.classroom.folders.handed_in import find_submitted, read_handed_in
from autograder.classroom.folders.settings import load_settings
from autograder.classroom.gradebook.shown_notebook import make_notebook
from autograder.classroom.results import store
from autograder.classroom.run import pool
from autograder.classroom.run.batch import GradeRequest, grade_class
from autograder.classroom.run.job import Job
from autograder.course.manifest import ROOT, CourseError, find_lesson, load_course
from autograder.grading.notebook_choice import read_notebook
from tests.classroom.course_folder import (
    STAMP,
    Here,
    comments,
    database,
    grade_here,
    hand_in,
    kept,
    make_course,
    marks,
    run_grade,
    scores,
)
from tests.notebooks import LESSON, cell_of, reference_notebook, released_notebook, with_code

DEF = "def split_rows(n_rows, val_fraction=0.2, seed=0):\n    "
LOUD = "import sys\nimport numpy as np\nprint('loud', file=sys.stderr)\n"
HALF = f"{LOUD}{DEF}return np.split(np.random.default_rng(seed).permutation(n_rows), [n_rows // 2])\n"
PENALTY = """
from nbgrader.plugins import LateSubmissionPlugin


class Half(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return score / 2
"""
CRASH = f"import os\n{DEF}os._exit(0)\n"
FULL = {"parse_pixels": 10.0, "scale_pixels": 5.0, "load_faces": 15.0, "split_rows": 10.0}
NOTHING = dict.fromkeys(FULL, 0.0)
lesson = find_lesson(LESSON)


def doubled() -> dict:
    notebook = reference_notebook()
    notebook["cells"] += copy.deepcopy(notebook["cells"])
    return notebook


def without_checks() -> dict:
    notebook = reference_notebook()
    notebook["cells"] = [cell for cell in notebook["cells"] if not cell["metadata"].get("nbgrader", {}).get("grade")]
    return notebook


def tree(folder: Path) -> dict[str, object]:
    """Return what lies in a folder: contents, links and modes."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        facts = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(folder))] = (facts.st_mode, content)
    return found


def the_class(course: Path) -> None:
    """Hand in twelve submissions, each of another kind."""
    hand_in(course, "correct", reference_notebook())
    hand_in(course, "stubs", released_notebook())
    hand_in(course, "partial", with_code("split_rows", HALF))
    hand_in(course, "wrong", with_code("split_rows", f"{DEF}return 1 / 0\n"))
    hand_in(course, "crash", with_code("split_rows", CRASH))
    hand_in(course, "Zoë Nuñez 你好", reference_notebook())
    hand_in(course, "broken", b'{"cells": [')
    hand_in(course, "empty", None)
    hand_in(course, "doubled", doubled())
    renamed = hand_in(course, "renamed", reference_notebook())
    (renamed / f"{LESSON}.ipynb").rename(renamed / "my copy (1).ipynb")
    linked = hand_in(course, "linked", None)
    (linked / f"{LESSON}.ipynb").symlink_to(ROOT / "solutions" / LESSON / f"{LESSON}.ipynb")
    huge = hand_in(course, "huge", None)
    with (huge / f"{LESSON}.ipynb").open("wb") as stream:
        stream.truncate(200 * 2**20)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, dict[str, object]]:
    """A graded class of twelve, what the command said, and what had been handed in."""
    course = make_course(tmp_path_factory.mktemp("class"))
    the_class(course)
    (course / "submitted" / "correct" / "homework_9").mkdir()
    before = tree(course / "submitted")
    done = run_grade(course, "--seed", "5")
    assert done.returncode == 1, done.stderr
    return course, done.stdout + done.stderr, before


@pytest.mark.slow
def test_everybody_gets_the_marks_of_their_work(graded: tuple[Path, str, dict]) -> None:
    course, said, _ = graded
    for student in ("correct", "Zoë Nuñez 你好", "doubled", "renamed"):
        assert scores(course, student) == FULL, student
    for student in ("stubs", "broken", "empty", "linked", "huge"):
        assert scores(course, student) == NOTHING, student
    partial = scores(course, "partial")
    assert 0 < partial.pop("split_rows") < 10
    assert partial.items() <= FULL.items()
    assert scores(course, "wrong") == FULL | {"split_rows": 0.0}
    assert scores(course, "crash") == FULL | {"split_rows": 0.0}
    assert "12 graded, 0 unchanged; seed 5" in said


@pytest.mark.slow
def test_who_needs_a_look_is_said_and_why(graded: tuple[Path, str, dict]) -> None:
    _, said, _ = graded
    lines = said.partition("5 to look at:")[2].splitlines()
    for student, why in {
        "broken": "is not a notebook",
        "empty": f"no notebook {LESSON}.ipynb was handed in",
        "linked": "is a link to a file outside of the submission",
        "huge": "has 200 MB",
        "crash": "split_rows ended its process",
    }.items():
        assert any(line.startswith(f"  {student}, {LESSON}: ") and why in line for line in lines), (student, said)
    assert "homework_9 is no lesson of this course" in said


@pytest.mark.slow
def test_nothing_handed_in_is_touched(graded: tuple[Path, str, dict]) -> None:
    course, _, before = graded
    assert tree(course / "submitted") == before


@pytest.mark.slow
def test_doubtful_marks_are_flagged_for_the_teacher(graded: tuple[Path, str, dict]) -> None:
    course, _, _ = graded
    flagged = {(row[1], row[3]) for row in marks(course) if row[7]}
    unread = {(student, f"check-{name}") for student in ("broken", "empty", "linked", "huge") for name in FULL}
    assert flagged == unread | {("crash", "check-split_rows")}
    assert {row[3] for row in comments(course) if row[1] == "stubs"} == {"No response."}
    assert {row[3] for row in comments(course) if row[1] == "correct"} == {None}


@pytest.mark.slow
def test_every_submission_has_a_valid_notebook_and_a_log(graded: tuple[Path, str, dict]) -> None:
    course, _, _ = graded
    for folder in (course / "submitted").iterdir():
        student = folder.name
        notebook = nbformat.read(course / "autograded" / student / LESSON / f"{LESSON}.ipynb", as_version=4)
        nbformat.validate(notebook)
        shown = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
        result = kept(course, student)
        for entry in result["exercises"]:
            outputs = shown[f"check-{entry['name']}"].outputs
            assert outputs[-1].data["text/plain"] == entry["text"]
            assert outputs[-1].data["text/html"] == entry["html"]
        log = (course / "grading" / student / LESSON / "log.txt").read_text(encoding="utf-8")
        assert all(entry["text"] in log for entry in result["exercises"])
        assert "seed 5" in log
        assert (course / "autograded" / student / LESSON / "timestamp.txt").read_text() == STAMP


@pytest.mark.slow
def test_unchanged_work_is_skipped_and_changed_work_is_not(graded: tuple[Path, str, dict]) -> None:
    course = shutil.copytree(graded[0], graded[0].with_name("again"), symlinks=True)
    before = tree(course / "grading"), marks(course)
    assert grade_here(course, seed=6) == 1
    after = tree(course / "grading")
    assert {name: after[name] for name in after if name.endswith("result.json")} == {
        name: before[0][name] for name in before[0] if name.endswith("result.json")
    }
    assert marks(course) == before[1]
    hand_in(course, "wrong", reference_notebook(), stamp="2026-03-02 08:00:00.000000 UTC")
    assert grade_here(course, seed=6) == 1
    assert scores(course, "wrong") == FULL
    assert kept(course, "wrong")["seed"] == 6
    assert kept(course, "correct")["seed"] == 5
    stamps = {row[1]: row[2] for row in marks(course)}
    assert stamps["wrong"] == "2026-03-02 08:00:00.000000"
    assert stamps["correct"] == "2026-03-01 10:00:00.000000"
    assert grade_here(course, "01", students=("correct",), force=True, seed=7) == 0
    assert kept(course, "correct")["seed"] == 7
    assert kept(course, "wrong")["seed"] == 6


@pytest.fixture
def course(tmp_path: Path, entered: Path) -> Path:
    """A course folder whose gradebook knows the lesson, with two submissions that need no running to be graded."""
    course = shutil.copytree(entered, tmp_path / "course")
    hand_in(course, "anna", released_notebook())
    hand_in(course, "ben", released_notebook())
    return course


def test_a_mark_given_by_hand_stands_and_is_flagged(course: Path, capsys: pytest.CaptureFixture) -> None:
    assert grade_here(course) == 0
    with database(course) as connection:
        connection.execute("update grade set manual_score = 7, needs_manual_grade = 0")
        connection.commit()
    assert grade_here(course) == 0
    assert {row[5] for row in marks(course)} == {7.0}
    assert not any(row[7] for row in marks(course))
    assert grade_here(course, students=("anna",), force=True) == 1
    assert "the mark given by hand stands" in capsys.readouterr().out
    assert {row[5] for row in marks(course)} == {7.0}
    assert {(row[1], row[7]) for row in marks(course)} == {("anna", 1), ("ben", 0)}


def test_students_who_handed_in_nothing_are_named(course: Path, capsys: pytest.CaptureFixture) -> None:
    assert grade_here(course) == 0
    shutil.rmtree(course / "submitted" / "ben")
    assert grade_here(course) == 0
    assert f"{LESSON}: nothing handed in by ben" in capsys.readouterr().out


def test_a_new_time_stamp_alone_reaches_the_gradebook(course: Path) -> None:
    assert grade_here(course) == 0
    before = kept(course, "anna")
    hand_in(course, "anna", released_notebook(), stamp="2026-04-01 10:00:00.000000 UTC")
    assert grade_here(course, seed=8) == 0
    assert {row[2] for row in marks(course) if row[1] == "anna"} == {"2026-04-01 10:00:00.000000"}
    assert (course / "autograded" / "anna" / LESSON / "timestamp.txt").read_text().startswith("2026-04-01")
    assert kept(course, "anna")["exercises"] == before["exercises"]


def test_late_work_gets_the_penalty_that_the_teacher_set_up(course: Path) -> None:
    (course / "half_marks.py").write_text(PENALTY)
    config = course / "nbgrader_config.py"
    extra = f"import sys\nsys.path.insert(0, {str(course)!r})\nc.AssignLatePenalties.plugin_class = 'half_marks.Half'\n"
    config.write_text(config.read_text() + extra)
    hand_in(course, "ben", reference_notebook())
    assert grade_here(course) == 0
    with database(course) as connection:
        connection.execute("update assignment set duedate = '2026-02-28 10:00:00.000000'")
        connection.commit()
    assert grade_here(course, force=True) == 0
    with database(course) as connection:
        found = connection.execute(
            "select student_id, late_submission_penalty from submitted_notebook join submitted_assignment "
            "on submitted_assignment.id = submitted_notebook.assignment_id order by 1"
        ).fetchall()
    assert found == [("anna", 0.0), ("ben", 20.0)]


@pytest.mark.parametrize(
    ("assignments", "options", "said"),
    [
        (("77",), {}, "no lesson '77'"),
        (("02",), {}, "nobody handed in 02_nan_masking"),
        ((), {"students": ("nobody",)}, "holds nothing of nobody"),
    ],
)
def test_bad_requests_are_refused(course: Path, assignments: tuple, options: dict, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        grade_here(course, *assignments, **options)
    assert not (course / "grading").exists()


def test_a_bad_request_ends_in_one_line(tmp_path: Path) -> None:
    done = run_grade(tmp_path)
    assert done.returncode == 2
    assert "has no nbgrader_config.py" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_second_run_at_the_same_time_is_refused(course: Path) -> None:
    (course / "grading").mkdir()
    with FileLock(course / "grading" / "lock"), pytest.raises(CourseError, match="another run is at work"):
        grade_here(course)


def damage(course: Path) -> None:
    (course / "gradebook.db").write_bytes(b"this is no database" * 1000)


def of_another_course(course: Path) -> None:
    (course / "gradebook.db").unlink()
    with database(course) as connection:
        connection.execute("create table course (id varchar(128) primary key)")
        connection.execute("insert into course values ('history-101')")
        connection.execute(
            "create table assignment (id varchar(32), name varchar(128), duedate datetime, course_id varchar(128))"
        )
        connection.execute("insert into assignment values ('1', 'essay', null, 'history-101')")
        connection.commit()


@pytest.mark.parametrize(
    ("spoil", "said"), [(damage, "is damaged"), (of_another_course, "belongs to the course history-101")]
)
def test_a_gradebook_in_trouble_loses_no_marks(
    course: Path, entered: Path, capsys: pytest.CaptureFixture, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(course)
    before = (course / "gradebook.db").read_bytes()
    assert grade_here(course) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert "2 results are not in the gradebook yet" in told.out
    assert "Traceback" not in told.err
    assert (course / "gradebook.db").read_bytes() == before
    assert kept(course, "anna")["score"] == 0
    # As the message asks for: a backup in its place.
    shutil.copy(entered / "gradebook.db", course / "gradebook.db")
    assert grade_here(course) == 0
    assert "0 graded, 2 unchanged" in capsys.readouterr().out
    assert {row[1] for row in marks(course)} == {"anna", "ben"}


def test_a_locked_gradebook_is_written_once_it_is_free(
    course: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert grade_here(course, students=("anna",)) == 0
    monkeypatch.setattr("autograder.classroom.gradebook.gradebook.PATIENCE", 0.2)
    holder = sqlite3.connect(course / "gradebook.db", isolation_level=None)
    holder.execute("begin exclusive")
    try:
        assert grade_here(course) == 2
    finally:
        holder.execute("rollback")
        holder.close()
    assert "is locked by another program" in capsys.readouterr().err
    assert {row[1] for row in marks(course)} == {"anna"}
    assert grade_here(course) == 0
    assert {row[1] for row in marks(course)} == {"anna", "ben"}
    assert "0 graded, 2 unchanged" in capsys.readouterr().out


def test_a_full_disk_loses_nothing(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    written = []
    real = store.os.fsync

    def fsync(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) > 12:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(store.os, "fsync", fsync)
    with pytest.raises(CourseError, match="No space left on device; what was graded before is kept: make room"):
        grade_here(course)
    monkeypatch.setattr(store.os, "fsync", real)
    first = kept(course, "anna")
    assert not (course / "grading" / "ben" / LESSON / "result.json").exists()
    assert grade_here(course) == 0
    assert "1 graded, 1 unchanged" in capsys.readouterr().out
    assert kept(course, "anna") == first
    assert {row[1] for row in marks(course)} == {"anna", "ben"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_things_that_are_no_files_stop_nobody(course: Path, capsys: pytest.CaptureFixture) -> None:
    pipe = hand_in(course, "pipe", None)
    os.mkfifo(pipe / f"{LESSON}.ipynb")
    folder = hand_in(course, "folder", None)
    (folder / f"{LESSON}.ipynb").mkdir()
    (course / "submitted" / "file").mkdir()
    (course / "submitted" / "file" / LESSON).write_text("no folder")
    (course / "submitted" / "whole").symlink_to(ROOT / "solutions")
    loop = hand_in(course, "loop", None)
    (loop / f"{LESSON}.ipynb").symlink_to(loop / f"{LESSON}.ipynb")
    extra = hand_in(course, "extra", released_notebook())
    (extra / "passwords").symlink_to("/etc/passwd")
    dated = hand_in(course, "dated", released_notebook(), stamp="yesterday, I think")
    os.mkdir(os.fsencode(course / "submitted") + b"/latin\xe9")
    os.mkdir(os.fsencode(course / "submitted") + b"/latin\xe9/" + LESSON.encode())
    assert grade_here(course) == 1
    said = capsys.readouterr().out
    for student, why in {
        "pipe": "is no file",
        "folder": "is no file",
        "file": "is no folder",
        "whole": "is a link; it was not followed",
        "loop": "can't be opened",
        "extra": "passwords is a link to a file outside of the submission",
        "dated": "timestamp.txt holds no date",
        "latin\\udce9": "no UTF-8 text",
    }.items():
        assert any(f"  {student}, {LESSON}: " in line and why in line for line in said.splitlines()), (student, said)
    assert not (course / "autograded" / "extra" / LESSON / "passwords").exists()
    assert (dated / "timestamp.txt").read_text() == "yesterday, I think"
    assert scores(course, "anna") == NOTHING


def test_an_unreadable_notebook_is_said(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    real = os.open

    def refuse(path: object, flags: int, *more: object, **options: object) -> int:
        if "ben" in str(path) and str(path).endswith(".ipynb") and not flags & os.O_WRONLY:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, *more, **options)

    monkeypatch.setattr("autograder.classroom.folders.handed_in.os.open", refuse)
    assert grade_here(course) == 1
    assert f"ben, {LESSON}: {LESSON}.ipynb can't be opened: Permission denied" in capsys.readouterr().out
    assert scores(course, "anna") == NOTHING


def test_a_job_that_ends_its_process_costs_no_other_job(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [Job(name, LESSON, 1, "none", problem=name) for name in ("a", "b", "c")]
    bad = Job("bad", LESSON, 1, "no such isolation", content=b"{}", file="x.ipynb")
    with pool.LocalPool(2) as local:
        for process in (local._start(), local._start()):
            process.process.kill()
        found = {job.student: outcome for job, outcome in local.run([*jobs, bad])}
    assert {name for name, outcome in found.items() if isinstance(outcome, dict)} == {"a", "b", "c"}
    assert "no such isolation" in str(found["bad"])


class CutOff(Here):
    """An executor that Ctrl-C interrupts after its first result."""

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, pool.Outcome]]:
        """Yield one job with its outcome."""
        yield next(super().run(jobs))
        raise KeyboardInterrupt


def test_a_run_that_was_cut_off_goes_on_with_its_seed_and_grades_nothing_twice(
    course: Path, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(KeyboardInterrupt):
        grade_class(GradeRequest(course=course), CutOff())
    first = {path: path.read_bytes() for path in course.glob("grading/*/*/result.json")}
    assert len(first) == 1
    assert grade_here(course, seed=None) == 0
    told = capsys.readouterr()
    assert "going on with the run of" in told.err
    assert "1 graded, 1 unchanged" in told.out
    assert all(path.read_bytes() == content for path, content in first.items())
    assert kept(course, "anna")["run"] == kept(course, "ben")["run"]
    assert kept(course, "anna")["seed"] == kept(course, "ben")["seed"]


def as_an_earlier_run_kept_it(course: Path, student: str) -> dict[str, Any]:
    """Return the content of a result file in the first version of its format: full points in every exercise."""
    (handed_in,) = (each for each in find_submitted(load_settings(course).coursedir, lesson) if each.student == student)
    exercises = [
        {
            "name": exercise.name,
            "score": exercise.points,
            "max_score": exercise.points,
            "outcome": "passed",
            "misconception": None,
            "doubtful": False,
            "seconds": 0.25,
            "seed": 77,
            "edition": edition(lesson, exercise),
            "text": "All checks passed.",
            "html": "<p>All checks passed.</p>",
        }
        for exercise in lesson.exercises
    ]
    return {
        "format": 1,
        "student": student,
        "assignment": LESSON,
        "course": load_course().version,
        "isolation": "isolated (bubblewrap)",
        "seconds": 1.5,
        "score": lesson.points,
        "max_score": lesson.points,
        "graded": [exercise.name for exercise in lesson.exercises],
        "exercises": exercises,
        "notes": [],
        "look": [],
        "digest": read_handed_in(handed_in).digest,
        "timestamp": STAMP,
        "run": "0123456789abcdef",
        "seed": 77,
        "graded_at": "2026-03-01T10:00:00+00:00",
    }


def test_a_result_that_an_earlier_run_kept_is_read(course: Path, capsys: pytest.CaptureFixture) -> None:
    result = as_an_earlier_run_kept_it(course, "anna")
    for path, content in (
        (f"grading/anna/{LESSON}/result.json", result),
        (f"autograded/anna/{LESSON}/{LESSON}.ipynb", {}),
    ):
        (course / path).parent.mkdir(parents=True)
        (course / path).write_text(json.dumps(content), encoding="utf-8")
    assert grade_here(course) == 0
    assert "1 graded, 1 unchanged" in capsys.readouterr().out
    assert kept(course, "anna") == result
    assert scores(course, "anna") == FULL
    assert scores(course, "ben") == NOTHING


def test_a_failing_grader_gives_no_mark(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    real = pool.grade_submission

    def fail(job: Job) -> dict:
        if job.student == "anna":
            raise RuntimeError("a fault of the grader")
        return real(job)

    monkeypatch.setattr(pool, "grade_submission", fail)
    assert grade_here(course) == 1
    assert f"anna, {LESSON}: not graded: RuntimeError: a fault of the grader" in capsys.readouterr().out
    assert {row[1] for row in marks(course)} == {"ben"}
    monkeypatch.setattr(pool, "grade_submission", real)
    assert grade_here(course) == 0
    assert "1 graded, 1 unchanged" in capsys.readouterr().out


@pytest.mark.parametrize(
    "cells",
    [
        ["text", 3, None, {"cell_type": ["code"], "source": {"a": 1}, "metadata": 5}],
        [{"cell_type": "raw", "source": "<script>1</script>", "metadata": {"raw_mimetype": "text/html"}}],
        [{"cell_type": "markdown", "source": ["a", 7, "\ud800"], "attachments": {"x": {"text/html": "<b>"}}}],
        [{"cell_type": "code", "metadata": {"nbgrader": {"grade_id": ["check"]}}, "source": "x = 1"}],
        [{"cell_type": "code", "metadata": {"nbgrader": {"grade_id": "check-split_rows"}}, "source": "mine = 1"}],
    ],
)
def test_any_cells_make_a_valid_notebook_with_every_check_once(cells: list) -> None:
    content = json.dumps({"cells": cells}).encode()
    notebook = nbformat.reads(make_notebook(read_notebook(f"{LESSON}.ipynb", content, lesson)), as_version=4)
    nbformat.validate(notebook)
    json.dumps(notebook, ensure_ascii=False).encode()
    ids = [cell.metadata.nbgrader.grade_id for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    assert ids == [exercise.check_id for exercise in lesson.exercises]
    assert all(cell.cell_type != "raw" for cell in notebook.cells)
    assert "text/html" not in json.dumps([cell.get("attachments") for cell in notebook.cells])


def test_what_a_student_wrote_into_a_check_is_shown_beside_the_check() -> None:
    notebook = reference_notebook()
    cell_of(notebook, "check-split_rows")["source"] = "print('all mine')"
    shown = nbformat.reads(
        make_notebook(read_notebook(f"{LESSON}.ipynb", json.dumps(notebook).encode(), lesson)), as_version=4
    )
    sources = [cell.source for cell in shown.cells]
    assert "print('all mine')" in sources
    assert sources.count('autograder.check("split_rows")') == 1
    checks = [cell.metadata.nbgrader.grade_id for cell in shown.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    assert checks == [exercise.check_id for exercise in lesson.exercises]


def test_ctrl_c_while_a_process_starts_is_not_lost() -> None:
    def start() -> None:
        with pool._no_interrupts():
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        start()
