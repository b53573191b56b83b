"""Marks that moved: what a run changed in the gradebook, exercise by exercise, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nbgrader.utils import parse_utc

from ...course.manifest import Lesson, find_lesson
from ...report.safe_text import safe_text
from ...report.words import number
from ..folders.settings import Settings
from ..results.store import Store, now
from ..results.submission_result import KeptResult, is_mark
from ..results.tables import Table, append_table, write_table
from .lateness import Penalties
from .standing import Standing

LATENESS, TOTAL = "lateness", "total"
OTHER_MARK = "the gradebook held another mark than the one that was graded"
MOVED, WAITING = "moved", "waiting"
# Why something moved, by student, lesson's id and exercise.
Reasons = Mapping[tuple[str, str, str], str]


@dataclass(frozen=True)
class Move:
    """One mark that moved, or that waits to. ``what`` is an exercise's name, or lateness with minus points."""

    student: str
    lesson_id: str
    what: str
    before: float
    after: float
    why: str

    def __str__(self) -> str:
        who = safe_text(self.student, 80, one_line=True)
        return f"{who}, {self.lesson_id}, {self.what}: {number(self.before)} -> {number(self.after)} ({self.why})"


def was_shown(settings: Settings, student: str, lesson: Lesson) -> bool:
    """Return whether there is feedback of a submission, so that a student may have read its marks."""
    directory = settings.coursedir.feedback_directory
    return any(Path(settings.coursedir.format_path(directory, student, lesson.id)).glob("*.html"))


def falls(held: Standing, result: KeptResult, lesson: Lesson, reasons: Reasons, penalties: Penalties) -> list[Move]:
    """Return the marks that writing a result would lower: of exercises, and the whole after the penalty for lateness.

    Marks given by hand stand.
    """
    scores = {entry["name"]: entry["score"] for entry in result["exercises"]}
    student, total = result["student"], 0.0
    found: list[Move] = []
    for exercise in lesson.exercises:
        before = held.mark(exercise)
        after: float | None = scores[exercise.name]
        if is_mark(held.by_hand.get(exercise.check_id)):
            after = before
        elif before is not None and scores[exercise.name] < before:
            why = reasons.get((student, lesson.id, exercise.name), OTHER_MARK)
            found.append(Move(student, lesson.id, exercise.name, before, scores[exercise.name], why))
        total += after or 0.0
    handed_in = replace(held, timestamp=parse_utc(result["timestamp"]) if result["timestamp"] else held.timestamp)
    total -= penalties.of(student, total, handed_in.late) or 0.0
    if not found and total < held.total(lesson):
        found.append(Move(student, lesson.id, TOTAL, held.total(lesson), total, _lateness(handed_in)))
    return found


def _lateness(held: Standing) -> str:
    due = f"due {held.due:%Y-%m-%d %H:%M} UTC" if held.due is not None else "without a due date"
    hours = held.late.total_seconds() / 3600
    return f"{due}, {f'{hours:.1f} hours late' if hours else 'in time'}"


def lateness_move(student: str, lesson: Lesson, before: float | None, penalty: float | None, held: Standing) -> Move:
    """Return the move of a penalty, as points taken off; ``held`` says by which dates."""
    return Move(student, lesson.id, LATENESS, 0 - (before or 0.0), 0 - (penalty or 0.0), _lateness(held))


def moves_between(
    lesson: Lesson, before: Mapping[str, Standing], after: Mapping[str, Standing], reasons: Reasons
) -> Iterator[Move]:
    """Yield what moved in a lesson. A first mark moved nothing."""
    for student, held in after.items():
        was = before.get(student)
        if was is None:
            continue
        for exercise in lesson.exercises:
            old, new = was.mark(exercise), held.mark(exercise)
            if old is not None and new is not None and old != new:
                why = reasons.get((student, lesson.id, exercise.name), OTHER_MARK)
                yield Move(student, lesson.id, exercise.name, old, new, why)
        if (was.penalty or 0.0) != (held.penalty or 0.0):
            yield lateness_move(student, lesson, was.penalty, held.penalty, held)


def _table(name: str, moves: Iterable[Move]) -> Table:
    when = now()
    rows = [
        (when, move.student, move.lesson_id, move.what, move.before, move.after, move.why)
        for move in sorted(moves, key=lambda move: (find_lesson(move.lesson_id).number, move.student))
    ]
    return Table(name, ("when (UTC)", "student", "lesson", "mark", "from", "to", "why"), rows)


def write_moved(store: Store, moves: Iterable[Move]) -> Path:
    """Add moves to ``grading/moved.csv``, which holds those of all runs, and return where. Raises Unwritable."""
    return append_table(store.folder, _table(MOVED, moves))


def write_waiting(store: Store, moves: Iterable[Move]) -> Path:
    """Write what waits after this run to ``grading/waiting.csv``, and return where. Raises Unwritable."""
    return write_table(store.folder, _table(WAITING, moves))
