"""The edition of an exercise: a digest of everything that decides its mark.

An exercise whose edition is the same as before keeps the marks that were given, whatever else of the course changed.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from ..course.manifest import Exercise, Lesson
from ..course.released import released_cells
from ..isolation.workers import PROBES

CHECKS = Path(__file__).parent


def _deciding_files(lesson: Lesson) -> list[Path]:
    """Return the files of the lesson's checks and probe, and those that lessons share."""
    rooms = [CHECKS / lesson.room, CHECKS / "common"]
    checks = [path for room in rooms for path in room.glob("*.py")]
    shared = [path for path in PROBES.glob("*.py") if not path.stem.startswith("lesson_")]
    return sorted([*checks, *shared, *PROBES.glob(f"{lesson.room}*.py")])


@cache
def _digest_of_files(lesson: Lesson) -> str:
    digest = hashlib.sha256()
    for path in _deciding_files(lesson):
        # Line ends differ between checkouts of the same file.
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(CHECKS.parent).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


@cache
def edition(lesson: Lesson, exercise: Exercise) -> str:
    """Return the digest of an exercise: its names, points and time, its stub, the checks and the probes."""
    cells = released_cells(lesson)
    own = [cell["text"] for cell in cells if cell["kind"] == "setup" or cell["exercise"] == exercise.name]
    facts = [lesson.id, exercise.names, exercise.points, exercise.seconds, own, _digest_of_files(lesson)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
