"""``python -m autograder overview``: a class on one page that needs nothing else, and the tables behind its figures."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ...course.manifest import CourseError, Lesson
from ..folders.settings import Settings, load_settings
from ..gradebook.marks import read_class
from ..likeness.similar_work import find_similar_work
from ..results.store import Store, write_whole
from ..results.tables import write_table
from .facts import ClassFacts, all_tables
from .hand_ins import read_hand_ins
from .page import Links, make_page
from .roster_names import with_roster
from .similar import choose_shown

PAGE = "index.html"
FOLDER = "overview"


@dataclass(frozen=True)
class OverviewRequest:
    """What is asked for. ``similar``: whether answers are compared with each other."""

    course: Path | None = None
    out: Path | None = None
    roster: Path | None = None
    column: str | None = None
    similar: bool = True


def _relative(path: Path, out: Path) -> str:
    """Return a link from the page's folder to a file, of whatever bytes its name is made."""
    return quote(os.fsencode(os.path.relpath(path, out)).replace(os.sep.encode(), b"/"))


def _links(settings: Settings, out: Path) -> Links:
    """Return what gives the links to a submission's log and to nbgrader's feedback on it, where they exist."""
    coursedir, store = settings.coursedir, Store(settings.coursedir)

    def links(student: str, lesson: Lesson) -> str:
        folder = Path(coursedir.format_path(coursedir.feedback_directory, student, lesson.id))
        pages = (("feedback", folder / f"{lesson.id}.html"), ("log", store.log_path(student, lesson.id)))
        found = [f'<a href="{_relative(path, out)}">{name}</a>' for name, path in pages if path.is_file()]
        return " ".join(found)

    return links


def gather(settings: Settings, request: OverviewRequest) -> ClassFacts:
    """Return what the page shows. Raises CourseError where nobody handed in anything, or the roster does not fit."""
    marks = read_class(settings)
    if not marks.lessons:
        raise CourseError(f"nobody handed in anything: {settings.coursedir.root} holds no submissions of the lessons")
    named = with_roster(marks, request.roster, request.column)
    work = find_similar_work(settings.coursedir, marks.lessons) if request.similar else None
    chosen = choose_shown(settings.coursedir, work) if work is not None else []
    return ClassFacts(named.marks, read_hand_ins(settings, marks), work, tuple(chosen), tuple(named.strangers))


def write_overview(settings: Settings, out: Path, request: OverviewRequest = OverviewRequest()) -> list[Path]:
    """Write the page and its tables into ``out``; return where they are, the page first.

    Raises CourseError as ``gather`` does, and Unwritable where a file can't be written.
    """
    facts = gather(settings, request)
    tables = all_tables(facts)
    page = out / PAGE
    write_whole(page, make_page(facts, tables, _links(settings, out)))
    return [page, *(write_table(out, table) for table in tables.values())]


def run_overview(request: OverviewRequest) -> int:
    """Do what the command does and return the exit status."""
    settings = load_settings(request.course)
    folder = (request.out or Store(settings.coursedir).folder / FOLDER).resolve()
    page, *tables = write_overview(settings, folder, request)
    print(f"{page}\nand {len(tables)} tables beside it: {', '.join(path.name for path in tables)}")
    return 0
