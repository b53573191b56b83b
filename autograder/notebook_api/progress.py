"""``python -m autograder next``: where a student is in the course, and what to do now.

A lesson is graded where its notebook holds work of the student's and is another than when it was last graded here; what
was found is kept beside the hash of the notebook. Lessons without work cost nothing. So it is as true as a grading,
and takes long only after a change.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..course.manifest import ROOT, Exercise, Lesson, load_course
from ..grading.grader import LessonGrader
from ..grading.notebook_choice import find_notebook, find_submission
from ..grading.submission import Submission, Unreadable
from ..isolation.sandbox import Sandbox
from ..isolation.workers import Workers
from ..ladder.verdict import DOUBTFUL
from ..report.words import in_words, number, title_of

CACHE = ROOT / "output" / ".next"


@dataclass(frozen=True)
class Standing:
    """Where a student is in one lesson: outcome and points by exercise name; ``notebook`` is None without one."""

    lesson: Lesson
    notebook: Path | None
    outcomes: dict[str, tuple[str, float]]
    problem: str | None = None

    @property
    def points(self) -> float:
        return sum(points for _, points in self.outcomes.values())

    @property
    def open(self) -> list[Exercise]:
        """The exercises that have not passed, those that were tried first."""
        left = [each for each in self.lesson.exercises if self.outcome(each) != "passed"]
        return sorted(left, key=lambda each: self.outcome(each) in ("not_attempted", "missing"))

    @property
    def begun(self) -> bool:
        return any(outcome not in ("not_attempted", "missing") for outcome, _ in self.outcomes.values())

    @property
    def minutes(self) -> float:
        """The minutes left: the manifest's, shared out among the exercises by their points."""
        return sum(minutes_of(self.lesson, exercise) for exercise in self.open)

    def outcome(self, exercise: Exercise) -> str:
        return self.outcomes[exercise.name][0]


def minutes_of(lesson: Lesson, exercise: Exercise) -> float:
    """Return the exercise's share of the lesson's minutes."""
    return lesson.minutes * exercise.points / lesson.points


def _kept(content: bytes, lesson: Lesson) -> Path:
    found = hashlib.sha256(load_course().version.encode() + content).hexdigest()
    return CACHE / f"{lesson.id}-{found}.json"


