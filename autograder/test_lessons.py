"""One test an exercise: passed means full marks."""

from __future__ import annotations

import pytest

from autograder.ladder.verdict import Result


def test_exercise(verdict: Result) -> None:
    if verdict.outcome != "passed":
        pytest.fail(f"{verdict.exercise.key}: {verdict.outcome}", pytrace=False)
