"""Skeletons, as a stranger meets them: in a copy of the course, with the commands that they are told."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.authoring.new import exercise_skeleton, lesson_skeleton
from autograder.course.manifest import ROOT, CourseError, find_lesson, load_course

FOLDERS = ("autograder", "solutions", "tests", "lessons", "data_scripts")
NEXT = f"{int(load_course().lessons[-1].number) + 1:02d}"
NEW_LESSON = f"{NEXT}_turn_faces"


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a module of the copy, as ``python -m`` does."""
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def succeed(folder: Path, *command: str) -> str:
    """Run a module of the copy, which must end well, and return what it printed."""
    done = run(folder, *command)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The course's own files, without what was generated or downloaded."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in ("pyproject.toml", "README.md", "nbgrader_config.py", "Makefile", "setup.mk"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def content(folder: Path) -> dict[Path, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(folder): path.read_bytes() for path in paths}


def test_skeletons_fit_the_course_and_say_what_to_fill_in(copy: Path) -> None:
    before = content(copy)
    said = succeed(copy, "autograder", "new", "exercise", "03", "shift_faces")
    said += succeed(copy, "autograder", "new", "lesson", NEW_LESSON, "--probe")
    after = content(copy)
    assert {path.as_posix() for path in after if after[path] != before.get(path)} == {
        "autograder/course.yaml",
        "autograder/checks/lesson_03/hints.yaml",
        "autograder/checks/lesson_03/mistakes.yaml",
        "autograder/checks/lesson_03/shift_faces.py",
        *(
            f"autograder/checks/lesson_{NEXT}/{name}"
            for name in ("__init__.py", "hints.yaml", "mistakes.yaml", "turn_faces.py")
        ),
        f"autograder/worker/probes/lesson_{NEXT}.py",
        "solutions/03_residual_block/03_residual_block.py",
        f"solutions/{NEW_LESSON}/{NEW_LESSON}.py",
        *(f"tests/lessons/lesson_{NEXT}/{name}" for name in ("__init__.py", "turn_faces.py")),
        "tests/lessons/lesson_03/shift_faces.py",
    } | {path.as_posix() for path in after if path.as_posix() == "tests/lessons/lesson_03/__init__.py"} - {
        path.as_posix() for path in before
    }
    # What was there stays as it was, comments and all: lines came in, none went.
    for path in before:
        kept = iter(after[path].splitlines())
        assert all(line in kept for line in before[path].splitlines()), path
    for path in set(after) - set(before):
        assert path.name == "__init__.py" or path.name in said, path
    table = succeed(copy, "autograder", "lessons")
    assert "`count_parameters`, `shift_faces` |" in table
    assert f"| `{NEW_LESSON}` | FILL IN" in table
    listed = run(copy, "autograder", "unfilled", "03", NEXT)
    assert listed.returncode == 1
    assert "lesson_03/shift_faces.py, line 1: " in listed.stdout
    refused = run(copy, "autograder", "build", NEXT)
    assert refused.returncode == 2
    assert f"{NEW_LESSON} is not filled in: autograder/course.yaml, {NEW_LESSON}, title and " in refused.stderr
    new = [str(path) for path in set(after) - set(before) if path.suffix == ".py"]
    succeed(copy, "ruff", "format", "--check", *new, "solutions")
    succeed(copy, "ruff", "check", *new)


@pytest.mark.long
@pytest.mark.slow
def test_what_is_filled_in_builds_and_passes_every_test_that_it_names(copy: Path) -> None:
    said = succeed(copy, "autograder", "new", "lesson", NEW_LESSON, "--probe")
    said += succeed(copy, "autograder", "new", "exercise", NEXT, "shift_faces")
    for path in copy.rglob("*"):
        if path.suffix in (".py", ".yaml") and "skeleton" not in path.parts and path.name != "unfilled.py":
            text = path.read_text(encoding="utf-8")
            if "FILL IN" in text and f"lesson_{NEXT}" in path.as_posix() + text or NEW_LESSON in path.as_posix() + text:
                path.write_text(text.replace("FILL IN", "A word on"), encoding="utf-8")
    mistakes = copy / "autograder" / "checks" / f"lesson_{NEXT}" / "mistakes.yaml"
    text = mistakes.read_text(encoding="utf-8")
    # Each exercise needs five, and each of them an answer of its own.
    entry = re.compile(r"(?m)^  tripled:\n(    .*\n)+")
    shown = entry.search(text)
    assert shown is not None
    more = "".join(shown[0].replace("tripled", f"times-{n}").replace("3 *", f"{n} *") for n in (4, 5, 6, 7))
    mistakes.write_text(entry.sub(lambda match: match[0] + more, text), encoding="utf-8")
    commands = re.findall(
        r"\$ (python -m autograder|pytest) (.*)", "\n".join(said.replace(" && ", "\n   $ ").splitlines())
    )
    assert len(commands) > 10
    for program, arguments in dict.fromkeys(commands):
        module = "pytest" if program == "pytest" else "autograder"
        quoted = re.findall(r"'[^']*'|\S+", arguments)
        succeed(copy, module, *(part.strip("'") for part in quoted))
    succeed(copy, "autograder", "build", "--check", NEXT)
    succeed(copy, "pytest", "-q", "tests/lessons/test_course.py", "-k", f"{NEW_LESSON} or notebooks_are_in_step")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mirror faces", "is no name for a new exercise"),
        ("MirrorFaces", "make a class of it when you fill it in"),
        ("class", "is no name for a new exercise"),
        ("print", "is no name for a new exercise"),
        ("rmse", "02_nan_masking has an exercise named rmse"),
        ("residual_block", "checks/lesson_03/residual_block.py is there already"),
    ],
)
def test_names_that_cannot_be_are_refused(name: str, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        exercise_skeleton(find_lesson("03"), name)


@pytest.mark.parametrize(
    ("lesson_id", "said"),
    [
        ("mirror_faces", "is no lesson's id; expected NN_name"),
        ("10-mirror-faces", "is no lesson's id"),
        ("10_mirror_faces", "expected 11_mirror_faces"),
        (f"{NEXT}_rmse", "02_nan_masking has an exercise named rmse"),
    ],
)
def test_lessons_that_cannot_be_are_refused(lesson_id: str, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        lesson_skeleton(lesson_id)
