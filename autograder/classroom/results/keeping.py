"""Keep a graded submission: its notebook for nbgrader's pages, its log, and last of all its result."""

from __future__ import annotations

from pathlib import Path

from ...course.manifest import Lesson
from ...grading.notebook_choice import read_inside
from ...grading.submission import Unreadable
from ...report.safe_text import clean, safe_text
from ...report.words import number
from ..folders.handed_in import MAX_SECRET, SECRET, TIMESTAMP, HandedIn
from ..folders.settings import Settings, autograded_path
from .store import ClassRun, Store, now, write_whole
from .submission_result import GradedSubmission, KeptResult


def _log(result: KeptResult) -> str:
    """Return what a submission's log says."""
    points = f"{number(result['score'])} of {number(result['max_score'])} points"
    lines = [
        f"{safe_text(result['student'], 200, one_line=True)}, {result['assignment']}: {points}",
        f"graded {result['graded_at']} in {result['seconds']:.1f} s, course {result['course']}, "
        f"seed {result['seed']}, {result['isolation']}",
    ]
    lines += [f"look: {safe_text(reason, 1000, one_line=True)}" for reason in result["look"]]
    lines += [f"note: {safe_text(note, 400, one_line=True)}" for note in result["notes"]]
    for entry in result["exercises"]:
        kept = "" if entry["name"] in result["graded"] else f"  (kept from a run with seed {entry['seed']})\n"
        lines += ["", f"{kept}{entry['text']}"]
    return clean("\n".join(lines)) + "\n"


def full_result(graded: GradedSubmission, handed_in: HandedIn, run: ClassRun) -> KeptResult:
    """Return what is kept of a submission: what the grader found, and what is known about the submission."""
    return {
        "student": graded["student"],
        "assignment": graded["assignment"],
        "course": graded["course"],
        "isolation": graded["isolation"],
        "seconds": graded["seconds"],
        "score": graded["score"],
        "max_score": graded["max_score"],
        "graded": graded["graded"],
        "exercises": graded["exercises"],
        "notes": [clean(note) for note in (*handed_in.notes, *graded["notes"])],
        "look": list(dict.fromkeys(clean(reason) for reason in (*handed_in.look, *graded["look"]))),
        "digest": handed_in.digest,
        "timestamp": handed_in.timestamp,
        "run": run.id,
        "seed": run.seed,
        "graded_at": now(),
    }


def _mode(settings: Settings) -> int:
    return 0o664 if settings.coursedir.groupshared else 0o444


def keep(settings: Settings, store: Store, lesson: Lesson, notebook: str, result: KeptResult) -> None:
    """Write a submission's notebook, log and result, in this order: with its result it counts as graded.

    Raises Unwritable.
    """
    write_whole(autograded_path(settings.coursedir, result["student"], lesson), notebook, _mode(settings))
    _write_timestamp(settings, lesson, result)
    _copy_secret(settings, lesson, result)
    keep_result(store, result)


def restamp(settings: Settings, store: Store, lesson: Lesson, result: KeptResult, timestamp: str | None) -> KeptResult:
    """Return the result of a notebook that was handed in again as it was, kept with its new time. Raises Unwritable."""
    result = {**result, "timestamp": timestamp}
    _write_timestamp(settings, lesson, result)
    _copy_secret(settings, lesson, result)
    keep_result(store, result)
    return result


def keep_result(store: Store, result: KeptResult) -> None:
    """Write a submission's log and result. Raises Unwritable."""
    store.write(result, _log(result))


def _write_timestamp(settings: Settings, lesson: Lesson, result: KeptResult) -> None:
    """Put nbgrader's time stamp beside a graded notebook, or take a former one away. Raises Unwritable."""
    path = autograded_path(settings.coursedir, result["student"], lesson).with_name(TIMESTAMP)
    if result["timestamp"]:
        write_whole(path, result["timestamp"], _mode(settings))
    else:
        path.unlink(missing_ok=True)


def _copy_secret(settings: Settings, lesson: Lesson, result: KeptResult) -> None:
    """Put the secret of a submission beside its graded notebook: `nbgrader release_feedback` reads it there.

    Work that was not handed in through an exchange has none. Raises Unwritable.
    """
    beside = autograded_path(settings.coursedir, result["student"], lesson).with_name(SECRET)
    submitted = Path(
        settings.coursedir.format_path(settings.coursedir.submitted_directory, result["student"], lesson.id)
    )
    try:
        content = read_inside(submitted / SECRET, submitted, MAX_SECRET)
    except Unreadable:
        beside.unlink(missing_ok=True)
        return
    write_whole(beside, content.decode("utf-8", "replace"), _mode(settings))
