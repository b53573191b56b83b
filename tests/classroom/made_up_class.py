"""A made-up class: kept results as the grader would write them, without grading anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from autograder.checks.catalogue import catalogue
from autograder.classroom.folders.settings import load_settings
from autograder.classroom.results.store import Store
from autograder.course.manifest import Exercise, Lesson, load_course
from tests.classroom.course_folder import hand_in, make_course

OUTCOMES = ("passed", "failed", "error", "not_attempted", "timeout")
ODDS = (0.6, 0.22, 0.06, 0.1, 0.02)
Change = Callable[[dict[str, Any]], None]


def make_entry(lesson: Lesson, exercise: Exercise, random: np.random.Generator) -> dict[str, Any]:
    """Return what the grader could have found of one exercise."""
    outcome = str(random.choice(OUTCOMES, p=ODDS))
    share = {"passed": 1.0, "failed": float(random.integers(0, 8)) / 10}.get(outcome, 0.0)
    known = catalogue(lesson)[exercise.name]
    # The first mistakes of the catalogue are made more often than the last.
    named = bool(known) and outcome == "failed" and random.random() < 0.8
    chosen = known[int(len(known) * random.random() ** 3)].id if named else None
    return {
        "name": exercise.name,
        "score": round(share * exercise.points, 2),
        "max_score": exercise.points,
        "outcome": outcome,
        "misconception": chosen,
        "doubtful": outcome == "timeout",
        "seconds": 0.0 if outcome == "not_attempted" else round(float(random.lognormal(-1, 0.8)), 3),
        "seed": 5,
        "edition": "made-up",
        "text": "",
        "html": "",
    }


def make_result(lesson: Lesson, student: str, random: np.random.Generator) -> dict[str, Any]:
    """Return what the grader could have kept of a submission."""
    entries = [make_entry(lesson, exercise, random) for exercise in lesson.exercises]
    return {
        "student": student,
        "assignment": lesson.id,
        "digest": "made-up",
        "course": load_course().version,
        "run": "made-up",
        "seed": 5,
        "timestamp": None,
        "graded_at": "2026-03-01T10:00:00+00:00",
        "isolation": "made up",
        "seconds": 1.0,
        "exercises": entries,
        "graded": [entry["name"] for entry in entries],
        "score": round(sum(entry["score"] for entry in entries), 2),
        "max_score": lesson.points,
        "notes": [],
        "look": [f"{entry['name']} ran out of time" for entry in entries if entry["outcome"] == "timeout"],
    }


def make_class(
    folder: Path,
    students: list[str],
    lessons: list[Lesson],
    absent: float = 0.0,
    change: Change | None = None,
    more: str = "",
) -> tuple[Path, list[dict[str, Any]]]:
    """Make a course folder with kept results; return it and the results.

    A share ``absent`` of the submissions is left out; ``change`` may alter each result before it is kept.
    """
    random = np.random.default_rng(7)
    course = make_course(folder, more=more)
    store = Store(load_settings(course).coursedir)
    results = []
    for student in students:
        for lesson in lessons:
            result = make_result(lesson, student, random)
            if random.random() < absent:
                continue
            if change is not None:
                change(result)
            hand_in(course, student, b"{}", lesson.id, stamp=None)
            store.write(result, "made up\n")
            results.append(result)
    return course, results
