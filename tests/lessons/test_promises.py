"""What the docstrings promise: ``promises.yaml`` of each lesson names, for every sentence, the rungs that ask it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from autograder.authoring.source import read_source
from autograder.checks import ladder_of
from autograder.course.manifest import Exercise, Lesson, find_lesson, load_course

ROOMS = Path(__file__).parent
EXERCISES = [exercise for lesson in load_course().lessons for exercise in lesson.exercises]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def promises(lesson: Lesson) -> dict[str, list[dict]]:
    """Return the lesson's sentences by exercise; each holds ``says``, ``rungs`` and, where there are none, why."""
    return yaml.safe_load((ROOMS / lesson.room / "promises.yaml").read_text(encoding="utf-8"))


def docstrings(exercise: Exercise) -> str:
    """Return, as one line, the docstrings that a student reads in the exercise's cell."""
    cells = read_source(find_lesson(exercise.lesson))
    (text,) = [cell.text for cell in cells if cell.kind == "solution" and cell.exercise == exercise]
    # What stands between the marks of a solution is not released.
    released = re.sub(r"(?ms)^([ \t]*)### BEGIN SOLUTION.*?### END SOLUTION", r"\1pass", text)
    nodes = [node for node in ast.walk(ast.parse(released)) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return _one_line(" ".join(ast.get_docstring(node) or "" for node in nodes))


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_every_sentence_is_asked_or_promises_nothing(exercise: Exercise) -> None:
    lesson = find_lesson(exercise.lesson)
    listed = promises(lesson)[exercise.name]
    rest = docstrings(exercise)
    for promise in listed:
        says = _one_line(promise["says"])
        assert says in rest, f"the docstring of {exercise.name} does not say: {says}"
        rest = rest.replace(says, " ", 1)
        assert bool(promise["rungs"]) != bool(promise.get("because")), f"either rungs or because: {says}"
    assert not re.sub(r"[\W_]+", "", rest), f"{exercise.name}: nothing asks: {rest}"
    known = {rung.name for rung in ladder_of(lesson, exercise).rungs}
    unknown = {name for promise in listed for name in promise["rungs"]} - known
    assert not unknown, f"{exercise.name} has no rungs {sorted(unknown)}; it has {sorted(known)}"


def test_no_promise_of_an_exercise_that_is_not_there() -> None:
    listed = {name for lesson in load_course().lessons for name in promises(lesson)}
    assert listed == {exercise.name for exercise in EXERCISES}
