"""What counts as correct: a room of ladders and mistakes for each lesson. Nothing here is visible to a worker."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.resources.abc import Traversable
from traceback import extract_tb

from ..course.manifest import CourseError, Exercise, Lesson
from ..course.root import shown_path
from ..course.sealed import folder_beside
from ..ladder.ladder import Ladder


def _read_module(lesson: Lesson, path: Traversable) -> list[Ladder]:
    """Return the ladders of one module. Raises CourseError, which names the line, where it can't be imported."""
    try:
        module = import_module(f"{__name__}.{lesson.room}.{path.name.removesuffix('.py')}")
    except Exception as error:
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = getattr(error, "lineno", None) or (lines[-1] if lines else None)
        place = f"{shown_path(path)}, line {line}" if line else shown_path(path)
        raise CourseError(f"{place}: {' '.join(str(error).split())}") from error
    return [value for value in vars(module).values() if isinstance(value, Ladder)]


@cache
def ladders(lesson: Lesson) -> dict[str, Ladder]:
    """Return the ladders in the lesson's room by exercise name, one for each exercise of the manifest.

    A lesson without exercises needs no room.

    Raises CourseError where the room or a ladder is missing, a ladder has no exercise or a module can't be imported.
    """
    room = folder_beside(__file__) / lesson.room
    wanted = [exercise.name for exercise in lesson.exercises]
    if not wanted:
        return {}
    if not room.is_dir():
        raise CourseError(
            f"{shown_path(room)} is missing; expected modules there with a Ladder for {', '.join(wanted)}"
        )
    modules = [path for path in room.iterdir() if path.name.endswith(".py") and not path.name.startswith("_")]
    modules.sort(key=lambda path: path.name)
    made = [ladder for path in modules for ladder in _read_module(lesson, path)]
    found = {ladder.exercise: ladder for ladder in made}
    for name in wanted:
        if name not in found:
            raise CourseError(f'{shown_path(room)}: no module holds Ladder("{name}"); course.yaml lists that exercise')
    for name in found:
        if name not in wanted:
            raise CourseError(f'{shown_path(room)}: Ladder("{name}") is no exercise of {lesson.id} in course.yaml')
    return {name: found[name] for name in wanted}


def ladder_of(lesson: Lesson, exercise: Exercise) -> Ladder:
    """Return the ladder of one exercise."""
    return ladders(lesson)[exercise.name]
