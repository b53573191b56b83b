"""Which file is a lesson's notebook, and its content: the same for every way in which work is handed in.

Nothing here writes, and nothing outside of the folder that was handed in is read, whatever links it holds.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..course.manifest import Lesson
from .submission import NoSubmission, Submission, Unreadable, read_submission

MAX_BYTES = 50 * 2**20
SHOWN, SHOWN_CHARACTERS = 5, 60


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


def find_notebook(folder: Path, lesson: Lesson) -> Path | None:
    """Return the notebook of ``lesson`` in ``folder``, the very folder that was handed in, or None where there is none.

    What has the expected name is taken, whatever it is. Raises Unreadable where several others could be it.
    """
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        return None
    notebooks = [
        Path(entry.path)
        for entry in entries
        if entry.name == expected_name(lesson)
        or (entry.name.endswith(".ipynb") and not entry.is_dir(follow_symlinks=False))
    ]
    return choose_notebook(notebooks, lesson)[0]


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
    return replace(submission, notes=(*notes, *submission.notes))


def find_submission(work: Path, lesson: Lesson) -> Submission | NoSubmission:
    """Return what was handed in of a lesson as ``work/<lesson>/<lesson>.ipynb``, or why there is nothing to grade."""
    try:
        path = find_notebook(work / lesson.id, lesson)
        if path is None:
            note = f"no notebook {lesson.id}/{expected_name(lesson)} in {work}"
            return NoSubmission(lesson, "no notebook", (note,))
        content = read_inside(path, work)
    except Unreadable as error:
        return NoSubmission(lesson, "a file that is no notebook", (str(error),))
    return read_notebook(path.name, content, lesson)
