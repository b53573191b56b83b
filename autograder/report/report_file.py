"""The files that a run was asked to write: refused before any work where they can't be, and never left half written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ..course.manifest import CourseError
from .safe_text import safe_text


def check_writable(path: Path, option: str) -> None:
    """Raise CourseError where what ``option`` asks for can't be written to ``path``, before any work is done for it."""
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        where = safe_text(str(path))
        raise CourseError(f"{option} {where} can't be written: {error.strerror}; name another file") from None


def write_aside(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8; halves of characters become question marks."""
    # Written aside and moved, so that an interrupted run never leaves half a file.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as stream:
        stream.write(text)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)
