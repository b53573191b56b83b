"""What students handed in, read from nbgrader's ``submitted`` folder without trusting anything in it.

Nothing here writes, and nothing outside of a submission's own folder is read, whatever links it holds.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import parse_utc

from ...course.manifest import Lesson, load_course
from ...grading.submission import MAX_BYTES
from ...report.visible import visible

TIMESTAMP = "timestamp.txt"
MAX_TIMESTAMP = 200
JUNK = (".ipynb_checkpoints", "__pycache__", ".DS_Store")


class Refused(Exception):
    """Something in a submission is not read; the message says what and why."""


@dataclass(frozen=True)
class Submitted:
    """Where one student's submission of one lesson lies."""

    student: str
    lesson: Lesson
    folder: Path


@dataclass(frozen=True)
class HandedIn:
    """What one submission holds. ``digest`` changes with anything that decides its marks."""

    file: str
    content: bytes | None
    problem: str | None
    digest: str
    timestamp: str | None
    notes: tuple[str, ...]
    look: tuple[str, ...]


def _paths(coursedir: CourseDirectory, lesson_id: str) -> list[tuple[str, Path]]:
    """Return the students' names and folders that nbgrader's own layout gives for an assignment."""
    layout = CourseDirectory(root=glob.escape(coursedir.root), directory_structure=coursedir.directory_structure)
    pattern = layout.format_path(coursedir.submitted_directory, "*", glob.escape(lesson_id))
    named = "(?P<student_id>[^/\\\\]*)"
    regex = coursedir.format_path(coursedir.submitted_directory, named, re.escape(lesson_id), escape=True)
    found = []
    for path in glob.glob(pattern):
        match = re.fullmatch(regex, path)
        if match and os.path.lexists(path):
            found.append((match.group("student_id"), Path(path)))
    return sorted(found)


def find_submitted(coursedir: CourseDirectory, lesson: Lesson) -> list[Submitted]:
    """Return every student's submission of a lesson, by name."""
    return [Submitted(student, lesson, path) for student, path in _paths(coursedir, lesson.id)]


def strange_assignments(coursedir: CourseDirectory) -> list[str]:
    """Return the names of what was handed in that is no lesson of the course."""
    root = Path(coursedir.format_path(coursedir.submitted_directory, ".", ".")).resolve()
    if coursedir.directory_structure != CourseDirectory.directory_structure.default_value or not root.is_dir():
        return []
    known = {lesson.id for lesson in load_course().lessons}
    names = set()
    for student in _entries(root):
        if student.is_dir(follow_symlinks=False):
            names |= {entry.name for entry in _entries(Path(student.path)) if entry.is_dir(follow_symlinks=False)}
    return sorted(name for name in names - known if not name.startswith("."))


def _entries(folder: Path) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:
        return []


def _read(path: Path, folder: Path, limit: int) -> bytes:
    """Return a file's content. Raises Refused where it is no ordinary file of the submission, or too large."""
    name = visible(path.name, one_line=True)
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise Refused(f"{name} can't be opened: {getattr(error, 'strerror', None) or 'its links go round'}") from None
    if not real.is_relative_to(folder.resolve()):
        raise Refused(f"{name} is a link to a file outside of the submission; it was not read")
    try:
        # Without waiting, and not through a link that was put there since: a pipe must not stop the grading.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(real, flags)
    except OSError as error:
        raise Refused(f"{name} can't be opened: {error.strerror}") from None
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        raise Refused(f"{name} is no file")
    with os.fdopen(descriptor, "rb") as stream:
        if facts.st_size > limit:
            raise Refused(f"{name} has {facts.st_size / 2**20:,.0f} MB; at most {limit / 2**20:,.0f} MB are read")
        try:
            content = stream.read(limit + 1)
        except OSError as error:
            raise Refused(f"{name} can't be read: {error.strerror}") from None
    if len(content) > limit:
        raise Refused(f"{name} grew while it was read")
    return content


