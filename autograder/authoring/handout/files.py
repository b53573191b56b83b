"""What a students' repository holds: every file by its place, with its content."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...course.manifest import ROOT, CourseError, Lesson, load_course
from ...course.root import shown_path
from ..generated import released_as_built
from ..readme_table import readme_table
from .one_click import notebook_with_address, one_click
from .seal import ARCHIVE, SEALED_ROOMS, TEACHERS_ROOMS, files_below, lies_in, seal

STUDENTS = Path(__file__).with_name("students")
_SHARED = (
    ".binder/apt.txt",
    ".binder/postBuild",
    ".binder/runtime.txt",
    ".devcontainer/Dockerfile",
    ".devcontainer/devcontainer.json",
    "LICENSE",
    "LICENSE-text",
    "constraints.txt",
    "environment.yml",
    "hatch_build.py",
    "lessons/nbgrader_config.py",
    "pyproject.toml",
    "requirements.txt",
    "setup.mk",
)
# Templates by the place that they come to lie at; under their own names, git and tools would follow them here.
_TEMPLATES = {
    "README.md": "README.md",
    "Makefile": "Makefile",
    "nbgrader_config.py": "nbgrader_config.py.txt",
    ".gitignore": "gitignore",
    ".gitattributes": "gitattributes",
}


@dataclass(frozen=True)
class Preset:
    """What the students' nbgrader is set to: the course's name, and the folder of the exchange.

    ``repository`` says where on GitHub the hand-out will lie, as ``OWNER/NAME``.
    """

    course_id: str
    exchange: str
    repository: str | None = None

    def settings(self) -> dict[str, str]:
        """Return what a hand-out remembers, so that it need not be said again."""
        return {name: value for name, value in vars(self).items() if value}


def _lesson_files(lesson: Lesson) -> Iterator[str]:
    """Yield the places of what a lesson was released with. Raises CourseError where that is not what was built."""
    yield released_as_built(lesson, "so nothing was handed out").relative_to(ROOT).as_posix()
    source = ROOT / "solutions" / lesson.id
    for path in sorted(source.iterdir()):
        if path.suffix in (".py", ".ipynb") or path.name.startswith((".", "__")) or not path.is_file():
            continue
        released = ROOT / "lessons" / lesson.id / path.name
        if not released.is_file() or released.read_bytes() != path.read_bytes():
            raise CourseError(
                f"{shown_path(released)} is not what {shown_path(path)} is, so nothing was handed out; run: "
                f"python -m autograder build {lesson.number}"
            )
        yield released.relative_to(ROOT).as_posix()


def _places() -> Iterator[str]:
    for room in ("autograder", "data_scripts"):
        for place in files_below(ROOT, room):
            if not lies_in(place, (*SEALED_ROOMS, *TEACHERS_ROOMS)):
                yield place
    for lesson in load_course().notebooks:
        yield from _lesson_files(lesson)
    yield from _SHARED


def handout_files(preset: Preset) -> dict[str, bytes]:
    """Return every file of a students' repository by its place.

    Raises CourseError where a lesson is not as it was built, or a file of the course is missing.
    """
    written = {
        "COURSE-ID": preset.course_id,
        "EXCHANGE": preset.exchange,
        "LESSONS-TABLE": readme_table(),
        "ONE-CLICK": one_click(preset.repository),
    }
    try:
        files = {place: (ROOT / place).read_bytes() for place in _places()}
        if preset.repository is not None:
            for place in [place for place in files if place.startswith("lessons/") and place.endswith(".ipynb")]:
                files[place] = notebook_with_address(files[place], preset.repository)
        for place, name in _TEMPLATES.items():
            text = (STUDENTS / name).read_text(encoding="utf-8")
            for mark, value in written.items():
                text = text.replace(f"@{mark}@", value)
            files[place] = text.encode()
        files[ARCHIVE] = seal(ROOT)
    except OSError as error:
        raise CourseError(f"{error.filename}: {error.strerror}; nothing was handed out") from None
    return files
