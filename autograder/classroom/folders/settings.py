"""nbgrader's own settings of a course folder, read as nbgrader reads them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config, PyFileConfigLoader

from ...course.manifest import ROOT, CourseError, Lesson

CONFIG = "nbgrader_config.py"


@dataclass(frozen=True)
class Settings:
    """The configuration of a course folder and the folder itself as nbgrader sees it."""

    config: Config
    coursedir: CourseDirectory


def find_programs() -> None:
    """Let nbgrader find ``alembic``, which it starts by name, where the environment was not activated."""
    folder = str(Path(sys.executable).parent)
    if folder not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", "")])


def load_settings(folder: Path | None = None) -> Settings:
    """Return the settings in ``folder``; without one, in the working folder or else in the course's own.

    Raises CourseError where there are none.
    """
    if folder is None:
        folder = Path.cwd() if (Path.cwd() / CONFIG).is_file() else ROOT
    folder = folder.resolve()
    if not (folder / CONFIG).is_file():
        raise CourseError(f"{folder} has no {CONFIG}; name a folder that nbgrader works in")
    try:
        config = PyFileConfigLoader(CONFIG, path=str(folder)).load_config()
    except Exception as error:
        # The file is a program of the teacher's: anything may go wrong in it.
        raise CourseError(f"{folder / CONFIG} can't be read: {type(error).__name__}: {error}") from None
    if "root" not in config.CourseDirectory:
        config.CourseDirectory.root = str(folder)
    find_programs()
    return Settings(config, CourseDirectory(config=config))


def autograded_path(coursedir: CourseDirectory, student: str, lesson: Lesson) -> Path:
    """Return where nbgrader's pages look for a graded notebook."""
    folder = Path(coursedir.format_path(coursedir.autograded_directory, student, lesson.id))
    return folder / f"{lesson.id}.ipynb"
