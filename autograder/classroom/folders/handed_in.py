"""What students handed in, read from nbgrader's ``submitted`` folder without trusting anything in it.

Nothing here writes, and nothing outside of a submission's own folder is read, whatever links it holds.
"""

from __future__ import annotations

import glob
import hashlib
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import parse_utc

from ...course.manifest import Lesson, load_course
from ...grading.notebook_choice import (
    choose_notebook,
    expected_name,
    is_hidden,
    notebooks_in,
    read_inside,
    read_notebook,
    say_absent,
    say_beside,
)
from ...grading.submission import Unreadable
from ...report.safe_text import safe_text

TIMESTAMP = "timestamp.txt"
# What nbgrader's `submit` puts beside a notebook, so that only its student finds the feedback; 128 characters.
SECRET = "submission_secret.txt"
MAX_SECRET = 1000
MAX_TIMESTAMP = 200
PROBLEM = 1000
JUNK = "__pycache__"
# Folders and files of a submission that are looked at for links, and how deep; more of them is no homework.
ENTRIES, DEEPEST = 10_000, 100


@dataclass(frozen=True)
class Submitted:
    """Where one student's submission of one lesson lies."""

    student: str
    lesson: Lesson
    folder: Path


@dataclass(frozen=True)
class HandedIn:
    """What one submission holds. ``digest`` changes with anything that decides its marks.

    ``beside`` says to student and teacher that another notebook of the folder holds work that was not graded.
    """

    file: str
    content: bytes | None
    problem: str | None
    digest: str
    timestamp: str | None
    notes: tuple[str, ...]
    look: tuple[str, ...]
    beside: str | None = None


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


def _students_folders(coursedir: CourseDirectory) -> list[os.DirEntry]:
    """Return the folders in which students' lie, those of no student too; none where nbgrader's layout is another."""
    root = Path(coursedir.format_path(coursedir.submitted_directory, ".", ".")).resolve()
    if coursedir.directory_structure != CourseDirectory.directory_structure.default_value or not root.is_dir():
        return []
    return [entry for entry in _entries(root) if entry.is_dir(follow_symlinks=False)]


def strange_assignments(coursedir: CourseDirectory) -> list[str]:
    """Return the names of what was handed in that is no lesson of the course."""
    known = {lesson.id for lesson in load_course().lessons}
    names: set[str] = set()
    for student in _students_folders(coursedir):
        names |= {entry.name for entry in _entries(Path(student.path)) if entry.is_dir(follow_symlinks=False)}
    return sorted(name for name in names - known if not name.startswith("."))


def unreadable_names(coursedir: CourseDirectory) -> list[str]:
    """Return names of folders with lessons in them that nbgrader's layout takes for no student's."""
    lessons = [lesson.id for lesson in load_course().lessons]
    odd = [entry for entry in _students_folders(coursedir) if entry.name.startswith(".") or "\\" in entry.name]
    return [entry.name for entry in odd if any((Path(entry.path) / lesson).is_dir() for lesson in lessons)]


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


def _below(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield what lies in a folder at any depth, links unfollowed. Raises Unreadable where it is too much, or shut."""
    waiting, count = [(str(folder), 0)], 0
    while waiting:
        path, depth = waiting.pop()
        if depth > DEEPEST:
            raise Unreadable(f"the submission has folders more than {DEEPEST} deep; hand in the notebook alone")
        try:
            with os.scandir(path) as found:
                entries = list(itertools.islice(found, ENTRIES))
        except OSError as error:
            raise Unreadable(f"a folder in the submission can't be looked into: {error.strerror}") from None
        count += len(entries)
        if count >= ENTRIES:
            raise Unreadable(f"the submission holds {ENTRIES:,} files and folders or more; hand in the notebook alone")
        yield from entries
        waiting += [(entry.path, depth + 1) for entry in entries if entry.is_dir(follow_symlinks=False)]


def links_outside(folder: Path) -> list[str]:
    """Return the names, at any depth, of links that lead out of a submission.

    Raises Unreadable where the folder can't be looked through.
    """
    inside = folder.resolve()
    links = [entry.path for entry in _below(folder) if entry.is_symlink()]
    out = [os.path.relpath(link, folder) for link in links if _leads_out(Path(link), inside)]
    return sorted(safe_text(name, 80, one_line=True) for name in out)


def _others(folder: Path, notebook: str) -> list[str]:
    """Say what else was handed in; none of it is opened."""
    names = [entry.name for entry in _entries(folder) if entry.name not in (notebook, TIMESTAMP, SECRET, JUNK)]
    names = [name for name in names if not is_hidden(name)]
    if not names:
        return []
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return [f"also handed in, not graded: {', '.join(safe_text(name, 60, one_line=True) for name in names[:5])}{more}"]


def _links(folder: Path, file: str) -> list[str]:
    """Return why somebody should look at a submission for what lies in its folders; none of it is opened."""
    try:
        outside = [name for name in links_outside(folder) if name != file]
    except Unreadable as error:
        return [str(error)]
    return [f"{name} is a link to a file outside of the submission; it was not followed" for name in outside[:5]]


def _beside(notebook: Path, content: bytes, submitted: Submitted) -> str | None:
    """Say where another notebook of the folder holds work that the one that counts does not."""
    others = [path for path in notebooks_in(submitted.folder, submitted.lesson) if path != notebook]
    if not others:
        return None
    chosen = read_notebook(notebook.name, content, submitted.lesson)
    return say_beside(chosen, notebook.name, others, submitted.folder)


def read_handed_in(submitted: Submitted) -> HandedIn:
    """Return what a submission holds; what can't be read is said in ``problem``, ``notes`` and ``look``."""
    notes: list[str] = []
    look: list[str] = []
    folder, lesson = submitted.folder, submitted.lesson
    file, content, problem, timestamp, beside = "", None, None, None, None
    try:
        _check_folder(submitted)
        timestamp = _timestamp(folder, look)
        notebook, _ = choose_notebook(notebooks_in(folder, lesson), lesson)
        if notebook is None:
            raise Unreadable(f"no notebook {expected_name(lesson)} was handed in{say_absent(folder, lesson)}")
        file = notebook.name
        look += _links(folder, file)
        notes += _others(folder, file)
        content = read_inside(notebook, folder)
        beside = _beside(notebook, content, submitted)
    except Unreadable as error:
        problem = safe_text(str(error), PROBLEM, one_line=True)
    said = (file if problem is None else problem).encode("utf-8", "replace")
    digest = hashlib.sha256(said + b"\0" + (content or b"")).hexdigest()
    if beside is not None:
        look.append(safe_text(beside, PROBLEM, one_line=True))
    return HandedIn(file, content, problem, digest, timestamp, tuple(notes), tuple(look), beside)
