"""Grade what was handed in of several lessons in one run."""

from __future__ import annotations

from collections.abc import Sequence

from ..isolation.sandbox import Sandbox
from ..isolation.workers import Workers
from ..ladder.verdict import Result
from .graded_run import GradedRun
from .grader import LessonGrader
from .submission import NoSubmission, Submission


def grade_submissions(handed_in: Sequence[Submission | NoSubmission], sandbox: Sandbox, seed: int) -> GradedRun:
    """Grade what was handed in of several lessons, one after the other; return what was found, misconceptions named.

    Raises CourseError where the course is at fault: then there is no verdict at all.
    """
    lessons = tuple(each.lesson for each in handed_in)
    workers = Workers(lessons, sandbox)
    results: dict[str, Result] = {}
    notes: dict[str, Sequence[str]] = {}
    try:
        graders = [LessonGrader(each, sandbox, seed, workers.of(each.lesson)) for each in handed_in]
        for grader in graders:
            # Frameworks are imported while earlier lessons are graded, those that are needed.
            if grader.runs_code:
                workers.of(grader.lesson).warm_up()
        for grader in graders:
            with grader:
                found = list(grader.grade_all())
                results |= {result.exercise.key: grader.diagnose(result) for result in found}
            notes[grader.lesson.id] = grader.notes
    finally:
        workers.close()
    return GradedRun(lessons, results, notes, seed, sandbox)
