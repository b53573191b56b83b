"""A lesson without exercises is built, listed and shown like the others, and nothing of it is graded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.__main__ import main
from autograder.authoring.readme_table import readme_table
from autograder.course.manifest import ROOT, Course, CourseError, find_lesson, find_notebook, load_course, read_course

PRIMER = find_notebook("00")
TEXT = """title: A course
version: 1.0.0
ungraded:
  - {id: 00_primer, title: Before, goal: Know it, minutes: 30, frameworks: [torch]}
lessons:
  - id: 01_parsing
    title: Parsing
    goal: Parse
    minutes: 45
    frameworks: []
    needs: []
    exercises: [{names: [parse], points: 10, hint: Split the text.}]
"""


def read(tmp_path: Path, text: str) -> Course:
    path = tmp_path / "course.yaml"
    path.write_text(text, encoding="utf-8")
    return read_course(path)


def test_it_comes_before_the_lessons_and_is_none_of_them(tmp_path: Path) -> None:
    course = read(tmp_path, TEXT)
    assert [lesson.id for lesson in course.notebooks] == ["00_primer", "01_parsing"]
    assert [lesson.id for lesson in course.lessons] == ["01_parsing"]
    (primer,) = course.ungraded
    assert (primer.exercises, primer.points, primer.demo) == ((), 0, True)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("frameworks: [torch]", "exercises: []", "lesson 00_primer: exercises: no such field"),
        ("00_primer", "01_primer", "01_parsing has this number; give it another"),
        ("needs: []", "needs: [00_primer]", "needs: 00_primer must be lessons that come before it"),
        ("minutes: 30, ", "", "lesson 00_primer: minutes: missing"),
    ],
)
def test_a_mistake_about_it_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(CourseError, match=said):
        read(tmp_path, TEXT.replace(old, new, 1))


@pytest.mark.parametrize("name", ["00", "0", "00_primer", "primer"])
def test_whoever_wants_it_graded_is_told(name: str) -> None:
    assert find_notebook(name) is PRIMER
    with pytest.raises(CourseError, match="00_primer is there to be read: it has no exercises"):
        find_lesson(name)


def test_the_commands_for_authors_know_it_and_those_for_students_say_why_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["build", "--check", "00"]) == 0
    assert main(["watch", "--lesson", "00"]) == 2
    assert "nothing to grade" in capsys.readouterr().err


def test_grading_does_not_list_it() -> None:
    command = [sys.executable, "-m", "pytest", "autograder", "--collect-only", "-q"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300).stdout
    assert "01_pixel_parsing" in said
    assert PRIMER.id not in said


def test_the_readme_lists_it_first() -> None:
    rows = readme_table().splitlines()[2:]
    assert len(rows) == len(load_course().notebooks)
    assert rows[0].startswith(f"| `{PRIMER.id}` | {PRIMER.goal} | none: to be read | – |")


def test_students_get_what_its_source_says() -> None:
    released = json.loads((ROOT / "lessons" / PRIMER.id / f"{PRIMER.id}.ipynb").read_text(encoding="utf-8"))
    assert f"# 00 · {PRIMER.title}" in "".join(released["cells"][0]["source"])
    assert not [cell for cell in released["cells"] if cell["metadata"].get("nbgrader")]
