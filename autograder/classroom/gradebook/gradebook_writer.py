"""The gradebook during a run: what can't be written at once waits, and is written before the run ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from nbgrader.api import Gradebook

from ...course.manifest import Lesson, find_lesson
from ..folders.settings import Settings
from ..results.store import Store
from ..results.submission_result import KeptResult
from .gradebook import GradebookTrouble, open_gradebook, write_marks
from .lateness import Penalties, settle_penalties
from .lesson_entry import enter_lesson
from .moves import Move, falls, lateness_move, moves_between, was_shown
from .standing import Standing, is_held, standings

# Seconds until a gradebook that could not be written is tried again, so that grading goes on meanwhile.
PAUSE = 60.0


class GradebookWriter:
    """The one writer of the gradebook. ``trouble`` says why nothing can be written, ``say`` tells the teacher.

    Marks below those that a student has been shown are written where ``lower`` allows it; else they are ``held_back``.
    ``reasons`` says why marks move, by student, lesson's id and exercise.
    """

    def __init__(self, settings: Settings, store: Store, say: Callable[[str], None], lower: bool = False) -> None:
        self._settings, self._store, self._say, self._lower = settings, store, say, lower
        self._penalties = Penalties(settings)
        self._before: dict[str, dict[str, Standing]] = {}
        self.reasons: dict[tuple[str, str, str], str] = {}
        self.held_back: list[Move] = []
        self._stack = ExitStack()
        self._gradebook: Gradebook | None = None
        self._entered: set[str] = set()
        self._waiting: dict[tuple[str, str], Collection[str]] = {}
        self._next_try = 0.0
        self.trouble: str | None = None

    def __enter__(self) -> GradebookWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def _troubled(self, trouble: GradebookTrouble) -> None:
        if self.trouble != str(trouble):
            self._say(f"{trouble}. Grading goes on; marks are kept, and written once the gradebook is in order.")
        self.trouble = str(trouble)
        self._next_try = time.monotonic() + PAUSE

    def _ready(self, lesson: Lesson) -> Gradebook:
        """Return the gradebook with the lesson entered. Raises GradebookTrouble."""
        if self._gradebook is None:
            self._gradebook = self._stack.enter_context(open_gradebook(self._settings))
        if lesson.id not in self._entered:
            self._before[lesson.id] = standings(self._gradebook, self._settings, lesson)
            for change in enter_lesson(self._gradebook, self._settings, lesson):
                self._say(f"{lesson.id}: {change}")
            self._entered.add(lesson.id)
        return self._gradebook

    @property
    def _pausing(self) -> bool:
        """Whether the gradebook is in trouble, and it is too early to try it again."""
        return self.trouble is not None and time.monotonic() < self._next_try

    def students(self) -> list[str]:
        """Return the names of the students that the gradebook knows; none where it can't be read."""
        if self._gradebook is None or self.trouble is not None:
            return []
        names = [student.id for student in self._gradebook.students]
        self._gradebook.db.rollback()
        return names

    def catch_up(self, lesson: Lesson, results: Collection[KeptResult]) -> None:
        """Enter a lesson, and write those of its kept results that the gradebook does not hold."""
        try:
            gradebook = self._ready(lesson)
            held: dict[str, Standing] | None = standings(gradebook, self._settings, lesson)
        except GradebookTrouble as trouble:
            self._troubled(trouble)
            held = None
        for result in results:
            if held is None or not is_held(held.get(result["student"]), result, lesson):
                self._write_unless_lower(lesson, result)

    def _write_unless_lower(self, lesson: Lesson, result: KeptResult, anew: Collection[str] = ()) -> list[str]:
        if not self.would_lower(lesson, result):
            return self.write(lesson, result, anew)
        self._waiting.pop((result["student"], lesson.id), None)
        return []

    def would_lower(self, lesson: Lesson, result: KeptResult) -> bool:
        """Return whether a result has to wait: it would lower marks that were shown. Then these are ``held_back``.

        While the gradebook can't be read nobody knows: what is written later is asked for then.
        """
        if self._pausing:
            return False
        try:
            self._ready(lesson)
        except GradebookTrouble as trouble:
            self._troubled(trouble)
            return False
        held = self._before[lesson.id].get(result["student"])
        if self._lower or held is None or not was_shown(self._settings, result["student"], lesson):
            return False
        found = falls(held, result, lesson, self.reasons, self._penalties)
        self.held_back += [move for move in found if move not in self.held_back]
        return bool(found)

    def write(self, lesson: Lesson, result: KeptResult, anew: Collection[str] = ()) -> list[str]:
        """Write a result; where that can't be done it waits. Returns why somebody should look at it."""
        key = result["student"], lesson.id
        if self._pausing:
            self._waiting[key] = anew
            return []
        try:
            look = write_marks(self._ready(lesson), self._settings, lesson, result, anew)
            self._settle(lesson, result["student"])
        except GradebookTrouble as trouble:
            self._troubled(trouble)
            self._waiting[key] = anew
            return []
        self._waiting.pop(key, None)
        self.trouble = None
        return look

    def write_waiting(self) -> dict[tuple[str, str], list[str]]:
        """Write what waits; return by student and lesson why somebody should look. Stops at the first trouble."""
        found = {}
        self._next_try = 0.0
        for (student, lesson_id), anew in list(self._waiting.items()):
            result = self._store.read(student, lesson_id)
            if result is None:
                continue
            found[student, lesson_id] = self._write_unless_lower(find_lesson(lesson_id), result, anew)
            if self.trouble is not None:
                break
        return found

    def _settle(self, lesson: Lesson, student: str | None = None) -> None:
        allowed = partial(self._may_penalize, lesson)
        settle_penalties(self._ready(lesson), self._settings, lesson, self._penalties, allowed, student)

    def _may_penalize(self, lesson: Lesson, student: str, held: Standing, penalty: float | None) -> bool:
        """Return whether a penalty may be written: one that takes the total below what was shown waits."""
        shown = self._before[lesson.id].get(student)
        if self._lower or shown is None or not was_shown(self._settings, student, lesson):
            return True
        if replace(held, penalty=penalty).total(lesson) >= shown.total(lesson):
            return True
        move = lateness_move(student, lesson, held.penalty, penalty, held)
        self.held_back += [move] if move not in self.held_back else []
        return False

    def moves(self) -> Iterator[Move]:
        """Bring penalties in step with the dates of this moment, and yield every mark that moved in this run."""
        for lesson in map(find_lesson, sorted(self._entered)):
            try:
                self._settle(lesson)
                after = standings(self._ready(lesson), self._settings, lesson)
            except GradebookTrouble as trouble:
                self._troubled(trouble)
                return
            yield from moves_between(lesson, self._before[lesson.id], after, self.reasons)

    @property
    def waiting(self) -> int:
        """How many results are not written yet."""
        return len(self._waiting)
