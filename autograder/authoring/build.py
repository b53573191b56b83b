"""Make every notebook from its source: nbgrader's source notebook, the released lesson, the engine's copy of it."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
from tqdm import tqdm

from ..course.manifest import ROOT, CourseError, Lesson, load_course
from ..course.released import COPIES, released_path
from .promise import check_promise, promise
from .proof import prove
from .source import SOLUTIONS, read_source, source_notebook

LESSONS = ROOT / "lessons"


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
    config.CourseDirectory.db_url = db_url or f"sqlite:///{folder / 'gradebook.db'}"
    if course_id is not None:
        config.CourseDirectory.course_id = course_id
    config.NbGrader.logfile = ""
    # Silent by its own settings: with sys.stderr replaced, the logging set up here would close the former one where
    # TensorFlow's log (absl) writes to it.
    config.NbGrader.logging_config = {"handlers": {"console": {"stream": io.StringIO()}}}
    NbGrader.clear_instance()
    answer = NbGraderAPI(config=config).generate_assignment(lesson.id)
    if not answer["success"]:
        raise CourseError(f"nbgrader could not release {lesson.id}:\n{_last_line(answer)}")


def _last_line(answer: dict) -> str:
    """Return the last line of what nbgrader said, which names the error; the lines before it are its own frames."""
    lines = [line for line in f"{answer.get('log')}\n{answer.get('error')}".splitlines() if "Error" in line]
    return lines[-1].strip() if lines else "it did not say why"


def _engine_copy(lesson: Lesson, release: Path) -> bytes:
    """Return the released cells as the engine needs them: what is given, what is a stub."""
    cells = list(nbformat.read(release, as_version=4).cells)
    kinds = read_source(lesson)
    if len(cells) != len(kinds):
        raise CourseError(f"{lesson.id}: the release has {len(cells)} cells, the source {len(kinds)}")
    entries = [
        {"kind": kind.kind, "exercise": kind.exercise.name if kind.exercise else None, "text": cell.source}
        for cell, kind in zip(cells, kinds, strict=True)
        if kind.kind != "text"
    ]
    copy = {"lesson": lesson.id, **promise(lesson), "cells": entries}
    return (json.dumps(copy, indent=1, ensure_ascii=False) + "\n").encode()


def _release_files(lesson: Lesson) -> Iterator[tuple[Path, bytes]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        release(lesson, folder)
        released = folder / lesson.id
        for path in sorted(path for path in released.rglob("*") if path.is_file()):
            content = path.read_bytes()
            if path.suffix == ".ipynb":
                content = content.rstrip(b"\n") + b"\n"
            yield LESSONS / lesson.id / path.relative_to(released), content
        yield released_path(lesson), _engine_copy(lesson, released / f"{lesson.id}.ipynb")


def _stale(path: Path, content: bytes) -> bool:
    return not path.is_file() or path.read_bytes() != content


def _surplus(lessons: tuple[Lesson, ...], made: set[Path]) -> list[Path]:
    """Return files among the generated ones that no source accounts for."""
    folders = [LESSONS / lesson.id for lesson in lessons] + [COPIES]
    present = {path for folder in folders if folder.is_dir() for path in folder.rglob("*") if path.is_file()}
    junk = (".ipynb_checkpoints", "__pycache__")
    return sorted(path for path in present - made if not any(part in junk for part in path.parts))


def _write(files: dict[Path, bytes]) -> None:
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _put_back(former: dict[Path, bytes | None]) -> None:
    for path, content in former.items():
        if content is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(content)


def _build_lesson(lesson: Lesson, say: Callable[[str], None]) -> tuple[set[Path], list[Path]]:
    """Write the lesson's files and prove it; return all of its files and those that changed.

    Raises CourseError where it must not go out; then its files are as they were.
    """
    change = check_promise(lesson)
    made: set[Path] = set()
    former: dict[Path, bytes | None] = {}
    try:
        # nbgrader releases from the source notebook, so that is written first.
        for make in (_source_files, _release_files):
            files = dict(make(lesson))
            made |= set(files)
            stale = {path: content for path, content in files.items() if _stale(path, content)}
            former |= {path: path.read_bytes() if path.is_file() else None for path in stale}
            _write(stale)
        prove(lesson)
    except BaseException:
        _put_back(former)
        raise
    if change:
        say(change)
    return made, list(former)


def _check_lesson(lesson: Lesson) -> tuple[set[Path], list[Path]]:
    """Return the lesson's files and those that are out of step."""
    made: set[Path] = set()
    for make in (_source_files, _release_files):
        files = dict(make(lesson))
        made |= set(files)
        stale = [path for path, content in files.items() if _stale(path, content)]
        if stale and make is _source_files:
            # The release would be made from a notebook that is out of step itself.
            return made | set((LESSONS / lesson.id).rglob("*")) | {released_path(lesson)}, stale
    return made, stale


def build(lessons: tuple[Lesson, ...], check: bool = False, say: Callable[[str], None] = print) -> list[Path]:
    """Regenerate the notebooks of ``lessons``; return the files that were (with ``check``: that are) out of step.

    With ``check`` nothing is changed and nothing graded. Raises CourseError where a lesson must not go out: its
    reference does not score in full, its stubs score, or its points changed within a version.
    """
    out_of_step: list[Path] = []
    made: set[Path] = set()
    for lesson in tqdm(lessons, desc="building", unit="lesson"):
        files, stale = _check_lesson(lesson) if check else _build_lesson(lesson, say)
        made |= files
        out_of_step += stale
    if lessons == load_course().lessons:
        out_of_step += _surplus(lessons, made)
    for path in out_of_step:
        surplus = path not in made
        note = "no source accounts for it; remove it" if surplus else ("out of step" if check else "written")
        say(f"{path.relative_to(ROOT)}: {note}")
    return out_of_step
