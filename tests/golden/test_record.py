"""No grade changes unnoticed: everything known earns what the golden record says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from autograder.course.manifest import load_course
from tests.golden.record import RECORD, grade_known, known_answers

ALL = [
    pytest.param(key, exercise, make_names, id=key, marks=pytest.mark.xdist_group(f"mistakes of {lesson.id}"))
    for lesson in load_course().lessons
    for key, exercise, make_names in known_answers(lesson)
]
pytestmark = [pytest.mark.long, pytest.mark.slow]


@pytest.fixture(scope="module")
def record() -> dict[str, list[Any]]:
    return json.loads(RECORD.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("key", "exercise", "make_names"), ALL)
def test_the_grade_is_as_recorded(
    key: str, exercise: str, make_names: Callable[[], dict[str, Any]], record: dict[str, list[Any]]
) -> None:
    assert grade_known(exercise, make_names) == record[key]


def test_the_record_holds_nothing_else(record: dict[str, list[Any]]) -> None:
    assert set(record) == {parameter.values[0] for parameter in ALL}
