"""Where the course lies, and the one kind of error that a command reports in a line."""

from __future__ import annotations

import os
from importlib.resources.abc import Traversable
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
# In a wheel the lessons lie inside the package (pyproject.toml says so), in a course's own folder beside it.
PACKED_LESSONS = PACKAGE / "lessons"
INSTALLED = PACKED_LESSONS.is_dir()


def users_folder() -> Path:
    """Return where an installed course keeps what a student works on and makes: ``$COURSE_HOME``, else a folder of the
    user's. ``data_scripts.files.generated`` says the same, for the lessons."""
    return Path(os.path.abspath(os.path.expanduser(os.environ.get("COURSE_HOME") or "~/facial-keypoints")))


# Holds ``lessons/``, ``data/`` and ``output/``; in the course's own folder ``solutions/`` and the engine as well.
ROOT = users_folder() if INSTALLED else PACKAGE.parent


class CourseError(Exception):
    """Something about the course or the request is wrong; the message says what to do."""


def shown_path(path: Path | Traversable) -> str:
    """Return a path as messages name it: from the course's root where it lies inside."""
    path = Path(str(path))
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
