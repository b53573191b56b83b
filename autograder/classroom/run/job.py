"""One submission in, its result out: the piece of work that is handed to whatever runs it.

``grade_submission`` needs nothing but the course's own files and a ``Job``; what it returns is plain data. So a job may
run in this process, in another one, or on another machine.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ...checks.edition import edition
from ...course.manifest import Exercise, Lesson, find_lesson, load_course
from ...grading.grader import LessonGrader
from ...grading.notebook_choice import read_notebook, with_look
from ...grading.submission import NoSubmission, Submission
from ...isolation.process import Worker
from ...isolation.sandbox import Sandbox, make_sandbox
from ...isolation.workers import make_worker
from ...ladder.verdict import Result, reason_to_look
from ...report.result_report import ResultReport
from ..gradebook.shown_notebook import make_notebook
from ..results.submission_result import ExerciseEntry, GradedSubmission


@dataclass(frozen=True)
class Job:
    """One submission to grade.

    ``content`` is the notebook as it was handed in under the name ``file``; where it could not be read, ``problem``
    says why. ``kept`` holds the exercises of a former result whose marks stay. ``beside`` says that another notebook
    holds work that is not graded.
    """

    student: str
    assignment: str
    seed: int
    isolation: str
    file: str = ""
    content: bytes | None = None
    problem: str | None = None
    kept: tuple[ExerciseEntry, ...] = ()
    beside: str | None = None


class _Held(threading.local):
    """The worker that this thread keeps between notebooks of one lesson, its frameworks imported."""

    key: tuple[str, Sandbox] | None = None
    worker: Worker | None = None


_held = _Held()


def release_worker() -> None:
    """End the worker that this thread keeps, if it does."""
    if _held.worker is not None:
        _held.worker.close()
    _held.key = _held.worker = None


def _worker(lesson: Lesson, sandbox: Sandbox) -> Worker:
    if _held.worker is None or _held.key != (lesson.id, sandbox):
        release_worker()
        _held.worker = make_worker([lesson], sandbox)
        _held.key = (lesson.id, sandbox)
    return _held.worker


def as_entry(lesson: Lesson, result: Result, seed: int) -> ExerciseEntry:
    """Return a verdict as plain data, with its report as text and as HTML."""
    report = ResultReport(result)
    return {
        "name": result.exercise.name,
        "score": result.score,
        "max_score": result.exercise.points,
        "outcome": result.outcome,
        "misconception": result.misconception,
        "doubtful": result.doubt is not None,
        "seconds": round(result.seconds, 3),
        "seed": seed,
        "edition": edition(lesson, result.exercise),
        "text": repr(report),
        "html": report._repr_html_(),
    }


def _grade(
    submission: Submission | NoSubmission, exercises: Sequence[Exercise], sandbox: Sandbox, seed: int
) -> tuple[list[Result], list[str]]:
    """Return the verdicts on ``exercises`` and what was noticed about the notebook."""
    if not exercises:
        return [], []
    with LessonGrader(submission, sandbox, seed, worker=_worker(submission.lesson, sandbox)) as grader:
        results = [grader.grade(exercise) for exercise in exercises]
        return [grader.diagnose(result) for result in results], grader.notes


def _doubts(entries: Sequence[ExerciseEntry], problem: str | None, notes: Sequence[str]) -> list[str]:
    """Return why somebody should look at a submission."""
    if problem is not None:
        return [problem]
    if all(entry["outcome"] == "missing" for entry in entries):
        return [": ".join(["no exercise was found", *notes[-1:]])]
    return [reason_to_look(entry["name"], entry["outcome"]) for entry in entries if entry["doubtful"]]


def grade_submission(job: Job) -> GradedSubmission:
    """Grade one submission and return plain data.

    Raises CourseError where the course is at fault: then there is no verdict at all.
    """
    started = time.monotonic()
    lesson = find_lesson(job.assignment)
    sandbox = make_sandbox(job.isolation)
    submission = with_look(read_notebook(job.file, job.content, lesson, job.problem), job.beside)
    kept = {entry["name"]: entry for entry in job.kept}
    open_ones = [exercise for exercise in lesson.exercises if exercise.name not in kept]
    results, notes = _grade(submission, open_ones, sandbox, job.seed)
    graded = kept | {result.exercise.name: as_entry(lesson, result, job.seed) for result in results}
    entries = [graded[exercise.name] for exercise in lesson.exercises]
    if all(entry["outcome"] == "missing" for entry in entries):
        entries = [{**entry, "doubtful": True} for entry in entries]
    return {
        "student": job.student,
        "assignment": lesson.id,
        "course": load_course().version,
        "isolation": sandbox.notice,
        "seconds": round(time.monotonic() - started, 3),
        "score": round(sum(entry["score"] for entry in entries), 2),
        "max_score": lesson.points,
        "graded": [exercise.name for exercise in open_ones],
        "exercises": entries,
        "notes": notes,
        "look": list(dict.fromkeys([*submission.look, *_doubts(entries, job.problem, submission.notes)])),
        "notebook": make_notebook(submission, entries, notes),
    }
