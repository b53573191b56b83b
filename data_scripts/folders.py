"""The folders of the course: where its faces lie, where its results go, and at which scale it trains."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from data_scripts.errors import DataError, explain_os_error

REPOSITORY = Path(__file__).resolve().parents[1]
SCALES = ("trial", "quick", "full")
FACE_FILES = ("training.csv", "test.csv", "IdLookupTable.csv", "SampleSubmission.csv", "truth.csv")
MARKER = "generated.json"
SEED, TRAINING_ROWS, TEST_ROWS = 0, 7049, 1783


def data_folder() -> Path:
    """Where the faces of lessons 01–06 lie, in Kaggle's format.

    Returns:
        ``$COURSE_DATA`` where it is set, else ``data/synthetic`` in the repository. That folder is generated when it
        is first asked for, and again when the generator has changed; this takes about a minute.

    Raises:
        DataError: if ``$COURSE_DATA`` is no folder with a ``training.csv``, or the faces cannot be written.
    """
    chosen = os.environ.get("COURSE_DATA")
    if not chosen:
        return generated_folder(REPOSITORY / "data" / "synthetic")
    folder = Path(chosen).expanduser()
    if not (folder / "training.csv").is_file():
        raise DataError(
            f"COURSE_DATA={chosen}: expected a folder that holds training.csv, found none; "
            "correct the variable, or unset it to use the embedded faces"
        )
    return folder


def output_folder(lesson_id: str) -> Path:
    """Where a lesson puts its results: ``$COURSE_OUTPUT/<lesson_id>``, else ``output/<lesson_id>`` in the repository.

    Args:
        lesson_id: letters, digits, ``_`` and ``-``, such as ``"05_resnet_training"``.

    Returns:
        The folder, which exists.

    Raises:
        ValueError: for another ``lesson_id``.
        DataError: if the folder cannot be made.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", lesson_id):
        raise ValueError(f"expected a lesson such as '05_resnet_training', got {lesson_id!r}")
    folder = Path(os.environ.get("COURSE_OUTPUT") or REPOSITORY / "output").expanduser() / lesson_id
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made: {explain_os_error(error)}") from error
    return folder


def scale() -> str:
    """How much a lesson trains: ``$COURSE_SCALE``, ``"quick"`` where it is not set, ``"full"``, or ``"trial"``,
    which takes seconds and shows that everything runs.

    Raises:
        ValueError: for another value.
    """
    chosen = os.environ.get("COURSE_SCALE") or "quick"
    if chosen not in SCALES:
        raise ValueError(f"COURSE_SCALE: expected one of {', '.join(SCALES)}, got {chosen!r}; correct or unset it")
    return chosen


def generated_folder(folder: Path) -> Path:
    """Make sure that a folder holds the embedded faces of the present generator.

    Args:
        folder: where the faces shall lie; its parents are made.

    Returns:
        The same folder.

    Raises:
        DataError: if the faces cannot be written, or the folder holds files that this function did not write
            and that are not a whole set of faces.
    """
    from data_scripts import synthetic_faces

    recipe = {
        "generator_version": getattr(synthetic_faces, "GENERATOR_VERSION", 1),
        "seed": SEED,
        "training_rows": TRAINING_ROWS,
        "test_rows": TEST_ROWS,
    }

    def write(fresh: Path) -> None:
        synthetic_faces.write_kaggle_folder(fresh, n_train=TRAINING_ROWS, n_test=TEST_ROWS, seed=SEED)

    return keep_generated(folder, recipe, FACE_FILES, write)


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
    building: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(folder.with_name(f".{folder.name}.lock")):
            if _is_current(folder, recipe, files):
                return folder
            # Everything unfinished lies in one hidden folder, the generator's own temporary files too.
            building = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
            fresh = building / folder.name
            write(fresh)
            (fresh / MARKER).write_text(json.dumps(recipe, indent=2) + "\n", encoding="utf-8")
            if folder.exists():
                folder.rename(building / "replaced")
            fresh.rename(folder)
    except OSError as error:
        raise DataError(f"{folder}: the embedded faces cannot be written: {explain_os_error(error)}") from error
    finally:
        if building is not None:
            shutil.rmtree(building, ignore_errors=True)
    return folder


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
