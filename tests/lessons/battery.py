"""Climb the ladders of a lesson with answers written in other ways, right and wrong, in this process."""

from __future__ import annotations

import hashlib
import sys
import types
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, ClassVar

import pytest
import torch

from autograder.checks import ladder_of
from autograder.checks.catalogue import Misconception
from autograder.course.manifest import find_exercise, find_lesson
from autograder.grading import diagnosis
from autograder.ladder.ladder import climb
from autograder.ladder.student import LiveStudent, Student
from autograder.ladder.verdict import Result, judge
from autograder.worker.plain import encode
from tests.reference import reference_names

# That of every test of mistakes: what a mistake answered in one of them is remembered in the others.
MISTAKE_SEED = 1

# As in a worker: two threads that wait for each other over a few numbers take three times as long as one.
torch.set_num_threads(1)


def grade(exercise_name: str, names: dict[str, Any], seed: int) -> Result:
    """Return the verdict on an exercise as the names solve it, on the hidden inputs of the seed."""
    exercise = find_exercise(exercise_name)
    ladder = ladder_of(find_lesson(exercise.lesson), exercise)
    with LiveStudent(names) as student:
        return judge(exercise, climb(ladder, student, seed))


def names_after(lesson: str, code: str, module_name: str = "other_hand") -> dict[str, Any]:
    """Return the names of the lesson's reference with what ``code`` defines in their place."""
    module = types.ModuleType(module_name)
    # Data classes look their module up.
    sys.modules[module_name] = module
    module.__dict__.update(reference_names(lesson), __name__=module_name)
    exec(compile(code, f"<{module_name}>", "exec"), module.__dict__)
    return module.__dict__


def names_of(mistake: Misconception) -> dict[str, Any]:
    """Return the names of the lesson with the mistake put in."""
    return names_after(find_exercise(mistake.exercise).lesson, mistake.code, "mistake")


def changed(code: str, *changes: str) -> str:
    """Return ``code`` with each old text of ``changes`` replaced by the one behind it; each must be there."""
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in code
        code = code.replace(old, new)
    return code


class _Remembered(Student):
    """A mistake's code, asked the same thing only once: the test of every entry asks all other entries as well."""

    answers: ClassVar[dict[tuple[str, str, bytes], dict[str, Any]]] = {}

    def __init__(self, mistake: Misconception) -> None:
        self.mistake = mistake
        self._live: LiveStudent | None = None

    def close(self) -> None:
        """Remove what the code may have written."""
        if self._live is not None:
            self._live.__exit__()

    def _ask(self, probe: str, inputs: dict[str, Any]) -> dict[str, Any]:
        key = self.mistake.id, probe, hashlib.sha256(encode(inputs)).digest()
        if key not in self.answers:
            self._live = self._live or LiveStudent(names_of(self.mistake))
            self.answers[key] = self._live._ask(probe, inputs)
        return self.answers[key]


@contextmanager
def _open_mistake(mistake: Misconception) -> Iterator[Student]:
    with closing(_Remembered(mistake)) as student:
        yield student


def grade_and_diagnose(exercise_name: str, names: dict[str, Any], seed: int) -> Result:
    """Return the verdict on an exercise, with the misconception that it shows."""
    return diagnosis.diagnose(grade(exercise_name, names, seed), seed, _open_mistake)


def rivals(result: Result, seed: int) -> str:
    """Return which mistakes answer as this result did, and on how many rungs, for the message of a failing test."""
    alike = diagnosis.rank(result, seed, _open_mistake)
    ranked = sorted(alike.items(), key=lambda item: -item[1])
    return "\n".join(f"{entry.id} answers alike on {count:g} rungs" for entry, count in ranked) or "none answers alike"


def remembering(lesson: str) -> pytest.MarkDecorator:
    """Return the mark of tests on the mistakes of a lesson: they run in one process, which asks each mistake once."""
    return pytest.mark.xdist_group(f"mistakes of {lesson}")


def story(result: Result) -> str:
    """Return what the result says is wrong, rung by rung, for the message of a failing test."""
    return "\n".join(f"{rung.rung.name}: {rung.problem}" for rung in result.rungs if not rung.passed)
