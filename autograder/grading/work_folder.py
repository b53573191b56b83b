"""Which folder holds the notebooks to grade, and which lessons of it were meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..course.chosen import choose
from ..course.manifest import Exercise, Lesson, load_course
from ..course.root import INSTALLED, ROOT, CourseError
from .notebook_choice import expected_name

SHOWN = 5


@dataclass(frozen=True)
class Work:
    """``folder`` holds ``<lesson>/<lesson>.ipynb`` of the ``lessons`` to grade; ``said``: how these were found, where
    it was not asked for in so many words, else empty."""

    folder: Path
    lessons: tuple[Lesson, ...]
    said: str = ""


def lesson_of(folder: Path) -> Lesson | None:
    """Return the lesson whose own folder this is, or one inside of it; None where it is none."""
    by_id = {lesson.id: lesson for lesson in load_course().lessons}
    return next((by_id[each.name] for each in (folder, *folder.parents) if each.name in by_id), None)


def _present(folder: Path) -> tuple[Lesson, ...]:
    """Return the lessons that a folder has a folder of."""
    return tuple(lesson for lesson in load_course().lessons if (folder / lesson.id).is_dir())


def students_folder() -> Path:
    """Return where a student's notebooks lie when none was named: ``lessons/`` of the course.

    Where the course is installed and the working folder, or one above it, has lessons of its own, or a ``lessons/``
    with some: that one.
    """
    if INSTALLED:
        for above in (Path.cwd(), *Path.cwd().parents):
            for folder in (above, above / "lessons"):
                if _present(folder):
                    return folder
    return ROOT / "lessons"


def _listed(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more if names else "nothing"


def _students_work(chosen: tuple[Lesson, ...]) -> Work:
    folder = students_folder()
    if folder.is_dir():
        return Work(folder.resolve(), chosen)
    get = "run: autograder start" if INSTALLED else "name your folder with --work DIR"
    raise CourseError(f"your notebooks were looked for in {folder}, which is not there; {get}")


def find_work(asked: str | Path | None, chosen: Sequence[Lesson] = ()) -> Work:
    """Return the folder to grade and its lessons: the ``chosen`` ones; without any, those that the folder is about.

    ``asked`` is what ``--work`` names, None for the student's own ``lessons/``. A folder with one lesson in it, a
    lesson's own folder and a notebook in it all mean that lesson alone; anything else means the whole course.
    Raises CourseError where there is no such folder.
    """
    every = tuple(chosen) or load_course().lessons
    if asked is None:
        return _students_work(every)
    path = Path(asked).expanduser().resolve()
    if path.suffix == ".ipynb" and path.is_file():
        path = path.parent
    if not path.is_dir():
        raise CourseError(f"--work {path} is no folder; expected one with <lesson>/<lesson>.ipynb in it")
    present = _present(path)
    own = lesson_of(path) if not present else None
    if own is not None and path.name == own.id and own in every:
        return Work(path.parent, (own,), "" if chosen else f"{path} is the folder of {own.id}: it was graded alone")
    if chosen:
        return Work(path, every)
    if len(present) == 1:
        return Work(path, present, f"{present[0].id} is the only lesson in {path}: it was graded alone")
    if not present:
        expected = f"{every[0].id}/{expected_name(every[0])}"
        said = f"looked in {path} for {expected} and the other lessons; found {_listed(path)}"
        return Work(path, every, said)
    return Work(path, every)


def asked_for(
    work: str | Path | None, lessons: Sequence[str], exercises: Sequence[str]
) -> tuple[Work, tuple[Exercise, ...]]:
    """Return the folder to grade with its lessons, and their exercises: what --work, --lesson and --exercise name.

    Raises CourseError as ``choose`` and ``find_work`` do.
    """
    chosen, wanted = choose(lessons, exercises)
    found = find_work(work, chosen if lessons or exercises else ())
    return found, tuple(each for lesson in found.lessons for each in lesson.exercises if each in wanted)
