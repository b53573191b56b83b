"""Generated files: which are out of step, which somebody edited since, and what becomes of those.

The engine's copy of a lesson holds a digest of every notebook as it was generated, so that an edit by hand shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from ..course.manifest import ROOT, CourseError, Lesson
from ..course.released import released_path
from ..course.root import shown_path

KEPT = ROOT / "output" / "edited"


def _place(path: Path) -> str:
    """Return where a generated file lies, such as ``lessons/03_residual_block/03_residual_block.ipynb``."""
    return Path(*path.parts[-3:]).as_posix()


def digest(content: bytes) -> str:
    """Return what tells whether a generated file is as it was made."""
    # Line ends differ between checkouts of the same file.
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()[:16]


def digests(files: Mapping[Path, bytes]) -> dict[str, str]:
    """Return a digest of each file by its place, as the engine's copy holds them."""
    return {_place(path): digest(content) for path, content in sorted(files.items())}


def _held(engine_copy: Path) -> dict[str, str]:
    """Return the digests that the engine's copy of a lesson holds; none where it was never built."""
    try:
        return json.loads(engine_copy.read_text(encoding="utf-8")).get("generated", {})
    except (OSError, ValueError):
        return {}


def is_stale(path: Path, content: bytes) -> bool:
    """Return whether a file is missing or is not the generated ``content``."""
    return not path.is_file() or path.read_bytes() != content


def edited(paths: Iterable[Path], engine_copy: Path) -> list[Path]:
    """Return those of the files that are there and not as they were generated last."""
    held = _held(engine_copy)
    return [path for path in paths if path.is_file() and held.get(_place(path)) != digest(path.read_bytes())]


def released_as_built(lesson: Lesson, else_said: str) -> Path:
    """Return the lesson's released notebook. Raises CourseError, with ``else_said``, where it is not what was built."""
    notebook = ROOT / "lessons" / lesson.id / f"{lesson.id}.ipynb"
    if not notebook.is_file() or edited([notebook], released_path(lesson)):
        raise CourseError(
            f"{shown_path(notebook)} is not as it was built, {else_said}; move work of your own away, then run: "
            f"python -m autograder build --force {lesson.number}"
        )
    return notebook


def refuse_edited(paths: list[Path], lesson: Lesson) -> None:
    """Raise CourseError, which says where the change belongs, where there are edited files."""
    if paths:
        shown = ", ".join(shown_path(path) for path in paths)
        raise CourseError(
            f"{shown}: edited since it was generated; nothing was built. Move the change to the lesson's source in "
            f"{lesson.id}.py in solutions/{lesson.id}, or overwrite it (a copy is kept in {shown_path(KEPT)}): "
            f"python -m autograder build --force {lesson.number}"
        )


def keep_copies(paths: Iterable[Path], moment: datetime) -> list[Path]:
    """Copy files to the folder of a moment in ``output/edited``; return the copies."""
    folder = KEPT / f"{moment:%Y%m%d-%H%M%S}"
    copies = []
    for path in paths:
        copy = folder / _place(path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
        copies.append(copy)
    return copies


def write_files(files: Mapping[Path, bytes]) -> None:
    """Write files, and the folders they lie in."""
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def put_back(former: Mapping[Path, bytes | None]) -> None:
    """Make files what they were; None stands for a file that was not there."""
    for path, content in former.items():
        if content is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(content)
