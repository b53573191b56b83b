"""Which file is a lesson's notebook, and its content: the same for every way in which work is handed in.

Nothing here writes, and nothing outside of the folder that was handed in is read, whatever links it holds.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..course.manifest import CourseError, Lesson
from .submission import NoSubmission, Submission, Unreadable, read_submission

MAX_BYTES = 50 * 2**20
SHOWN, SHOWN_CHARACTERS = 5, 60
# Notebooks beside the one that counts, and folders where there is none, that are looked into.
OTHERS, FOLDERS = 5, 20
_ARCHIVES = (".zip", ".rar", ".7z", ".gz", ".tgz", ".tar")
_PAGES = (".html", ".htm", ".pdf", ".py", ".docx")


def expected_name(lesson: Lesson) -> str:
    """Return the file name under which a lesson's notebook is handed in."""
    return f"{lesson.id}.ipynb"


def _listed(paths: Sequence[Path]) -> str:
    names = [path.name for path in paths[:SHOWN]]
    shown = ", ".join(name if len(name) <= SHOWN_CHARACTERS else f"{name[:SHOWN_CHARACTERS]}…" for name in names)
    return shown + (f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else "")


def choose_notebook(
    notebooks: Sequence[Path], lesson: Lesson, alone: bool = True, scattered: bool = False
) -> tuple[Path | None, str | None]:
    """Return which of the notebooks is the lesson's, and what is to be said about the choice.

    The one that is named as expected counts, of several the first. Where ``alone`` this lesson was asked for, a single
    notebook of another name is taken too. ``scattered``: the notebooks lie in several folders, those at the top first.
    The result is None where there are none. Raises Unreadable where none of them can be told to be the lesson's.
    """
    expected = expected_name(lesson)
    named = [path for path in notebooks if path.name == expected]
    if len(named) > 1:
        return named[0], f"{len(named)} files are named {expected}; the one nearest to the top was graded"
    if named or not notebooks:
        return (named[0] if named else None), None
    if alone and len(notebooks) == 1:
        return notebooks[0], None
    shown = f"handed in ({_listed(notebooks)})" if scattered else _listed(notebooks)
    raise Unreadable(f"none of the notebooks {shown} is named {expected}; rename the one that counts")


def is_hidden(name: str) -> bool:
    """Return whether a file is a system's own, such as the ``._x.ipynb`` that macOS puts beside ``x.ipynb``."""
    return name.startswith(".")


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted((entry for entry in found if not is_hidden(entry.name)), key=lambda entry: entry.name)
    except OSError:
        return []


def notebooks_in(folder: Path, lesson: Lesson) -> list[Path]:
    """Return the notebooks in a folder, by name; what has the expected name is one, whatever it is."""
    return [
        Path(entry.path)
        for entry in _entries(folder)
        if entry.name == expected_name(lesson)
        or (entry.name.endswith(".ipynb") and not entry.is_dir(follow_symlinks=False))
    ]


def find_notebook(folder: Path, lesson: Lesson) -> Path | None:
    """Return the notebook of ``lesson`` in ``folder``, the very folder that was handed in, or None where there is none.

    What has the expected name is taken, whatever it is. Raises Unreadable where several others could be it.
    """
    return choose_notebook(notebooks_in(folder, lesson), lesson)[0]


def say_instead(names: Sequence[str], lesson: Lesson) -> str:
    """Return what to say of the files that came where no notebook did: what one of them is, and what to do."""
    expected = expected_name(lesson)
    for name in names:
        lower, shown = name.lower(), name if len(name) <= SHOWN_CHARACTERS else f"{name[:SHOWN_CHARACTERS]}…"
        if lower.endswith(_ARCHIVES):
            return f"; {shown} is an archive: unpack it and hand in the notebook {expected}"
        if ".ipynb." in lower or lower.startswith(f"{expected}."):
            return f"; {shown} has one ending too many: rename it to {expected} and hand it in anew"
        if lower.endswith(_PAGES):
            return f"; {shown} is no notebook: hand in {expected} itself"
    return ""


def say_absent(folder: Path, lesson: Lesson) -> str:
    """Return what to say where a folder that was handed in has no notebook."""
    entries = _entries(folder)
    said = say_instead([entry.name for entry in entries], lesson)
    if said:
        return said
    for entry in [entry for entry in entries if entry.is_dir(follow_symlinks=False)][:FOLDERS]:
        below = notebooks_in(Path(entry.path), lesson)
        if below:
            return f"; {entry.name}/{_listed(below[:1])} lies a folder too deep: move it up and hand it in anew"
    return ""


def _megabytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MB" if size >= 2**20 else f"{size:,} bytes"


