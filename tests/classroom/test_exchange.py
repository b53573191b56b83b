"""One way through a real exchange, walked by two users: release, fetch, work in lessons/, submit, grade, feedback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.classroom.desks import NBGRADER, as_user, make_desks
from tests.notebooks import LESSON, reference_notebook

STUDENT = "nobody"  # the one other user that every system has


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
def test_a_student_hands_in_a_handout_and_reads_the_mark(place: Path) -> None:
    asked = as_user(STUDENT, (sys.executable, "-c", "import nbgrader"))
    can = subprocess.run(asked, cwd="/", capture_output=True, text=True)
    if can.returncode:
        pytest.skip(f"user {STUDENT} can't run {sys.executable}: {can.stderr[-200:]}")
    teacher, student = make_desks(place, STUDENT)
    outbound = place / "exchange" / "facial-keypoints" / "outbound" / LESSON
    notebook = student.folder / "lessons" / LESSON / f"{LESSON}.ipynb"

    # What docs/teaching.md has a teacher type in a fresh clone, and nothing before it.
    teacher.run(NBGRADER, "release_assignment", LESSON)
    assert (outbound / notebook.name).read_bytes() == notebook.read_bytes()
    assert [path.name for path in outbound.iterdir()] == [notebook.name]

    # A terminal of JupyterLab opens in lessons/.
    assert f"{LESSON} (already downloaded)" in student.run(NBGRADER, "list", below="lessons")
    notebook.write_text(json.dumps(reference_notebook()), encoding="utf-8")
    worked = notebook.read_bytes()
    student.run(NBGRADER, "fetch_assignment", LESSON)
    assert notebook.read_bytes() == worked
    student.run(NBGRADER, "submit", LESSON)

    teacher.run(NBGRADER, "collect", LESSON)
    said = teacher.run(sys.executable, "-m", "autograder", "grade", "01")
    assert "1 graded" in said
    assert "secret" not in said
    teacher.run(NBGRADER, "generate_feedback", LESSON)
    teacher.run(NBGRADER, "release_feedback", LESSON)

    student.run(NBGRADER, "fetch_feedback", LESSON)
    pages = list((notebook.parent / "feedback").rglob("*.html"))
    assert len(pages) == 1
    assert "Score: 40.0 / 40.0" in pages[0].read_text(encoding="utf-8")
    # A new version of the course finds the work, and nothing else to speak of.
    exchange = str(place / "exchange")
    again = (sys.executable, "-m", "autograder", "handout", str(student.folder), "--exchange", exchange)
    assert "nothing changed" in teacher.run(*again)
    assert notebook.read_bytes() == worked
