"""What of a skeleton is still to be filled in: every place where ``FILL IN`` stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..course.manifest import MANIFEST, ROOT, CourseError, Lesson
from ..course.root import shown_path

MARK = "FILL IN"


def _files(lesson: Lesson) -> Iterator[Path]:
    """Yield the files that an author writes for a lesson."""
    yield ROOT / "solutions" / lesson.id / f"{lesson.id}.py"
    for room in (ROOT / "autograder" / "checks" / lesson.room, ROOT / "tests" / "lessons" / lesson.room):
        yield from sorted(path for path in room.glob("*") if path.suffix in (".py", ".yaml"))
    yield from sorted((ROOT / "autograder" / "worker" / "probes").glob(f"{lesson.room}*.py"))


def unfilled(lesson: Lesson) -> list[str]:
    """Return a line for each place that is to be filled in: file, line and text."""
    found = []
    texts = {"title": lesson.title, "goal": lesson.goal}
    texts |= {f"hint of {exercise.name}": exercise.hint for exercise in lesson.exercises}
    found += [f"{shown_path(MANIFEST)}, {lesson.id}, {field}" for field, text in texts.items() if MARK in text]
    for path in _files(lesson):
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        found += [f"{shown_path(path)}, line {n}: {text.strip()}" for n, text in enumerate(lines, 1) if MARK in text]
    return found


def refuse_unfilled(lesson: Lesson) -> None:
    """Raise CourseError, which names the first of them, where places are still to be filled in."""
    found = unfilled(lesson)
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        raise CourseError(
            f"{lesson.id} is not filled in: {found[0]}{more}; "
            f"list them with: python -m autograder unfilled {lesson.number}"
        )
