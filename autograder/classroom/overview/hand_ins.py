"""When work came in: what came late, and how often it was handed in, where nbgrader's exchange keeps every time."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nbgrader.api import Assignment, SubmittedAssignment
from nbgrader.exchange.default.exchange import Exchange
from nbgrader.utils import parse_utc
from sqlalchemy import select

from ...course.manifest import Lesson
from ..folders.settings import Settings
from ..gradebook.gradebook import GradebookTrouble
from ..gradebook.marks import ClassMarks, gradebook_session
from ..results.tables import Table
from .summary import said_name

# nbgrader's name for what somebody handed in; a part against chance may follow.
_INBOUND = re.compile(r"(?P<student>.+)\+(?P<lesson>[^+]+)\+(?P<time>\d{4}-\d\d-\d\d [^+]*)(?:\+.*)?", re.DOTALL)
Key = tuple[str, str]


@dataclass(frozen=True)
class HandIns:
    """What is known of when and how work was handed in, by student and lesson's id; times are UTC.

    ``due`` includes a student's extension. ``times`` holds every time in order, where the exchange keeps them.
    ``unisolated`` says why a submission's code ran without isolation, where it did.
    """

    came: dict[Key, datetime]
    due: dict[Key, datetime]
    times: dict[Key, tuple[datetime, ...]]
    unisolated: dict[Key, str]

    def late(self) -> dict[Key, timedelta]:
        """Return by how much work was late, where it was."""
        found = {key: self.came[key] - due for key, due in self.due.items() if key in self.came}
        return {key: late for key, late in found.items() if late > timedelta(0)}


def _moment(value: str | datetime | None) -> datetime | None:
    """Return a time as nbgrader writes it down, which is UTC without saying so; None where it is none."""
    try:
        found = parse_utc(value) if value else None
    except (ValueError, OverflowError, TypeError, AttributeError):
        return None
    return found.replace(tzinfo=UTC) if isinstance(found, datetime) else None


def _read_due(settings: Settings) -> tuple[dict[Key, datetime], dict[str, datetime]]:
    """Return when work is due, by student and lesson where the gradebook knows a submission, and by lesson.

    A gradebook that can't be read knows nothing; that it can't is said with the marks.
    """
    columns = (SubmittedAssignment.student_id, Assignment.name, Assignment.duedate, SubmittedAssignment.extension)
    asked = select(*columns).join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
    try:
        with gradebook_session(settings) as session:
            if session is None:
                return {}, {}
            rows = session.execute(asked.where(Assignment.duedate.is_not(None))).all()
            lessons = session.execute(select(Assignment.name, Assignment.duedate)).all()
    except GradebookTrouble:
        return {}, {}
    own = {
        (student, name): due.replace(tzinfo=UTC) + (extension or timedelta(0)) for student, name, due, extension in rows
    }
    return own, {name: due.replace(tzinfo=UTC) for name, due in lessons if due is not None}


def _read_times(settings: Settings, lessons: Iterable[str]) -> dict[Key, tuple[datetime, ...]]:
    """Return every time at which something was handed in, from the exchange's folder, where this user may look in."""
    exchange = Exchange(coursedir=settings.coursedir, config=settings.config)
    folder = Path(exchange.root) / settings.coursedir.course_id / "inbound"
    known, times = set(lessons), defaultdict(list)
    try:
        names = os.listdir(folder)
    except OSError:
        return {}
    for name in names:
        match = _INBOUND.fullmatch(name)
        moment = _moment(match["time"]) if match else None
        if match and moment and match["lesson"] in known:
            times[match["student"], match["lesson"]].append(moment)
    return {key: tuple(sorted(found)) for key, found in times.items()}


def read_hand_ins(settings: Settings, marks: ClassMarks) -> HandIns:
    """Return when and how the class's work was handed in and graded."""
    came, unisolated = {}, {}
    own, by_lesson = _read_due(settings)
    for key, graded in marks.graded.items():
        moment = _moment(graded.timestamp)
        if moment:
            came[key] = moment
        if graded.isolation.startswith("not isolated"):
            unisolated[key] = graded.isolation
    due = {key: own.get(key) or by_lesson.get(key[1]) for key in came}
    known = {key: moment for key, moment in due.items() if moment is not None}
    return HandIns(came, known, _read_times(settings, [lesson.id for lesson in marks.lessons]), unisolated)


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")


def late_table(marks: ClassMarks, hand_ins: HandIns) -> Table:
    """Return what was handed in late, the latest first."""
    late = sorted(hand_ins.late().items(), key=lambda item: (-item[1], item[0]))
    rows = [
        (
            *said_name(marks, key[0]),
            key[1],
            _written(hand_ins.due[key]),
            _written(hand_ins.came[key]),
            by.total_seconds() / 3600,
        )
        for key, by in late
    ]
    return Table("late", ("student", "name", "lesson", "due (UTC)", "handed in (UTC)", "hours late"), rows)


def attempt_table(marks: ClassMarks, hand_ins: HandIns) -> Table:
    """Return how often each student handed in each lesson, where the exchange knows, the most often first."""
    ranked = sorted(hand_ins.times.items(), key=lambda item: (-len(item[1]), item[0]))
    rows = [
        (*said_name(marks, key[0]), key[1], len(times), _written(times[0]), _written(times[-1]))
        for key, times in ranked
    ]
    return Table("attempts", ("student", "name", "lesson", "times handed in", "first (UTC)", "last (UTC)"), rows)


def by_day(lesson: Lesson | None, hand_ins: HandIns) -> list[tuple[str, int, int]]:
    """Return for each day with hand-ins, of a lesson or of all, how many were first ones and how many came again."""
    days: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for (_, lesson_id), times in hand_ins.times.items():
        if lesson is None or lesson.id == lesson_id:
            for number, moment in enumerate(times):
                days[moment.strftime("%Y-%m-%d")][number > 0] += 1
    return [(day, first, again) for day, (first, again) in sorted(days.items())]
