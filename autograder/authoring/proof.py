"""Before a lesson goes out: its reference solutions must score in full, its stubs nothing."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..checks.edition import edition
from ..course.manifest import ROOT, CourseError, Lesson, find_lesson
from ..course.released import load_released, reference_path
from ..grading.grader import LessonGrader
from ..grading.notebook_choice import find_submission
from ..isolation.sandbox import make_sandbox
from ..ladder.verdict import Result
from ..report.words import number

PROVEN = ROOT / "output" / ".proven"
_RAISE = re.compile(r"^([ \t]*)(raise NotImplementedError\()", re.MULTILINE)


def _release_path(lesson: Lesson) -> Path:
    return ROOT / "lessons" / lesson.id / f"{lesson.id}.ipynb"


def _needed(lesson: Lesson) -> Iterator[Lesson]:
    for name in lesson.needs:
        earlier = find_lesson(name)
        yield from _needed(earlier)
        yield earlier


def content_hash(lesson: Lesson) -> str:
    """Return a digest of all that the proof of a lesson looks at."""
    digest = hashlib.sha256("".join(edition(lesson, exercise) for exercise in lesson.exercises).encode())
    for path in (_release_path(lesson), reference_path(lesson), *map(reference_path, _needed(lesson))):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _grade(lesson: Lesson, work: Path, seed: int) -> list[Result]:
    with LessonGrader(find_submission(work, lesson), make_sandbox(), seed) as grader:
        return list(grader.grade_all())


def _touched_stubs(lesson: Lesson, folder: Path) -> Path:
    """Write the release with a line put into every stub, so that the checks climb what they otherwise recognize."""
    notebook = json.loads(_release_path(lesson).read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = _RAISE.sub(r"\1pass\n\1\2", "".join(cell["source"]))
    place = folder / lesson.id / f"{lesson.id}.ipynb"
    place.parent.mkdir()
    place.write_text(json.dumps(notebook), encoding="utf-8")
    return folder


def _said(result: Result) -> str:
    points = f"{number(result.score)} of {number(result.exercise.points)} points"
    problem = f": expected {result.problem.expected}, got {result.problem.got}" if result.problem else ""
    return f"  {result.exercise.key}: {result.outcome}, {points}{problem}"


def _refuse(lesson: Lesson, what: str, wrong: list[Result], seed: int) -> None:
    if wrong:
        lines = "\n".join(_said(result) for result in wrong)
        raise CourseError(f"{lesson.id} was not built: {what} (hidden inputs of seed {seed}):\n{lines}")


def prove(lesson: Lesson) -> None:
    """Grade the lesson's reference and its stubs as they lie in their folders; what was proven is not graded again.

    A lesson without exercises has nothing to prove.

    Raises CourseError where a reference solution does not score in full or a stub scores at all.
    """
    if not lesson.exercises:
        return
    for cached in (load_released, edition):
        cached.cache_clear()
    kept = PROVEN / f"{lesson.id}-{content_hash(lesson)}.json"
    if kept.is_file():
        return
    seed = secrets.randbits(48)
    short = [result for result in _grade(lesson, ROOT / "solutions", seed) if result.outcome != "passed"]
    _refuse(lesson, "its reference solutions do not score in full", short, seed)
    with tempfile.TemporaryDirectory() as name:
        found = _grade(lesson, ROOT / "lessons", seed) + _grade(lesson, _touched_stubs(lesson, Path(name)), seed)
    scoring = [result for result in found if result.score or result.outcome != "not_attempted"]
    _refuse(lesson, "its stubs must score nothing and count as not attempted", scoring, seed)
    PROVEN.mkdir(parents=True, exist_ok=True)
    for former in PROVEN.glob(f"{lesson.id}-*.json"):
        former.unlink()
    kept.write_text(json.dumps({"lesson": lesson.id, "seed": seed}), encoding="utf-8")
