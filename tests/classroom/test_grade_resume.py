"""A run that is cut off, at any moment and in any way, goes on where it was: nothing lost, nothing graded twice."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.course.manifest import ROOT
from tests.classroom.course_folder import comments, grade_here, hand_in, marks, run_grade
from tests.notebooks import LESSON, reference_notebook, released_notebook, with_code

KILLS, STUDENTS = 20, 8
MOST_ROUNDS = 40
HALF = "def split_rows(n_rows, val_fraction=0.2, seed=0):\n    return [], []\n"
pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")]


@pytest.fixture(scope="module")
def handed_in(entered: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small class before it is graded, its lesson in the gradebook."""
    course = shutil.copytree(entered, tmp_path_factory.mktemp("resume") / "course")
    hand_in(course, "anna", reference_notebook())
    hand_in(course, "ben", with_code("split_rows", HALF))
    hand_in(course, "cem", reference_notebook())
    for student in ("dana", "eli", "fay"):
        hand_in(course, student, released_notebook())
    hand_in(course, "gus", b"{")
    hand_in(course, "hana", None)
    return course


@pytest.fixture(scope="module")
def uninterrupted(handed_in: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list, list]:
    """The marks and comments of a run that nothing disturbed."""
    course = shutil.copytree(handed_in, tmp_path_factory.mktemp("whole") / "course")
    assert grade_here(course, seed=5) == 1
    assert len(marks(course)) == STUDENTS * 4
    return marks(course), comments(course)


def start(course: Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "autograder", "grade", "--course", str(course), "--seed", "5", *arguments]
    with (course / "said.txt").open("ab") as said:
        return subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said, start_new_session=True)


def kept_results(course: Path) -> dict[str, bytes]:
    return {path.parent.parent.name: path.read_bytes() for path in course.glob(f"grading/*/{LESSON}/result.json")}


def wait_until_it_grades(run: subprocess.Popen, course: Path) -> None:
    """Wait until the run has written down that it began, or ended."""
    record = course / "grading" / "run.json"
    before = record.stat().st_mtime_ns if record.exists() else 0
    while run.poll() is None and (record.stat().st_mtime_ns if record.exists() else 0) == before:
        time.sleep(0.02)


def wait_for_results(run: subprocess.Popen, course: Path, count: int) -> None:
    """Wait until so many results are kept, or the run ended."""
    while run.poll() is None and len(kept_results(course)) < count:
        time.sleep(0.005)


def kill_at_random(run: subprocess.Popen, course: Path, moments: random.Random) -> bool:
    """Kill a run while it starts, when it begins to grade, or around its next results; return whether it was killed."""
    further = moments.choice((None, 0, 1, 1, 2))
    if further is not None:
        kept = len(kept_results(course))
        wait_until_it_grades(run, course)
        wait_for_results(run, course, kept + further)
    try:
        # Around a result, what matters takes milliseconds: the notebook, the log, the result, the gradebook.
        run.wait(moments.uniform(0.0, 0.2 if further else 2.0))
    except subprocess.TimeoutExpired:
        os.kill(run.pid, signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
        return True
    assert run.returncode == 1, (course / "said.txt").read_text()
    return False


def test_killed_at_random_moments_it_ends_with_the_same_gradebook(
    handed_in: Path, uninterrupted: tuple[list, list], tmp_path: Path
) -> None:
    moments = random.Random(2026)
    kills, halfway, rounds = 0, 0, 0
    while kills < KILLS:
        rounds += 1
        assert rounds <= MOST_ROUNDS, f"only {kills} kills"
        course, seen = shutil.copytree(handed_in, tmp_path / str(rounds)), {}
        while kills < KILLS and kill_at_random(start(course), course, moments):
            kills += 1
            now = kept_results(course)
            assert {student: now.get(student) for student in seen} == seen, "something was lost or graded twice"
            seen = now
            halfway += 0 < len(now) < STUDENTS
        assert run_grade(course, "--seed", "5").returncode == 1
        assert seen.items() <= kept_results(course).items()
        assert (marks(course), comments(course)) == uninterrupted
    assert halfway >= KILLS // 4, "most runs were killed before or after their work"


def test_ctrl_c_ends_at_once_and_the_same_command_goes_on(
    handed_in: Path, uninterrupted: tuple[list, list], tmp_path: Path
) -> None:
    course = shutil.copytree(handed_in, tmp_path / "course")
    run = start(course)
    wait_until_it_grades(run, course)
    # As a terminal does it: to every process of the command.
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait() == 130
    said = (course / "said.txt").read_text()
    assert "interrupted; run the same command again to go on" in said
    assert "Traceback" not in said
    first = kept_results(course)
    done = run_grade(course)
    assert done.returncode == 1
    assert "going on with the run of" in done.stderr
    assert "seed 5" in done.stdout
    assert first.items() <= kept_results(course).items()
    assert (marks(course), comments(course)) == uninterrupted


def test_a_forced_run_that_was_cut_off_grades_nothing_twice(
    handed_in: Path, uninterrupted: tuple[list, list], tmp_path: Path
) -> None:
    course = shutil.copytree(handed_in, tmp_path / "course")
    assert grade_here(course, seed=5) == 1
    old = kept_results(course)
    run = start(course, "--force")
    while run.poll() is None and kept_results(course) == old:
        time.sleep(0.02)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    anew = {student: content for student, content in kept_results(course).items() if content != old[student]}
    assert anew
    done = run_grade(course, "--seed", "5", "--force")
    assert f"{STUDENTS - len(anew)} graded, {len(anew)} unchanged" in done.stdout
    assert anew.items() <= kept_results(course).items()
    assert (marks(course), comments(course)) == uninterrupted