def _choose_notebook(names: list[str], lesson: Lesson) -> str:
    """Return the notebook that counts. Raises Refused where none or several could be it."""
    expected = f"{lesson.id}.ipynb"
    if expected in names:
        return expected
    notebooks = [name for name in names if name.endswith(".ipynb")]
    if not notebooks:
        raise Refused(f"no notebook {expected} was handed in")
    if len(notebooks) > 1:
        shown = ", ".join(visible(name, 60, one_line=True) for name in notebooks[:5])
        raise Refused(f"none of the notebooks {shown} is named {expected}; rename the one that counts")
    return notebooks[0]


def _check_folder(submitted: Submitted) -> None:
    """Raise Refused where the folder, or the student's folder above it, is a link or can't be read."""
    for path in (submitted.folder.parent, submitted.folder):
        if path.is_symlink():
            raise Refused(f"the folder {visible(path.name, 60, one_line=True)} is a link; it was not followed")
    if not submitted.folder.is_dir():
        raise Refused(f"{visible(submitted.folder.name, 60, one_line=True)} is no folder")
    try:
        os.listdir(submitted.folder)
    except OSError as error:
        raise Refused(f"the folder can't be read: {error.strerror}") from None


def _timestamp(folder: Path, look: list[str]) -> str | None:
    """Return the text of nbgrader's time stamp, None where there is none that can be read as a date."""
    path = folder / TIMESTAMP
    if not os.path.lexists(path):
        return None
    try:
        text = _read(path, folder, MAX_TIMESTAMP).decode("utf-8").strip()
        if text:
            parse_utc(text)
        return text or None
    except Refused as refused:
        look.append(str(refused))
    except (ValueError, OverflowError, TypeError, AttributeError):
        look.append(f"{TIMESTAMP} holds no date; nbgrader's pages need one there, or no such file")
    return None


def _leads_out(link: Path, inside: Path) -> bool:
    try:
        return not link.resolve().is_relative_to(inside)
    except (OSError, RuntimeError):
        # Links that go round lead nowhere inside.
        return True


def links_outside(folder: Path) -> list[str]:
    """Return the names, at any depth, of links that lead out of a submission."""
    inside = folder.resolve()
    found = []
    for path, folders, files in os.walk(folder):
        for name in folders + files:
            link = Path(path) / name
            if link.is_symlink() and _leads_out(link, inside):
                found.append(visible(str(link.relative_to(folder)), 80, one_line=True))
    return sorted(found)


def _others(folder: Path, notebook: str) -> list[str]:
    """Say what else was handed in; none of it is opened."""
    names = [entry.name for entry in _entries(folder) if entry.name not in (notebook, TIMESTAMP, *JUNK)]
    if not names:
        return []
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return [f"also handed in, not graded: {', '.join(visible(name, 60, one_line=True) for name in names[:5])}{more}"]


def read_handed_in(submitted: Submitted) -> HandedIn:
    """Return what a submission holds; what can't be read is said in ``problem``, ``notes`` and ``look``."""
    notes: list[str] = []
    look: list[str] = []
    file, content, problem, timestamp = "", None, None, None
    try:
        _check_folder(submitted)
        timestamp = _timestamp(submitted.folder, look)
        file = _choose_notebook([entry.name for entry in _entries(submitted.folder)], submitted.lesson)
        outside = [name for name in links_outside(submitted.folder) if name != file]
        look += [f"{name} is a link to a file outside of the submission; it was not followed" for name in outside[:5]]
        notes += _others(submitted.folder, file)
        content = _read(submitted.folder / file, submitted.folder, MAX_BYTES)
    except Refused as refused:
        problem = str(refused)
    said = (file if problem is None else problem).encode("utf-8", "replace")
    digest = hashlib.sha256(said + b"\0" + (content or b"")).hexdigest()
    return HandedIn(file, content, problem, digest, timestamp, tuple(notes), tuple(look))
