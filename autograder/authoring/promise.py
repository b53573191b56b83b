"""What a released lesson promised: its exercises, their order and points change only with the course's version."""

from __future__ import annotations

import json
from typing import Any

from ..course.manifest import CourseError, Lesson, load_course
from ..course.released import released_path
from ..course.root import shown_path
from ..report.words import number


def promise(lesson: Lesson) -> dict[str, Any]:
    """Return what a release of the lesson promises, as the engine's copy of it holds it."""
    exercises = [{"name": exercise.name, "points": exercise.points} for exercise in lesson.exercises]
    return {"version": load_course().version, "exercises": exercises}


def _in_words(exercises: list[dict[str, Any]]) -> str:
    return ", ".join(f"{exercise['name']} ({number(exercise['points'])})" for exercise in exercises)


def check_promise(lesson: Lesson) -> str | None:
    """Return what changed since the lesson was released, in words, or None where nothing did.

    Raises CourseError where something did and the course has the version that it was released with.
    """
    path = released_path(lesson)
    held = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    now = promise(lesson)
    if "exercises" not in held or held["exercises"] == now["exercises"]:
        return None
    change = (
        f"{lesson.id} was built in version {held['version']} with {_in_words(held['exercises'])}; "
        f"course.yaml has {_in_words(now['exercises'])}"
    )
    if held["version"] == now["version"]:
        raise CourseError(
            f"{change}. Nothing was built: marks that were given would not fit. Where the change is meant, give "
            f"course.yaml another version; a lesson that nobody was given starts afresh without {shown_path(path)}"
        )
    return f"{change} in version {now['version']}"
