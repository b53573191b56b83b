"""Make every notebook from its source: nbgrader's source notebook, the released lesson, the engine's copy of it."""

from __future__ import annotations

import io
import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import nbformat
from tqdm import tqdm

from ..checks import ladders
from ..checks.catalogue import catalogue
from ..course.manifest import ROOT, CourseError, Lesson, load_course
from ..course.released import COPIES, released_path
from ..course.root import shown_path
from .generated import digests, edited, is_stale, keep_copies, put_back, refuse_edited, write_files
from .promise import check_promise, promise
from .proof import prove
from .readme_table import README, readme_with_table
from .source import SOLUTIONS, read_source, source_notebook
from .unfilled import refuse_unfilled

LESSONS = ROOT / "lessons"


@dataclass(frozen=True)
class Finding:
    """A file that a build wrote or found out of step, and in words what it is."""

    path: Path
    note: str

    def __str__(self) -> str:
        return f"{shown_path(self.path)}: {self.note}"


def _source_files(lesson: Lesson) -> Iterator[tuple[Path, bytes]]:
    notebook = nbformat.writes(source_notebook(lesson))
    yield SOLUTIONS / lesson.id / f"{lesson.id}.ipynb", (notebook.rstrip("\n") + "\n").encode()


def release(lesson: Lesson, folder: Path, db_url: str | None = None, course_id: str | None = None) -> None:
    """Run ``nbgrader generate_assignment`` with the course's own configuration; the release lands in ``folder``.

    The lesson is entered into the gradebook ``db_url`` of ``course_id``; without, into one that nobody keeps.
    """
    # Imported here: nbgrader takes seconds to import, and only building needs it.
    from nbgrader.apps import NbGrader
    from nbgrader.apps.api import NbGraderAPI
    from traitlets.config import PyFileConfigLoader

    config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
    config.CourseDirectory.root = str(ROOT)
    config.CourseDirectory.release_directory = str(folder)
    config.CourseDirectory.db_url = db_url or _passing_gradebook(folder / "gradebook.db")
    if course_id is not None:
        config.CourseDirectory.course_id = course_id
    config.NbGrader.logfile = ""
    # Silent by its own settings: with sys.stderr replaced, the logging set up here would close the former one where
    # TensorFlow's log (absl) writes to it.
    config.NbGrader.logging_config = {"handlers": {"console": {"stream": io.StringIO()}}}
    NbGrader.clear_instance()
    answer = NbGraderAPI(config=config).generate_assignment(lesson.id)
    # nbgrader catches whatever ends it.
    if "KeyboardInterrupt" in (answer.get("error") or ""):
        raise KeyboardInterrupt
    if not answer["success"]:
        raise CourseError(f"nbgrader could not release {lesson.id}:\n{_last_line(answer)}")


def _passing_gradebook(path: Path) -> str:
    """Return the address of a new gradebook that nobody keeps.

    For an empty one nbgrader runs alembic, which takes seconds, to note the version of its tables for later upgrades.
    """
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table not_empty (id integer)")
    return f"sqlite:///{path}"


def _last_line(answer: dict) -> str:
    """Return the last line of what nbgrader said, which names the error; the lines before it are its own frames."""
    lines = [line for line in f"{answer.get('log')}\n{answer.get('error')}".splitlines() if "Error" in line]
    return lines[-1].strip() if lines else "it did not say why"


def _engine_copy(lesson: Lesson, release: Path, generated: dict[Path, bytes]) -> bytes:
    """Return the released cells as the engine needs them (what is given, what is a stub) and what was generated."""
    cells = list(nbformat.read(release, as_version=4).cells)
    kinds = read_source(lesson)
    if len(cells) != len(kinds):
        raise CourseError(f"{lesson.id}: the release has {len(cells)} cells, the source {len(kinds)}")
    entries = [
        {"kind": kind.kind, "exercise": kind.exercise.name if kind.exercise else None, "text": cell.source}
        for cell, kind in zip(cells, kinds, strict=True)
        if kind.kind != "text"
    ]
    copy = {"lesson": lesson.id, **promise(lesson), "generated": digests(generated), "cells": entries}
    return (json.dumps(copy, indent=1, ensure_ascii=False) + "\n").encode()


def _release_files(lesson: Lesson) -> Iterator[tuple[Path, bytes]]:
    files = dict(_source_files(lesson))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        release(lesson, folder)
        released = folder / lesson.id
        for path in sorted(path for path in released.rglob("*") if path.is_file()):
            content = path.read_bytes()
            if path.suffix == ".ipynb":
                content = content.rstrip(b"\n") + b"\n"
            files[LESSONS / lesson.id / path.relative_to(released)] = content
            yield LESSONS / lesson.id / path.relative_to(released), content
        yield released_path(lesson), _engine_copy(lesson, released / f"{lesson.id}.ipynb", files)


