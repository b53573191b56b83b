"""``results.json``: what a grading run found, for other programs, in Gradescope's format."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from ..course.manifest import Exercise, load_course
from ..grading.graded_run import GradedRun
from ..ladder.verdict import Result
from .report_file import write_aside
from .safe_text import indented, safe_text
from .words import NEVER_REACHED, explain, in_words, shown_notes


class ExerciseFacts(TypedDict):
    """What Gradescope passes over of an exercise: the outcome, the mistake's id or None, and how long it took."""

    outcome: str
    misconception: str | None
    seconds: float


class RunFacts(TypedDict):
    """What Gradescope passes over of a run: the course's version, the seed, and where the student's code ran."""

    course: str
    seed: int
    isolation: str


class ExerciseTest(TypedDict):
    """One exercise, as Gradescope shows it as a test."""

    name: str
    score: float
    max_score: float
    output: str
    extra_data: ExerciseFacts


class Results(TypedDict):
    """The whole file."""

    score: float
    max_score: float
    tests: list[ExerciseTest]
    extra_data: RunFacts


def _test_entry(exercise: Exercise, result: Result | None, notes: Sequence[str]) -> ExerciseTest:
    if result is None:
        output = NEVER_REACHED
    elif result.outcome == "passed":
        output = "All checks passed."
    else:
        output = "\n".join(indented(label, text) for label, text in explain(result)) or in_words(result.outcome)
    output = "\n".join([output, *(indented("note", note) for note in shown_notes(notes))])
    return {
        "name": exercise.key,
        "score": result.score if result else 0.0,
        "max_score": exercise.points,
        "output": output,
        "extra_data": {
            "outcome": result.outcome if result else "missing",
            "misconception": result.misconception if result else None,
            "seconds": round(result.seconds, 3) if result else 0.0,
        },
    }


def make_results(run: GradedRun) -> Results:
    """Return the content of ``results.json``: one entry for every exercise of every lesson graded."""
    tests = [
        _test_entry(exercise, run.result(exercise), run.notes_of(lesson))
        for lesson in run.lessons
        for exercise in lesson.exercises
    ]
    return {
        "score": round(sum(test["score"] for test in tests), 2),
        "max_score": sum(test["max_score"] for test in tests),
        "tests": tests,
        "extra_data": {
            "course": load_course().version,
            "seed": run.seed,
            "isolation": safe_text(run.sandbox.notice),
        },
    }


def write_results(path: Path, run: GradedRun) -> None:
    """Write ``results.json`` to ``path``."""
    write_aside(path, json.dumps(make_results(run), indent=1, ensure_ascii=False))
