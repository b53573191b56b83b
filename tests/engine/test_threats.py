"""Every threat gets its outcome, the other exercises keep their points, and the next notebook is graded as ever."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.course.manifest import find_lesson
from autograder.grading.grader import LessonGrader
from autograder.grading.notebook_choice import find_submission
from autograder.isolation.process import Limits, Worker
from autograder.isolation.sandbox import make_sandbox
from autograder.isolation.workers import make_worker
from autograder.ladder.verdict import Result
from tests.engine.framework_threats import KERAS, LOSS, TORCH
from tests.engine.threats import THREATS, Threat
from tests.notebooks import LESSON, reference_notebook, save, with_code

lesson = find_lesson(LESSON)
# Small, so that no test waits long for a limit; what the other exercises have is enough on a busy machine, too.
LIMITS = Limits(memory=2**30, processes=24)
SECONDS, SECONDS_OF_OTHERS = 3.0, 20.0

pytestmark = pytest.mark.skipif(not make_sandbox().isolated, reason="bubblewrap does not work here")


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """One worker for all notebooks, as a class is graded: whatever one of them does must not reach the next."""
    with make_worker([lesson], make_sandbox("required"), LIMITS) as worker:
        yield worker


def grade(work: Path, worker: Worker) -> tuple[dict[str, Result], list[str]]:
    with LessonGrader(find_submission(work, lesson), make_sandbox("required"), seed=1, worker=worker) as grader:
        results = {}
        for exercise in lesson.exercises:
            seconds = SECONDS if exercise.name == "split_rows" else SECONDS_OF_OTHERS
            results[exercise.name] = grader.grade(replace(exercise, seconds=seconds))
        return results, grader.notes


def expect_full_marks(work: Path, worker: Worker) -> None:
    results, notes = grade(save(reference_notebook(), work), worker)
    assert {name: result.outcome for name, result in results.items()} == dict.fromkeys(lesson.names, "passed")
    assert not notes


# One or two of each kind; the long run tries all.
SHORT = {
    "infinite loop",
    "memory in one process",
    "fork bomb",
    "SIGKILL",
    "kills the server",
    "200 MB of output",
    "full disk",
    "forged result files",
    "forged frames with the ticket of the question",
    "always equal",
    "patched comparisons",
    "an import hook for what comes next",
    "threads and exit handlers left behind",
    "the reference of this very lesson",
    "pip and network",
    "global settings",
}


def test_every_short_threat_is_one() -> None:
    assert {threat.id for threat in THREATS} > SHORT


@pytest.mark.slow
@pytest.mark.parametrize(
    "threat",
    [pytest.param(threat, id=threat.id, marks=() if threat.id in SHORT else pytest.mark.long) for threat in THREATS],
)
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


FRAMEWORKS = [
    pytest.param(("02_nan_masking", LOSS, TORCH), id="torch"),
    pytest.param(("04_two_phase_cnn", "to_unit_targets", KERAS), id="keras", marks=pytest.mark.long),
]


@pytest.fixture(scope="module", params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest) -> Iterator[tuple[str, str, list[Threat], Worker]]:
    name, exercise, threats = request.param
    with make_worker([find_lesson(name)], make_sandbox("required")) as worker:
        yield name, exercise, threats, worker


@pytest.mark.slow
def test_frameworks_are_not_tricked(framework: tuple[str, str, list[Threat], Worker], tmp_path: Path) -> None:
    name, exercise, threats, worker = framework
    lesson = find_lesson(name)
    for threat in threats:
        work = save(with_code(exercise, threat.code, name), tmp_path, name)
        with LessonGrader(find_submission(work, lesson), make_sandbox("required"), seed=1, worker=worker) as grader:
            results = {result.exercise.name: result for result in grader.grade_all()}
        found = results.pop(exercise)
        assert found.outcome in threat.outcome, (threat.id, found.problem, grader.notes)
        if threat.others is not None:
            others = {name: result.outcome for name, result in results.items()}
            assert set(others.values()) == {threat.others}, (threat.id, others, grader.notes)
    right = find_submission(save(reference_notebook(name), tmp_path, name), lesson)
    with LessonGrader(right, make_sandbox(), 1, worker) as grader:
        assert {result.outcome for result in grader.grade_all()} == {"passed"}
