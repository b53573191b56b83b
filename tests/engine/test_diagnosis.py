"""A mistake is named for what tells it from its neighbours, not for a type of error that many end with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pytest

from autograder.checks.catalogue import Misconception
from autograder.course.manifest import find_exercise
from autograder.grading import diagnosis
from autograder.ladder.ladder import Problem, Rung, RungResult
from autograder.ladder.student import Student
from autograder.ladder.verdict import Result

WRONG = Problem("failed", "an array of 3 values", "[1.0, 2.0]")
RAISED = Problem("error", "no error", "IndexError: index 5 is out of bounds for axis 0 with size 5")
OTHER_WORDS = replace(RAISED, got="IndexError: list index out of range")
ENTRY = Misconception("rmse/one", "rmse", "Which one?", "")
REFUSED = Problem("failed", "rmse raises ValueError", "AssertionError: three faces")
OTHERWISE = replace(REFUSED, got="AssertionError: shapes differ")
NEIGHBOUR = Misconception("rmse/two", "rmse", "Which two?", "")


@pytest.mark.parametrize(
    ("one", "other", "ran_before", "like"),
    [
        (None, None, True, 1.0),
        (WRONG, None, True, 0.0),
        (None, WRONG, True, 0.0),
        (WRONG, WRONG, False, 1.0),
        (WRONG, replace(WRONG, got="[1.0000001, 2.0]"), False, 1.0),
        (WRONG, replace(WRONG, got="[1.5, 2.0]"), True, 0.0),
        (WRONG, replace(WRONG, expected="an array of 4 values"), True, 0.0),
        (WRONG, replace(WRONG, example="rmse([1])"), True, 0.0),
        (RAISED, RAISED, False, 1.0),
        (RAISED, OTHER_WORDS, True, 0.5),
        (RAISED, OTHER_WORDS, False, 0.0),
        (RAISED, replace(RAISED, got="KeyError: 5"), True, 0.0),
        (RAISED, WRONG, True, 0.0),
    ],
)
def test_likeness(one: Problem | None, other: Problem | None, ran_before: bool, like: float) -> None:
    assert diagnosis.likeness(one, other, ran_before) == like


def _rung(name: str) -> Rung:
    return Rung("values", 1, False, name, "values", lambda student, rng: None)


def named(
    monkeypatch: pytest.MonkeyPatch,
    student: tuple[Problem | None, ...],
    simulated: Mapping[Misconception, tuple[Problem | None, ...]],
) -> str | None:
    """Return the mistake that is named where a student's rungs end so, and those of the catalogue's entries so."""
    names = [f"rung_{number}" for number in range(len(student))]

    def problem(entry: Misconception, rung: Rung, *_: object) -> Problem | None:
        return simulated[entry][names.index(rung.name)]

    @contextmanager
    def never_opened(mistake: Misconception) -> Iterator[Student]:
        raise AssertionError
        yield

    monkeypatch.setattr(diagnosis._simulated, "problem", problem)
    monkeypatch.setattr(diagnosis, "catalogue", lambda lesson: {"rmse": list(simulated)})
    rungs = tuple(RungResult(_rung(name), True, found) for name, found in zip(names, student, strict=True))
    first = next(found for found in student if found is not None)
    result = Result(find_exercise("rmse"), first.outcome, 0.0, problem=first, rungs=rungs)
    found = diagnosis.diagnose(result, 1, never_opened)
    assert found.problem is not None
    assert (found.problem.hint is not None) == (found.misconception is not None)
    return found.misconception


def test_the_same_words_name_the_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    assert named(monkeypatch, (None, RAISED), {ENTRY: (None, RAISED), NEIGHBOUR: (None, OTHER_WORDS)}) == ENTRY.id


def test_the_same_type_of_error_alone_names_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert named(monkeypatch, (RAISED,), {ENTRY: (OTHER_WORDS,)}) is None
    assert named(monkeypatch, (None, RAISED, None), {ENTRY: (None, OTHER_WORDS, WRONG)}) is None
    assert named(monkeypatch, (None, RAISED, WRONG), {ENTRY: (None, OTHER_WORDS, None)}) is None


def test_where_an_error_is_asked_for_its_type_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert named(monkeypatch, (None, REFUSED, None), {ENTRY: (None, OTHERWISE, WRONG)}) == ENTRY.id


def test_it_names_where_all_other_rungs_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = {ENTRY: (None, OTHER_WORDS, None), NEIGHBOUR: (None, OTHER_WORDS, WRONG)}
    assert named(monkeypatch, (None, RAISED, None), simulated) == ENTRY.id


def test_another_rung_that_fails_alike_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    neighbour = (None, OTHER_WORDS, replace(WRONG, got="[7.0]"))
    simulated = {ENTRY: (None, OTHER_WORDS, WRONG), NEIGHBOUR: neighbour}
    assert named(monkeypatch, (None, RAISED, WRONG), simulated) == ENTRY.id


def test_a_first_rung_that_fails_otherwise_names_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = {ENTRY: (None, WRONG, WRONG), NEIGHBOUR: (None, None, WRONG)}
    assert named(monkeypatch, (None, RAISED, WRONG), simulated) is None


def test_a_tie_names_nothing_and_half_a_likeness_breaks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert named(monkeypatch, (None, WRONG), {ENTRY: (None, WRONG), NEIGHBOUR: (None, WRONG)}) is None
    simulated = {ENTRY: (None, WRONG, OTHER_WORDS), NEIGHBOUR: (None, WRONG, None)}
    assert named(monkeypatch, (None, WRONG, RAISED), simulated) == ENTRY.id
