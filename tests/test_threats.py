"""Every threat gets its outcome, the other exercises keep their points, and the next notebook is graded as ever."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.course import find_lesson
from autograder.grading import LessonGrader, make_worker
from autograder.process import Limits, Worker
from autograder.sandbox import make_sandbox
from autograder.verdict import Result
from tests.notebooks import LESSON, reference_notebook, save, with_code
from tests.threats import THREATS, Threat

lesson = find_lesson(LESSON)
# Small, so that no test waits long for a limit.
LIMITS = Limits(memory=2**30, processes=24)
SECONDS = 3.0

pytestmark = pytest.mark.skipif(not make_sandbox().isolated, reason="bubblewrap does not work here")


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """One worker for all notebooks, as a class is graded: whatever one of them does must not reach the next."""
    with make_worker(lesson, make_sandbox("required"), LIMITS) as worker:
        yield worker


def grade(work: Path, worker: Worker) -> tuple[dict[str, Result], list[str]]:
    with LessonGrader(lesson, work, make_sandbox("required"), seed=1, worker=worker) as grader:
        quick = [replace(exercise, seconds=SECONDS) for exercise in lesson.exercises]
        return {exercise.name: grader.grade(exercise) for exercise in quick}, grader.notes


def expect_full_marks(work: Path, worker: Worker) -> None:
    results, notes = grade(save(reference_notebook(), work), worker)
    assert {name: result.outcome for name, result in results.items()} == dict.fromkeys(lesson.names, "passed")
    assert not notes


@pytest.mark.slow
@pytest.mark.parametrize("threat", THREATS, ids=lambda threat: threat.id)
def test_threat_gains_nothing_and_harms_nobody(threat: Threat, worker: Worker, tmp_path: Path) -> None:
    started = time.monotonic()
    results, notes = grade(save(with_code("split_rows", threat.code), tmp_path / "threat"), worker)
    found = results.pop("split_rows")
    assert found.outcome in threat.outcome, (found.problem, notes)
    if found.outcome != "passed":
        assert found.score < found.exercise.points
        assert found.problem.got
    if threat.others is not None:
        assert {result.outcome for result in results.values()} == {threat.others}, notes
    assert all(result.score <= result.exercise.points for result in results.values())
    expect_full_marks(tmp_path / "next", worker)
    assert time.monotonic() - started < 120
