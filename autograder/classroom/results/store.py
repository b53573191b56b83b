"""What was graded, kept beside nbgrader's folders: one result and one log a submission, and the run's record.

``grading/STUDENT/ASSIGNMENT/result.json`` holds everything that is known about a submission, ``log.txt`` the same for
a reader. A result is written in one piece or not at all, so a run that was cut off goes on from what is here.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from nbgrader.coursedir import CourseDirectory

from ...course.manifest import CourseError, Lesson
from ...report.safe_text import safe_text
from ..folders.handed_in import find_submitted
from .submission_result import KeptResult, is_kept_result

STEP = "grading"
FORMAT = 1
# What stands in the folder of results beside the students' own folders.
RESERVED = frozenset(
    {"lock", "run.json", "overview", "feedback", "canvas.csv", "moodle.csv", "moved.csv", "waiting.csv"}
)


class Unwritable(CourseError):
    """A file could not be written; the message says which, why, and how to go on. ``everywhere``: nor could others."""

    def __init__(self, path: Path, error: OSError) -> None:
        self.everywhere = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
        how = "make room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "see to it that it can be"
        super().__init__(
            f"{safe_text(str(path), one_line=True)} can't be written: {error.strerror}; what was graded before is "
            f"kept: {how}, then run the same command again"
        )


def _sync_folder(folder: Path) -> None:
    """Make a renamed file survive a loss of power, where the system lets folders be written out."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_whole(path: Path, content: str, mode: int = 0o644) -> None:
    """Write a file so that, whatever happens, its old or its new content is there. Raises Unwritable.

    Halves of characters, which no file in UTF-8 can hold, become question marks.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Of an earlier run that was cut off, perhaps without permission to write.
        part.unlink(missing_ok=True)
        with part.open("w", encoding="utf-8", errors="replace", newline="\n") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.chmod(mode)
        os.replace(part, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise Unwritable(path, error) from None


@dataclass(frozen=True)
class ClassRun:
    """One run over a class. A run that did not finish is taken up again, with its seed."""

    id: str
    seed: int
    force: bool
    started: str
    finished: str | None = None


def now() -> str:
    """Return the time as it is written into results."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Store:
    """The kept results of one course folder."""

    def __init__(self, coursedir: CourseDirectory) -> None:
        self._coursedir = coursedir
        self.folder = Path(coursedir.root) / STEP

    def _place(self, student: str, assignment: str) -> Path:
        # No student's name begins with a dot: nbgrader does not find such folders.
        folder = f".{student}" if student.casefold() in RESERVED else student
        return Path(self._coursedir.format_path(STEP, folder, assignment))

    def log_path(self, student: str, assignment: str) -> Path:
        """Return where a submission's log lies."""
        return self._place(student, assignment) / "log.txt"

    def read(self, student: str, assignment: str) -> KeptResult | None:
        """Return a submission's result, or None where there is none that can be read."""
        try:
            text = (self._place(student, assignment) / "result.json").read_text(encoding="utf-8")
            result = json.loads(text)
        except (OSError, ValueError, RecursionError):
            return None
        whole = isinstance(result, dict) and result.get("format") == FORMAT and is_kept_result(result)
        own = whole and (result["student"], result["assignment"]) == (student, assignment)
        return cast(KeptResult, result) if own else None

    def write(self, result: KeptResult, log: str) -> None:
        """Keep a submission's result and its log. Raises Unwritable."""
        place = self._place(result["student"], result["assignment"])
        write_whole(place / "log.txt", log)
        text = json.dumps({"format": FORMAT, **result}, indent=1, ensure_ascii=False, allow_nan=False)
        write_whole(place / "result.json", text + "\n")

    def results(self, lesson: Lesson) -> Iterator[KeptResult]:
        """Yield the kept results of a lesson's submissions that are still there, by student."""
        for submitted in find_submitted(self._coursedir, lesson):
            result = self.read(submitted.student, lesson.id)
            if result is not None:
                yield result

    def _run_path(self) -> Path:
        return self.folder / "run.json"

    def unfinished_run(self) -> ClassRun | None:
        """Return the run that was cut off, if the last one was."""
        try:
            run = ClassRun(**json.loads(self._run_path().read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        whole = isinstance(run.id, str) and type(run.seed) is int and run.seed >= 0 and isinstance(run.started, str)
        return run if whole and run.finished is None else None

    def start_run(self, run: ClassRun) -> None:
        """Write down that a run began. Raises Unwritable."""
        write_whole(self._run_path(), json.dumps(asdict(run), indent=1) + "\n")

    def finish_run(self, run: ClassRun) -> None:
        """Write down that a run has done all of its work. Raises Unwritable."""
        self.start_run(replace(run, finished=now()))
