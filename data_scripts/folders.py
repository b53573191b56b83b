"""The folders of the course: where its faces lie, where its results go, and at which scale it trains."""

from __future__ import annotations

import os
import re
from pathlib import Path

from data_scripts.files.errors import DataError, explain_os_error
from data_scripts.files.generated import PACKAGES, REPOSITORY

SCALES = ("trial", "quick", "full")
COMPARISONS = ("brief", "whole")


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


def compared_seeds() -> range:
    """From which seeds a lesson trains what it compares: three; one where comparisons are brief.

    ``$COURSE_COMPARISONS`` says ``"brief"`` or ``"whole"``; where it is not set they are brief at trial scale alone.

    Raises:
        ValueError: for another value.
    """
    chosen = os.environ.get("COURSE_COMPARISONS") or ("brief" if scale() == "trial" else "whole")
    if chosen not in COMPARISONS:
        known = ", ".join(COMPARISONS)
        raise ValueError(f"COURSE_COMPARISONS: expected one of {known}, got {chosen!r}; correct or unset it")
    return range(1 if chosen == "brief" else 3)


def compared_passes(passes: int) -> int:
    """How many images each training of a comparison sees: ``passes``, a quarter of them where comparisons are brief.

    From one seed and so few images, what comes out may be chance: it shows that everything runs.
    """
    return passes if len(compared_seeds()) > 1 else max(1, passes // 4)
