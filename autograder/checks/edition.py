"""The edition of an exercise: a digest of everything that decides its mark.

An exercise whose edition is the same as before keeps the marks that were given, whatever else of the course changed.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources.abc import Traversable

from ..course.manifest import Exercise, Lesson
from ..course.released import released_cells
from ..course.sealed import folder_beside
from ..isolation.workers import PROBES

CHECKS = folder_beside(__file__)


def _deciding_files(lesson: Lesson) -> list[tuple[str, Traversable]]:
    """Return the files of the lesson's checks and probe, and those that lessons share, with their places, sorted."""
    rooms = {f"checks/{name}": CHECKS / name for name in (lesson.room, "common")}
    checks = [(f"{place}/{path.name}", path) for place, room in rooms.items() for path in room.iterdir()]
    probes = [path for path in PROBES.iterdir() if path.name.startswith(lesson.room) or path.name[:7] != "lesson_"]
    every = [*checks, *((f"worker/probes/{path.name}", path) for path in probes)]
    return sorted((place, path) for place, path in every if place.endswith(".py"))


@cache
def _digest_of_files(lesson: Lesson) -> str:
    digest = hashlib.sha256()
    for place, path in _deciding_files(lesson):
        # Line ends differ between checkouts of the same file.
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{place} {len(content)}\n".encode() + content)
    return digest.hexdigest()


@cache
def edition(lesson: Lesson, exercise: Exercise) -> str:
    """Return the digest of an exercise: its names, points and time, its stub, the checks and the probes."""
    cells = released_cells(lesson)
    own = [cell["text"] for cell in cells if cell["kind"] == "setup" or cell["exercise"] == exercise.name]
    facts = [lesson.id, exercise.names, exercise.points, exercise.seconds, own, _digest_of_files(lesson)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
