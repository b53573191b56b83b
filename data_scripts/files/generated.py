"""Folders that a generator writes: made when they are first asked for, and anew when the generator has changed."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from data_scripts.files.errors import DataError, explain_os_error

PACKAGES = Path(__file__).resolve().parents[2]
# Holds data/ and output/: the course's own folder. Where the course is installed (a wheel holds the lessons inside the
# grading engine's package), a folder of the user's; the engine says the same in autograder/course/root.py.
REPOSITORY = PACKAGES
if (PACKAGES / "autograder" / "lessons").is_dir():
    REPOSITORY = Path(os.path.abspath(os.path.expanduser(os.environ.get("COURSE_HOME") or "~/facial-keypoints")))
MARKER = "generated.json"


def keep_generated(folder: Path, recipe: dict[str, int], files: Sequence[str], write: Callable[[Path], None]) -> Path:
    """Make sure that a folder holds what a generator writes by a recipe; it is written anew when the recipe changes.

    Processes that ask at once wait for the first one; a folder is complete or not there at all.

    Args:
        folder: where the faces shall lie; its parents are made.
        recipe: what the faces depend on, kept in the folder.
        files: the names that a whole folder holds.
        write: writes them to the path it is given, which does not exist yet.

    Returns:
        The same folder.

    Raises:
        DataError: if the faces cannot be written, or the folder holds files that this function did not write
            and that are not a whole set of faces.
    """
    if _is_current(folder, recipe, files):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(folder.with_name(f".{folder.name}.lock")):
            if not _is_current(folder, recipe, files):
                _replace(folder, recipe, write)
    except OSError as error:
        raise DataError(f"{folder}: the embedded faces cannot be written: {explain_os_error(error)}") from error
    return folder


def _replace(folder: Path, recipe: dict[str, int], write: Callable[[Path], None]) -> None:
    # Everything unfinished lies in one hidden folder, the generator's own temporary files too.
    with tempfile.TemporaryDirectory(
        dir=folder.parent, prefix=f".{folder.name}-", ignore_cleanup_errors=True
    ) as hidden:
        fresh = Path(hidden) / folder.name
        write(fresh)
        (fresh / MARKER).write_text(json.dumps(recipe, indent=2) + "\n", encoding="utf-8")
        if folder.exists():
            folder.rename(Path(hidden) / "replaced")
        fresh.rename(folder)


def _is_current(folder: Path, recipe: dict[str, int], files: Sequence[str]) -> bool:
    """Whether the folder can be used as it is; False if it must be generated anew."""
    try:
        found = {path.name for path in folder.iterdir()}
    except FileNotFoundError:
        return False
    missing = [name for name in files if name not in found]
    if MARKER not in found:
        # Somebody's own files: used if they are whole, and never overwritten.
        if found and missing:
            raise DataError(
                f"{folder}: expected the embedded faces or nothing, got other files without "
                f"{', '.join(missing[:5])}{' …' if len(missing) > 5 else ''}; move the folder away and run it again"
            )
        return bool(found)
    try:
        written = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except ValueError:
        written = None
    return written == recipe and not missing


@contextmanager
def _only_one(lock_path: Path) -> Iterator[None]:
    """Hold a lock that the operating system releases when the process ends, however it ends."""
    with open(lock_path, "a+b") as file:
        _lock(file)
        yield


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        locked = False
        while not locked:
            # Windows gives up after ten seconds, while generating takes longer.
            with suppress(OSError):
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                locked = True
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
