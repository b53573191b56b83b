"""Answers to exercises as students write them, right and wrong: the data that the tests of all lessons share.

The room of a lesson, ``tests/lessons/lesson_NN``, holds modules that list them as ``RIGHT`` (earn full marks),
``WRONG`` (lose points and are told why) and ``NAMED`` (a mistake of the catalogue in another hand, to be named by its
id).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from autograder.course.manifest import Lesson, find_exercise, load_course
from tests.reference import reference_names

Names = dict[str, Any]
KINDS = ("RIGHT", "WRONG", "NAMED")
# Exercises whose answers train, or are built at full size, for seconds each: of these the short run tries every third.
DEAR = frozenset({"train_two_phase", "build_cnn", "HeatmapNet", "KeypointResNet", "resnet18", "sweep", "fit"})


@dataclass(frozen=True)
class Answer:
    """One answer to ``exercise``; ``id`` tells it from the exercise's others of its kind.

    ``names`` is what the notebook defines in place of the reference's, or a function that makes it. ``said`` stands in
    what a wrong answer is told; ``misconception`` is the id that it is named by, where the catalogue knows it.
    ``seeds`` is on how many draws of the hidden inputs the long run tries it.
    """

    exercise: str
    id: str
    names: Names | Callable[[], Names]
    said: str = ""
    misconception: str | None = None
    seeds: int = 20

    @property
    def key(self) -> str:
        return f"{self.exercise}-{self.id}"

    def all_names(self) -> Names:
        """Return everything that the notebook defines: the lesson's reference, and in its place this answer."""
        own = self.names() if callable(self.names) else self.names
        return {**reference_names(find_exercise(self.exercise).lesson), **own}


def change_reference(exercise: str, id: str, old: str, new: str, said: str, misconception: str | None = None) -> Answer:
    """Return a wrong answer: the lesson's reference with the text ``new`` in place of ``old``."""
    make_names = partial(reference_names, find_exercise(exercise).lesson, (old, new))
    return Answer(exercise, id, make_names, said, misconception, seeds=2)


def name_answers(mistakes: Iterable[tuple[str, Names | Callable[[], Names]]]) -> list[Answer]:
    """Return a ``NAMED`` answer for each misconception's id and the names that make the mistake.

    The answers of one misconception, made in several ways, are told apart by a number: ``no-root``, ``no-root-2``, …
    """
    answers, made = [], Counter[str]()
    for misconception, names in mistakes:
        exercise, id = misconception.split("/")
        made[misconception] += 1
        number = f"-{made[misconception]}" if made[misconception] > 1 else ""
        answers.append(Answer(exercise, f"{id}{number}", names, misconception=misconception))
    return answers


def answers_of(lesson: Lesson, kind: str) -> list[Answer]:
    """Return the lesson's answers of a kind. Raises ValueError where two of an exercise have the same id."""
    room = Path(__file__).parent / lesson.room
    modules = [import_module(f"{__package__}.{lesson.room}.{path.stem}") for path in sorted(room.glob("[!_]*.py"))]
    found = [answer for module in modules for answer in getattr(module, kind, [])]
    keys = [answer.key for answer in found]
    if len(set(keys)) != len(keys):
        raise ValueError(f"{lesson.room}, {kind}: {sorted({key for key in keys if keys.count(key) > 1})} stand twice")
    return found


@cache
def all_answers(kind: str) -> tuple[tuple[Lesson, Answer], ...]:
    """Return the answers of a kind of all lessons, each with its lesson."""
    return tuple((lesson, answer) for lesson in load_course().lessons for answer in answers_of(lesson, kind))


def references(group: str) -> list[Any]:
    """Return pytest's parameters for the lessons' references, each exercise by itself."""
    return [
        pytest.param(Answer(name, "reference", {}), id=name, marks=pytest.mark.xdist_group(f"{group} of {lesson.id}"))
        for lesson in load_course().lessons
        for name in (exercise.name for exercise in lesson.exercises)
    ]


def as_parameters(kind: str, group: str, short: int = 1) -> list[Any]:
    """Return pytest's parameters for the answers of a kind; those of a lesson run in one process, ``group``.

    Of an exercise's answers the short run tries the first of every ``short``, the long run all.
    """
    parameters, met = [], Counter[str]()
    for lesson, answer in all_answers(kind):
        marks = [pytest.mark.xdist_group(f"{group} of {lesson.id}"), *sampled(met, answer.exercise, short)]
        parameters.append(pytest.param(answer, id=answer.key, marks=marks))
    return parameters


def sampled(met: Counter[str], exercise: str, short: int = 1) -> list[pytest.MarkDecorator]:
    """Return the mark of the long run, unless the short run tries this one; ``met`` counts an exercise's."""
    number, met[exercise] = met[exercise], met[exercise] + 1
    return [pytest.mark.long] if number % (short * (3 if exercise in DEAR else 1)) else []
