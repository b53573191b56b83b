"""One way through a real exchange, walked by two users: release, fetch, work in lessons/, submit, grade, feedback."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.course.manifest import ROOT
from tests.classroom.course_folder import environment
from tests.notebooks import LESSON, reference_notebook

STUDENT = "nobody"  # the one other user that every system has
NBGRADER = str(Path(sys.executable).with_name("nbgrader"))


def as_student(command: list[str]) -> list[str]:
    user = pwd.getpwnam(STUDENT)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--no-new-privs", *command]


def run(command: list[str], folder: Path, exchange: Path, home: Path) -> str:
    """Run a command in a clone; return what it said. It has to end well."""
    there = environment() | {"COURSE_EXCHANGE": str(exchange), "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=folder, env=there, capture_output=True, text=True, timeout=300)
    said = done.stdout + done.stderr
    assert done.returncode == 0, f"{' '.join(command)}: {said[-3000:]}"
    return said


def clone(target: Path) -> Path:
    """Copy what git has or would take of this course, as a fresh clone has it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)
    return target


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that both users reach, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="exchange-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root acts as two users")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_a_student_hands_in_lessons_and_reads_the_mark(place: Path) -> None:
    can = subprocess.run(as_student([sys.executable, "-c", "import nbgrader"]), cwd="/", capture_output=True, text=True)
    if can.returncode:
        pytest.skip(f"user {STUDENT} can't run {sys.executable}: {can.stderr[-200:]}")
    teacher, student = clone(place / "teacher"), clone(place / "student")
    homes = {name: place / f"home-{name}" for name in ("teacher", "student")}
    for home in homes.values():
        home.mkdir()
    exchange = place / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    for path in (student, homes["student"]):
        subprocess.run(["chown", "-R", STUDENT, str(path)], check=True)

    def teaches(*command: str) -> str:
        return run([*command], teacher, exchange, homes["teacher"])

    def studies(*command: str) -> str:
        return run(as_student([*command]), student, exchange, homes["student"])

    teaches(NBGRADER, "release_assignment", LESSON)
    notebook = student / "lessons" / LESSON / f"{LESSON}.ipynb"
    released = notebook.read_bytes()
    notebook.write_text(json.dumps(reference_notebook()), encoding="utf-8")
    worked = notebook.read_bytes()
    studies(NBGRADER, "fetch_assignment", LESSON)
    assert notebook.read_bytes() == worked
    studies(NBGRADER, "submit", LESSON)
    teaches(NBGRADER, "collect", LESSON)
    said = teaches(sys.executable, "-m", "autograder", "grade", "01")
    assert "1 graded" in said
    assert "secret" not in said
    teaches(NBGRADER, "generate_feedback", LESSON)
    teaches(NBGRADER, "release_feedback", LESSON)
    studies(NBGRADER, "fetch_feedback", LESSON)
    pages = list((student / "lessons" / LESSON / "feedback").rglob("*.html"))
    assert len(pages) == 1
    assert "Score: 40.0 / 40.0" in pages[0].read_text(encoding="utf-8")
    notebook.write_bytes(released)
    # What was fetched is no file that a source should account for.
    assert "in step" in studies(sys.executable, "-m", "autograder", "build", "--check", "01")
