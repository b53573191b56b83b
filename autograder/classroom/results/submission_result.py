"""What is known of a graded submission: the plain data that grading returns and that ``result.json`` keeps."""

from __future__ import annotations

import math
from typing import Any, TypedDict


class ExerciseEntry(TypedDict):
    """The verdict on one exercise. ``doubtful``: a person should look at it.

    ``seconds`` is how long grading it took, ``seed`` drew its hidden inputs, and ``edition`` tells which version of the
    exercise was graded; ``text`` and ``html`` are its report.
    """

    name: str
    score: float
    max_score: float
    outcome: str
    misconception: str | None
    doubtful: bool
    seconds: float
    seed: int
    edition: str
    text: str
    html: str


class SubmissionResult(TypedDict):
    """The verdicts on one submission, whoever graded it.

    ``course`` is the course's version, ``isolation`` says where the student's code ran. ``graded`` names the exercises
    that were graded just now; the marks of the others were kept. ``notes`` say what was noticed about the notebook,
    ``look`` why somebody should look at it.
    """

    student: str
    assignment: str
    course: str
    isolation: str
    seconds: float
    score: float
    max_score: float
    graded: list[str]
    exercises: list[ExerciseEntry]
    notes: list[str]
    look: list[str]


class GradedSubmission(SubmissionResult):
    """What grading one submission returns: its result, and as ``notebook`` the page that shows it (JSON)."""

    notebook: str


class KeptResult(SubmissionResult):
    """What is kept: the result, what was handed in (``digest``, ``timestamp``), and in which run it was graded."""

    digest: str
    timestamp: str | None
    run: str
    seed: int
    graded_at: str


_TEXTS = ("student", "assignment", "course", "isolation", "digest", "run", "graded_at")
_ENTRY_TEXTS = ("name", "outcome", "edition", "text", "html")


def is_mark(value: Any) -> bool:
    """Return whether a value is a number that a mark can be: finite, and not negative."""
    return type(value) in (int, float) and math.isfinite(value) and value >= 0


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(name), str) for name in _ENTRY_TEXTS)
        and all(is_mark(entry.get(name)) for name in ("score", "max_score", "seconds"))
        and type(entry.get("seed")) is int
        and isinstance(entry.get("misconception"), str | None)
    )


def is_kept_result(result: dict[str, Any]) -> bool:
    """Return whether what was read from a file has the form of a kept result, and no mark that is none."""
    exercises = result.get("exercises")
    return (
        all(isinstance(result.get(name), str) for name in _TEXTS)
        and all(is_mark(result.get(name)) for name in ("score", "max_score", "seconds"))
        and type(result.get("seed")) is int
        and isinstance(result.get("timestamp"), str | None)
        and all(_are_texts(result.get(name)) for name in ("graded", "notes", "look"))
        and isinstance(exercises, list)
        and all(map(_is_entry, exercises))
    )
