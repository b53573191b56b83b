"""The gradebook during a run: what can't be written at once waits, and is written before the run ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import ExitStack

from nbgrader.api import Gradebook

from ...course.manifest import Lesson, find_lesson
from ..folders.settings import Settings
from ..results.store import Store
from ..results.submission_result import KeptResult
from .gradebook import GradebookTrouble, HeldMarks, held_marks, is_held, open_gradebook, write_marks
from .lesson_entry import enter_lesson

# Seconds until a gradebook that could not be written is tried again, so that grading goes on meanwhile.
PAUSE = 60.0


class GradebookWriter:
    """The one writer of the gradebook. ``trouble`` says why nothing can be written, ``say`` tells the teacher."""

    def __init__(self, settings: Settings, store: Store, say: Callable[[str], None]) -> None:
        self._settings, self._store, self._say = settings, store, say
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
            for change in enter_lesson(self._gradebook, self._settings, lesson):
                self._say(f"{lesson.id}: {change}")
            self._entered.add(lesson.id)
        return self._gradebook

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
            held: dict[str, HeldMarks] | None = held_marks(gradebook, self._settings, lesson)
        except GradebookTrouble as trouble:
            self._troubled(trouble)
            held = None
        for result in results:
            if held is None or not is_held(held.get(result["student"]), result, lesson):
                self.write(lesson, result)

    def write(self, lesson: Lesson, result: KeptResult, anew: Collection[str] = ()) -> list[str]:
        """Write a result; where that can't be done it waits. Returns why somebody should look at it."""
        key = result["student"], lesson.id
        if self.trouble is not None and time.monotonic() < self._next_try:
            self._waiting[key] = anew
            return []
        try:
            look = write_marks(self._ready(lesson), self._settings, lesson, result, anew)
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
            found[student, lesson_id] = self.write(find_lesson(lesson_id), result, anew)
            if self.trouble is not None:
                break
        return found

    @property
    def waiting(self) -> int:
        """How many results are not written yet."""
        return len(self._waiting)