def _read_kept(path: Path, lesson: Lesson) -> dict[str, tuple[str, float]] | None:
    """Return what was kept of a grading, or None where nothing was, or nothing that fits the lesson."""
    try:
        found = {
            name: (str(outcome), float(points)) for name, (outcome, points) in json.loads(path.read_text()).items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return found if set(found) == {exercise.name for exercise in lesson.exercises} else None


def _keep(path: Path, lesson: Lesson, outcomes: dict[str, tuple[str, float]]) -> None:
    # What may have been the machine's fault is asked again; a folder that can't be written to costs time alone.
    if any(outcome in DOUBTFUL for outcome, _ in outcomes.values()):
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        for former in path.parent.glob(f"{lesson.id}-*.json"):
            former.unlink(missing_ok=True)
        path.write_text(json.dumps(outcomes), encoding="utf-8")


def standings_of(work: Path, lessons: Sequence[Lesson], sandbox: Sandbox) -> list[Standing]:
    """Return where the student is in lessons whose notebooks are ``work/<lesson>/<lesson>.ipynb``.

    Says on the error stream what is graded, which may take minutes where many lessons changed.
    """
    workers = Workers(lessons, sandbox)
    try:
        return [_standing(work, lesson, sandbox, workers) for lesson in lessons]
    finally:
        workers.close()


def _standing(work: Path, lesson: Lesson, sandbox: Sandbox, workers: Workers) -> Standing:
    try:
        notebook = find_notebook(work / lesson.id, lesson)
    except Unreadable:
        notebook = None
    found = find_submission(work, lesson)
    if not isinstance(found, Submission):
        nothing = {exercise.name: ("missing", 0.0) for exercise in lesson.exercises}
        return Standing(lesson, notebook, nothing, found.notes[-1] if notebook and found.notes else None)
    # Of the cells that were read, not of the file, which may be saved again meanwhile; outputs change nothing.
    read = repr([(cell.label, cell.source) for cell in found.cells]) + repr(sorted(found.broken.items()))
    path = _kept(read.encode(errors="replace"), lesson)
    outcomes = _read_kept(path, lesson)
    if outcomes is None:
        with LessonGrader(found, sandbox, secrets.randbits(48), workers.of(lesson)) as grader:
            if grader.runs_code:
                print(f"grading {lesson.id} as it is saved …", file=sys.stderr, flush=True)
            outcomes = {result.exercise.name: (result.outcome, result.score) for result in grader.grade_all()}
        if grader.runs_code:
            _keep(path, lesson, outcomes)
    return Standing(lesson, notebook, outcomes)


def _time(minutes: float) -> str:
    whole = max(1, round(minutes))
    return f"{whole} minutes" if whole < 120 else f"{whole / 60:.0f} hours"


def _place(path: Path) -> str:
    """Return a path as somebody in the working folder would write it."""
    with contextlib.suppress(ValueError):
        return path.relative_to(Path.cwd()).as_posix()
    return str(path)


def current(standings: Sequence[Standing]) -> Standing | None:
    """Return the lesson to go on with: the first that is begun and not finished, else the first not finished."""
    unfinished = [each for each in standings if each.open]
    begun = [each for each in unfinished if each.begun or each.problem]
    return next(iter(begun or [each for each in unfinished if each.notebook] or unfinished), None)


def _say_lesson(chosen: Standing, work: Path) -> list[str]:
    lesson, exercise = chosen.lesson, chosen.open[0]
    place = _place(chosen.notebook or work / lesson.id / f"{lesson.id}.ipynb")
    if chosen.problem:
        return [f"Do this next: make {place} readable", f"  {chosen.problem}"]
    if chosen.notebook is None:
        return [f"Do this next: get lesson {lesson.number}, {lesson.title}", f"  looked for {place} and found none"]
    outcome, points = chosen.outcomes[exercise.name]
    share = f"{number(exercise.points)} points, about {_time(minutes_of(lesson, exercise))}"
    lines = [f"Do this next: {title_of(exercise)} ({share}) in {place}"]
    if outcome == "not_attempted":
        lines.append(f"  not attempted yet; if you don't know how to begin: autograder hint {exercise.id}")
    else:
        lines.append(
            f"  {in_words(outcome)}, {number(points)} of {number(exercise.points)} points; "
            f"see why: pytest autograder --exercise {exercise.id}; a hint: autograder hint {exercise.id}"
        )
    lines.append(
        f"Lesson {lesson.number}, {lesson.title}: {number(chosen.points)} of {number(lesson.points)} points, "
        f"about {_time(chosen.minutes)} left"
    )
    return lines


def say_progress(standings: Sequence[Standing]) -> str:
    """Return the progress over all lessons in one line."""
    parts = []
    for each in standings:
        total = number(each.lesson.points)
        parts.append(f"{each.lesson.number} {number(each.points)}/{total}" if each.begun else f"{each.lesson.number} -")
    earned, possible = sum(each.points for each in standings), sum(each.lesson.points for each in standings)
    minutes = sum(each.minutes for each in standings)
    left = f"about {_time(minutes)} left" if minutes else "nothing left"
    return f"{number(earned)} of {number(possible)} points, {left}: {'  '.join(parts)}"


def say_next(standings: Sequence[Standing], work: Path) -> str:
    """Return what to do now, and below it the progress."""
    chosen = current(standings)
    lines = ["Everything passes: the course is done."] if chosen is None else _say_lesson(chosen, work)
    return "\n".join([*lines, say_progress(standings)])
