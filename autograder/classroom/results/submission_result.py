"""What is known of a graded submission: the plain data that grading returns and that ``result.json`` keeps."""

from __future__ import annotations

from typing import TypedDict


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
