"""Where the course lies, and the one kind of error that a command reports in a line."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class CourseError(Exception):
    """Something about the course or the request is wrong; the message says what to do."""


def shown_path(path: Path) -> str:
    """Return a path as messages name it: from the course's root where it lies inside."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
