"""The folders of the course: where its faces lie, where its results go, and at which scale it trains."""

from __future__ import annotations

import os
import re
from pathlib import Path

from data_scripts.files.errors import DataError, explain_os_error
from data_scripts.files.generated import PACKAGES, REPOSITORY

SCALES = ("trial", "quick", "full")
MOST_SEEDS = 100


def course_folder() -> Path:
    """Where ``data/`` and ``output/`` lie: the course's own folder, or, where the course was installed with pip,
    ``$COURSE_HOME``, else ``facial-keypoints`` in the user's home."""
    return REPOSITORY


def lesson_folder(lesson_id: str) -> Path:
    """Where a lesson's settings lie (``quick.yaml`` and its likes): beside the notebook, else in the course.

    Raises:
        DataError: if they are nowhere.
    """
    places = (
        Path.cwd(),
        REPOSITORY / "lessons" / lesson_id,
        PACKAGES / "autograder" / "lessons" / lesson_id,
    )
    for place in places:
        if (place / "quick.yaml").is_file():
            return place
    raise DataError(f"lesson {lesson_id}: its quick.yaml is neither in {places[0]} nor in {places[1]}; put it there")


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
        # Imported here: drawing needs more than finding folders.
        from data_scripts.kaggle.folder import drawn_folder

        return drawn_folder(REPOSITORY / "data" / "synthetic")
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


def seed_count() -> int:
    """From how many seeds a lesson trains what it compares: ``$COURSE_SEEDS``, else 3, at trial scale 1.

    One seed takes a third of the time, and leaves open whether a difference is more than chance.

    Raises:
        ValueError: for anything but a whole number from 1 to 100.
    """
    chosen = os.environ.get("COURSE_SEEDS") or ("1" if scale() == "trial" else "3")
    if not (chosen.isascii() and chosen.isdigit() and 1 <= int(chosen) <= MOST_SEEDS):
        raise ValueError(f"COURSE_SEEDS: expected a whole number from 1 to {MOST_SEEDS}, got {chosen!r}; correct it")
    return int(chosen)
