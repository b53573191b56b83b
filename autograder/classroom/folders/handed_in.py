"""What students handed in, read from nbgrader's ``submitted`` folder without trusting anything in it.

Nothing here writes, and nothing outside of a submission's own folder is read, whatever links it holds.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import parse_utc

from ...course.manifest import Lesson, load_course
from ...grading.notebook_choice import expected_name, find_notebook, read_inside
from ...grading.submission import Unreadable
from ...report.safe_text import safe_text

TIMESTAMP = "timestamp.txt"
MAX_TIMESTAMP = 200
PROBLEM = 1000
JUNK = (".ipynb_checkpoints", "__pycache__", ".DS_Store")


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


def _check_folder(submitted: Submitted) -> None:
    """Raise Unreadable where the folder, or the student's folder above it, is a link or can't be read."""
    for path in (submitted.folder.parent, submitted.folder):
        if path.is_symlink():
            raise Unreadable(f"the folder {safe_text(path.name, 60, one_line=True)} is a link; it was not followed")
    if not submitted.folder.is_dir():
        raise Unreadable(f"{safe_text(submitted.folder.name, 60, one_line=True)} is no folder")
    try:
        os.listdir(submitted.folder)
    except OSError as error:
        raise Unreadable(f"the folder can't be read: {error.strerror}") from None


def _timestamp(folder: Path, look: list[str]) -> str | None:
    """Return the text of nbgrader's time stamp, None where there is none that can be read as a date."""
    path = folder / TIMESTAMP
    if not os.path.lexists(path):
        return None
    try:
        content = read_inside(path, folder, MAX_TIMESTAMP, if_link="it was not read", if_large="it was not read")
        text = content.decode("utf-8").strip()
        if text:
            parse_utc(text)
        return text or None
    except Unreadable as error:
        look.append(safe_text(str(error), PROBLEM, one_line=True))
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
                found.append(safe_text(str(link.relative_to(folder)), 80, one_line=True))
    return sorted(found)


def _others(folder: Path, notebook: str) -> list[str]:
    """Say what else was handed in; none of it is opened."""
    names = [entry.name for entry in _entries(folder) if entry.name not in (notebook, TIMESTAMP, *JUNK)]
    if not names:
        return []
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return [f"also handed in, not graded: {', '.join(safe_text(name, 60, one_line=True) for name in names[:5])}{more}"]


def read_handed_in(submitted: Submitted) -> HandedIn:
    """Return what a submission holds; what can't be read is said in ``problem``, ``notes`` and ``look``."""
    notes: list[str] = []
    look: list[str] = []
    file, content, problem, timestamp = "", None, None, None
    try:
        _check_folder(submitted)
        timestamp = _timestamp(submitted.folder, look)
        notebook = find_notebook(submitted.folder, submitted.lesson)
        if notebook is None:
            raise Unreadable(f"no notebook {expected_name(submitted.lesson)} was handed in")
        file = notebook.name
        outside = [name for name in links_outside(submitted.folder) if name != file]
        look += [f"{name} is a link to a file outside of the submission; it was not followed" for name in outside[:5]]
        notes += _others(submitted.folder, file)
        content = read_inside(notebook, submitted.folder)
    except Unreadable as error:
        problem = safe_text(str(error), PROBLEM, one_line=True)
    said = (file if problem is None else problem).encode("utf-8", "replace")
    digest = hashlib.sha256(said + b"\0" + (content or b"")).hexdigest()
    return HandedIn(file, content, problem, digest, timestamp, tuple(notes), tuple(look))