def _surplus(lessons: tuple[Lesson, ...], made: set[Path]) -> Iterator[Finding]:
    """Yield files among the generated ones that no source accounts for, and folders of lessons that are not listed."""
    folders = [LESSONS / lesson.id for lesson in lessons] + [COPIES]
    present = {path for folder in folders if folder.is_dir() for path in folder.rglob("*") if path.is_file()}
    # nbgrader puts the feedback that a student fetches beside the notebook.
    junk = (".ipynb_checkpoints", "__pycache__", "feedback")
    for path in sorted(path for path in present - made if not any(part in junk for part in path.parts)):
        yield Finding(path, "no source accounts for it; remove it")
    listed = {lesson.id for lesson in lessons}
    for path in sorted([*SOLUTIONS.glob("[0-9][0-9]_*"), *LESSONS.glob("[0-9][0-9]_*")]):
        if path.is_dir() and path.name not in listed:
            yield Finding(path, "course.yaml lists no such lesson; list it there, or remove the folder")


def check_mistakes(lesson: Lesson) -> None:
    """Try every ``change`` of the lesson's catalogue on its reference.

    Raises CourseError, with file, id and text, where one no longer fits: diagnosis would fall silent about it.
    """
    catalogue.cache_clear()
    catalogue(lesson)


def _build_lesson(lesson: Lesson, force: bool, say: Callable[[str], None]) -> tuple[set[Path], list[Finding]]:
    """Write the lesson's files and prove it; return all of its files and what became of those that changed.

    Raises CourseError where it must not go out; then its files are as they were.
    """
    refuse_unfilled(lesson)
    ladders(lesson)
    change = check_promise(lesson)
    moment = datetime.now()
    made: set[Path] = set()
    former: dict[Path, bytes | None] = {}
    overwritten: list[Path] = []
    try:
        # nbgrader releases from the source notebook, so that is written first.
        for make in (_source_files, _release_files):
            files = dict(make(lesson))
            made |= set(files)
            stale = {path: content for path, content in files.items() if is_stale(path, content)}
            by_hand = edited([path for path in stale if path != released_path(lesson)], released_path(lesson))
            if not force:
                refuse_edited(by_hand, lesson)
            overwritten += keep_copies(by_hand, moment)
            former |= {path: path.read_bytes() if path.is_file() else None for path in stale}
            write_files(stale)
        check_mistakes(lesson)
        prove(lesson)
    except BaseException:
        put_back(former)
        raise
    if change:
        say(change)
    for copy in overwritten:
        say(f"{shown_path(copy)}: kept, as it was edited by hand")
    return made, [Finding(path, "written") for path in former]


def _check_lesson(lesson: Lesson) -> tuple[set[Path], list[Finding]]:
    """Return the lesson's files and those that are out of step."""
    refuse_unfilled(lesson)
    ladders(lesson)
    made: set[Path] = set()
    stale: list[Path] = []
    for make in (_source_files, _release_files):
        files = dict(make(lesson))
        made |= set(files)
        stale = [path for path, content in files.items() if is_stale(path, content)]
        if stale and make is _source_files:
            # The release would be made from a notebook that is out of step itself.
            made |= set((LESSONS / lesson.id).rglob("*")) | {released_path(lesson)}
            break
    if not stale:
        check_mistakes(lesson)
    by_hand = edited([path for path in stale if path != released_path(lesson)], released_path(lesson))
    return made, [Finding(path, "edited by hand" if path in by_hand else "out of step") for path in stale]


def _readme(check: bool) -> list[Finding]:
    """Write the README's table of lessons where it is out of step; return what became of it."""
    content = readme_with_table()
    if not is_stale(README, content):
        return []
    if not check:
        README.write_bytes(content)
    return [Finding(README, "table of lessons out of step" if check else "table of lessons written")]


def build(
    lessons: tuple[Lesson, ...], check: bool = False, force: bool = False, say: Callable[[str], None] = print
) -> list[Finding]:
    """Regenerate the notebooks of ``lessons`` and the README's table; return what was (with ``check``: is) out of step.

    With ``check`` nothing is changed and nothing graded. With ``force`` notebooks that were edited by hand are
    overwritten and a copy is kept. A lesson without exercises has nothing to prove. Raises CourseError where a lesson
    must not go out: it is not filled in, a notebook was edited by hand, a mistake of the catalogue does not fit the
    reference, the reference does not score in full, the stubs score, or points changed within a version.
    """
    found: list[Finding] = []
    made: set[Path] = set()
    for lesson in tqdm(lessons, desc="building", unit="lesson"):
        files, changed = _check_lesson(lesson) if check else _build_lesson(lesson, force, say)
        made |= files
        found += changed
    found += _readme(check)
    if lessons == load_course().notebooks:
        found += _surplus(lessons, made)
    for finding in found:
        say(str(finding))
    return found
