"""``python -m autograder feedback``: a folder for each student with the pages of their lessons, ready to be mailed."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from ...course.manifest import CourseError, Lesson
from ...report.safe_text import clean, safe_text
from ..folders.known_students import did_you_mean
from ..folders.settings import Settings, load_settings
from ..gradebook.marks import UNGRADED, ClassMarks, read_class
from ..results.store import Store, Unwritable, write_whole
from .feedback_pages import generate_page, page_path, read_states, stamp_of
from .student_page import student_page

FOLDER, INDEX = "feedback", "index.html"
SHOWN = 20
_STAMP = "<!-- made of {} -->\n"


@dataclass(frozen=True)
class FeedbackRequest:
    """What the command was asked for; without students, all of them."""

    students: tuple[str, ...] = ()
    course: Path | None = None
    out: Path | None = None
    zip: bool = False


@dataclass
class _Tally:
    """What became of a run; ``missing`` says, by student and lesson, why there is no page."""

    students: int = 0
    pages: int = 0
    made: int = 0
    missing: dict[tuple[str, str], str] = field(default_factory=dict)


def known_student(student: str, known: Collection[str], where: str) -> str:
    """Return ``student``. Raises CourseError where nobody of that name is known, with who is called much alike."""
    if student in known:
        return student
    meant = did_you_mean(student, known)
    raise CourseError(f"{where} holds nothing of {safe_text(student, 80, one_line=True)}{meant}")


def _has_stamp(page: Path, stamp: str) -> bool:
    try:
        with page.open("rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - 200))
            return stream.read().endswith(_STAMP.format(stamp).encode())
    except OSError:
        return False


def _bring_page(settings: Settings, student: str, lesson: Lesson, state: str, to: Path, tally: _Tally) -> bool:
    """Put a student's page on a lesson into their folder, made anew where it is out of date.

    Return whether it is there.
    """
    stamp = stamp_of(settings, student, lesson, state)
    if stamp is None:
        tally.missing[student, lesson.id] = "its graded notebook is gone; run: python -m autograder grade --force"
        return False
    if not _has_stamp(to, stamp):
        trouble = generate_page(settings, student, lesson)
        if trouble is not None:
            tally.missing[student, lesson.id] = trouble
            return False
        page = page_path(settings, student, lesson).read_text(encoding="utf-8", errors="replace")
        write_whole(to, page.rstrip("\n") + "\n" + _STAMP.format(stamp))
        tally.made += 1
    tally.pages += 1
    return True


def _pack(folder: Path, files: Iterable[str]) -> None:
    """Write a student's folder as an archive beside it. Raises Unwritable."""
    archive = folder.with_name(f"{folder.name}.zip")
    part = archive.with_name(f".{archive.name}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as stream:
            for file in files:
                stream.write(folder / file, f"{clean(folder.name)}/{file}")
        os.replace(part, archive)
    except OSError as error:
        raise Unwritable(archive, error) from None


def _write_folder(
    settings: Settings,
    marks: ClassMarks,
    student: str,
    states: dict[tuple[str, str], str],
    out: Path,
    packed: bool,
    tally: _Tally,
) -> None:
    folder, pages = out / student, {}
    for lesson in marks.lessons:
        if (student, lesson.id) not in marks.graded:
            if student in marks.handed_in[lesson.id]:
                tally.missing[student, lesson.id] = UNGRADED
            continue
        file = f"{lesson.id}.html"
        if _bring_page(settings, student, lesson, states.get((student, lesson.id), ""), folder / file, tally):
            pages[lesson.id] = file
    if not pages:
        return
    write_whole(folder / INDEX, student_page(marks, student, pages))
    if packed:
        _pack(folder, [INDEX, *pages.values()])
    tally.students += 1


def _say(tally: _Tally, out: Path, asked: Sequence[str]) -> None:
    print(f"{out}: {tally.students} of {len(asked)} students, {tally.pages} pages, {tally.made} of them made anew")
    for (student, lesson_id), why in list(tally.missing.items())[:SHOWN]:
        print(f"autograder: {safe_text(student, 80, one_line=True)}, {lesson_id}: none: {why}", file=sys.stderr)
    if len(tally.missing) > SHOWN:
        print(f"autograder: and {len(tally.missing) - SHOWN} more are missing", file=sys.stderr)


def write_feedback(request: FeedbackRequest) -> int:
    """Write the folders and return the exit status: 1 where a page is missing. Raises CourseError."""
    settings = load_settings(request.course)
    marks = read_class(settings)
    where = f"{Path(settings.coursedir.root) / settings.coursedir.submitted_directory}"
    if not marks.lessons:
        raise CourseError(f"nobody handed in anything: expected {where}/STUDENT/LESSON/LESSON.ipynb")
    if marks.trouble:
        raise CourseError(f"{marks.trouble}; nothing was written, since marks and comments by hand would be missing")
    known = sorted({student for students in marks.handed_in.values() for student in students})
    asked = [known_student(student, known, where) for student in dict.fromkeys(request.students)] or known
    out = (request.out or Store(settings.coursedir).folder / FOLDER).expanduser().resolve()
    states, tally = read_states(settings), _Tally()
    for student in tqdm(asked, desc="feedback", unit="student", disable=None):
        try:
            _write_folder(settings, marks, student, states, out, request.zip, tally)
        except Unwritable as error:
            if error.everywhere:
                raise
            tally.missing[student, "folder"] = str(error)
    _say(tally, out, asked)
    return 1 if tally.missing else 0