def read_inside(
    path: Path,
    inside: Path,
    limit: int = MAX_BYTES,
    if_link: str = "hand in the notebook itself",
    if_large: str = "clear its outputs and save it again",
) -> bytes:
    """Return the content of a file of at most ``limit`` bytes that lies in the folder ``inside``, or is a link to one.

    Raises Unreadable where it is no ordinary file, lies elsewhere (``if_link`` says what to do then) or is too large
    (``if_large``).
    """
    name = path.name
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "its links go round"
        raise Unreadable(f"{name} can't be opened: {reason}") from None
    if not real.is_relative_to(inside.resolve()):
        raise Unreadable(f"{name} is a link to a file outside of the submission; {if_link}")
    try:
        # Without waiting, and not through a link that was put there since: a pipe must not stop the grading.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(real, flags)
    except OSError as error:
        raise Unreadable(f"{name} can't be opened: {error.strerror}") from None
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        raise Unreadable(f"{name} is no file")
    with os.fdopen(descriptor, "rb") as stream:
        if facts.st_size > limit:
            raise Unreadable(f"{name} has {_megabytes(facts.st_size)}; {if_large}")
        try:
            content = stream.read(limit + 1)
        except OSError as error:
            raise Unreadable(f"{name} can't be read: {error.strerror}") from None
    if len(content) > limit:
        raise Unreadable(f"{name} grew while it was read")
    return content


def read_notebook(
    name: str, content: bytes | None, lesson: Lesson, problem: str | None = None
) -> Submission | NoSubmission:
    """Return what the notebook handed in as the file ``name`` holds, with a note where another name was expected.

    ``content`` is None where there was no such file or it could not be read; ``problem`` says why.
    """
    if content is None:
        return NoSubmission(lesson, problem or "no notebook")
    expected = expected_name(lesson)
    notes = () if name == expected else (f"the notebook is named {name}; {expected} was expected",)
    try:
        submission = read_submission(content, lesson, name)
    except Unreadable as error:
        return NoSubmission(lesson, "a file that is no notebook", (*notes, str(error)), error.handed_in)
    except CourseError:
        raise
    except Exception as error:
        # Whatever a file that was made for it does to its reader, it is this file's fault alone.
        said = f"{name} can't be read ({type(error).__name__}: {str(error)[:200]}); save it again in Jupyter"
        return NoSubmission(lesson, "a file that can't be read", (*notes, said), look=(said,))
    return replace(submission, notes=(*notes, *submission.notes))


def say_beside(chosen: Submission | NoSubmission, name: str, others: Sequence[Path], inside: Path) -> str | None:
    """Return what to say where another notebook holds work that is not in the one that counts, else None.

    ``name`` is the file of the one that counts, ``inside`` the folder that was handed in.
    """
    lesson = chosen.lesson
    lacking = {exercise.name for exercise in lesson.exercises}
    if isinstance(chosen, Submission):
        lacking -= chosen.written | chosen.broken.keys()
    if not lacking:
        return None
    for path in others[:OTHERS]:
        try:
            other = read_notebook(path.name, read_inside(path, inside), lesson)
        except Unreadable:
            continue
        found = [each for each in lesson.names if isinstance(other, Submission) and each in lacking & other.written]
        if found:
            return (
                f"{_listed([path])} holds work that {name} does not ({', '.join(found[:SHOWN])}), and only {name} was "
                f"graded; name the notebook that counts {expected_name(lesson)} and hand it in anew"
            )
    return None


def with_look(chosen: Submission | NoSubmission, said: str | None) -> Submission | NoSubmission:
    """Return what was handed in with one more thing to tell the student and the teacher."""
    return chosen if said is None else replace(chosen, notes=(said, *chosen.notes), look=(said, *chosen.look))


def find_submission(work: Path, lesson: Lesson) -> Submission | NoSubmission:
    """Return what was handed in of a lesson as ``work/<lesson>/<lesson>.ipynb``, or why there is nothing to grade."""
    folder = work / lesson.id
    try:
        path = find_notebook(folder, lesson)
        if path is None:
            expected = expected_name(lesson)
            astray = f"; put the {expected} that lies there into a folder {lesson.id}"
            instead = astray if (work / expected).is_file() else say_absent(folder, lesson)
            note = f"no notebook {lesson.id}/{expected} in {work}{instead}"
            return NoSubmission(lesson, "no notebook", (note,))
        content = read_inside(path, work)
    except Unreadable as error:
        return NoSubmission(lesson, str(error), (str(error),))
    found = read_notebook(path.name, content, lesson)
    others = [other for other in notebooks_in(folder, lesson) if other != path]
    return with_look(found, say_beside(found, path.name, others, work))
