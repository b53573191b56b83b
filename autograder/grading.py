"""Grade one lesson's notebook: read it, run it in a worker, climb each exercise's ladder."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .checks import ladders
from .course import CourseError, Exercise, Lesson
from .diagnosis import diagnose
from .ladder import Problem, climb
from .misconceptions import Misconception
from .process import Worker, WorkerDied, WorkerTimeout
from .released import earlier_sources, load_released
from .sandbox import Sandbox
from .student import Crashed, OutOfTime, RemoteStudent, StudentError, say_where
from .submission import Submission, Unreadable, find_notebook, mentions, read_submission
from .verdict import Result, judge

CELL_SECONDS = 60.0
GIB = 2**30
LIMITS = {"RLIMIT_DATA": 8 * GIB, "RLIMIT_FSIZE": GIB, "RLIMIT_NOFILE": 1024, "RLIMIT_CORE": 0}


def _without_running(exercise: Exercise, outcome: str, expected: str, got: str) -> Result:
    return Result(exercise, outcome, 0.0, problem=Problem(outcome, expected, got))


class LessonGrader:
    """Grades the exercises of one notebook one after the other; a context manager that owns the worker."""

    def __init__(self, lesson: Lesson, work: Path, sandbox: Sandbox, seed: int) -> None:
        self.lesson, self.sandbox, self.seed = lesson, sandbox, seed
        self.notes: list[str] = []
        self._submission: Submission | None = None
        self._why_missing = ""
        self._worker: Worker | None = None
        self._student: RemoteStudent | None = None
        self._cell_errors: list[dict | None] = []
        self._bad_cells: set[str] = set()
        self._read(work)

    def __enter__(self) -> LessonGrader:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._worker is not None:
            self._worker.close()

    def _read(self, work: Path) -> None:
        path, note = find_notebook(work, self.lesson)
        if path is None:
            self._why_missing = "no notebook"
            self.notes.append(f"no notebook {self.lesson.id}/{self.lesson.id}.ipynb in {work}")
            return
        self.notes += [note] if note else []
        try:
            self._submission = read_submission(path, self.lesson)
            self.notes += self._submission.notes
        except Unreadable as error:
            self._why_missing = "a file that is no notebook"
            self.notes.append(str(error))

    def _request(self, cells: list[list[str]]) -> dict[str, Any]:
        """Return what a worker needs to run ``cells``, lists of label and source, after the lesson's given ones."""
        setup = [[f"setup {n}", text] for n, text in enumerate(load_released(self.lesson).setup, start=1)]
        return {"setup": setup, "cells": cells, "earlier": earlier_sources(self.lesson), "limits": LIMITS}

    def _open(self) -> None:
        """Make sure that a process holds the notebook; cells that ended the former one are left out."""
        if self._worker is None:
            self._worker = Worker(self.sandbox, self.lesson.frameworks)
        if self._worker.running:
            return
        cells = [[cell.label, cell.source] for cell in self._submission.cells if cell.label not in self._bad_cells]
        self._cell_errors = self._worker.open(self._request(cells), CELL_SECONDS)
        self._student = RemoteStudent(self._worker)

    def _find_bad_cells(self) -> None:
        """Find, one by one, the cells that end the process or never end, so that the others still count."""
        for cell in self._submission.cells:
            probe = Worker(self.sandbox, self.lesson.frameworks)
            with probe:
                try:
                    probe.open(self._request([[cell.label, cell.source]]), CELL_SECONDS)
                except (WorkerTimeout, WorkerDied) as error:
                    self._bad_cells.add(cell.label)
                    why = "did not end in time" if isinstance(error, WorkerTimeout) else f"ended the process ({error})"
                    self.notes.append(f"{cell.label} {why}; it was left out")

    def _note_cell_errors(self) -> None:
        setup = len(load_released(self.lesson).setup)
        broken = next((error for error in self._cell_errors[:setup] if error is not None), None)
        if broken is not None:
            # Given cells run before any of the student's, so the fault is the course's.
            said = f"{say_where(broken) or 'a given cell'}: {broken['type']}: {broken['message']}"
            raise CourseError(f"the course's own code of lesson {self.lesson.id} does not run: {said}")
        for position, error in enumerate(self._cell_errors):
            stub = error is not None and error["type"] == "NotImplementedError"
            if error is None or stub:
                continue
            where = say_where(error) or (f"setup {position + 1}" if position < setup else "a cell")
            note = f"{where}: {error['type']}: {error['message']}"
            if note not in self.notes:
                self.notes.append(note)

    def grade(self, exercise: Exercise) -> Result:
        """Return the verdict on one exercise of the lesson."""
        started = time.monotonic()
        if self._submission is None:
            return _without_running(exercise, "missing", "a notebook that can be read", self._why_missing)
        if exercise.name in self._submission.untouched:
            return _without_running(exercise, "not_attempted", "your code in place of the stub", "the stub")
        for name in exercise.names:
            if name in self._submission.broken:
                return _without_running(exercise, "error", "code that Python can read", self._submission.broken[name])
        try:
            try:
                self._open()
            except (WorkerTimeout, WorkerDied):
                self._find_bad_cells()
                self._open()
        except (WorkerTimeout, WorkerDied) as error:
            outcome = "timeout" if isinstance(error, WorkerTimeout) else "crashed"
            return _without_running(exercise, outcome, "cells that run", str(error) or "they did not end in time")
        self._note_cell_errors()
        absent = self._absent(exercise)
        if absent is not None:
            return absent
        self._student.deadline = time.monotonic() + exercise.seconds
        rungs = climb(ladders(self.lesson)[exercise.name], self._student, self.seed)
        return judge(exercise, rungs, time.monotonic() - started)

    def _absent(self, exercise: Exercise) -> Result | None:
        """Return the verdict where a name of the exercise does not exist once the cells have run."""
        self._student.deadline = time.monotonic() + CELL_SECONDS
        try:
            defined = self._student.probe("calling.defined", wanted=list(exercise.names))
        except StudentError as error:
            return _without_running(exercise, "error", "an answer", str(error))
        absent = [name for name in exercise.names if name not in (defined if isinstance(defined, list) else [])]
        if not absent:
            return None
        for cell in self._submission.cells:
            if cell.label in self._bad_cells and any(mentions(cell.source, name) for name in absent):
                return _without_running(exercise, "crashed", "a cell that runs", f"{cell.label} does not")
        stubs = [
            e for e in self._cell_errors if e and e["type"] == "NotImplementedError" and exercise.id in e["message"]
        ]
        if stubs:
            return _without_running(exercise, "not_attempted", "your code in place of the stub", "the stub")
        for error in filter(None, self._cell_errors):
            label = error.get("cell")
            source = next((cell.source for cell in self._submission.cells if cell.label == label), "")
            if any(mentions(source, name) for name in absent):
                got = f"{error['type']}: {error['message']}"
                return Result(
                    exercise, "error", 0.0, problem=Problem("error", "a cell that runs", got, where=say_where(error))
                )
        names = " and ".join(absent)
        return _without_running(exercise, "missing", f"a cell that defines {names}", "none in this notebook")

    def grade_all(self) -> Iterator[Result]:
        """Yield the verdict on every exercise, in order."""
        for exercise in self.lesson.exercises:
            yield self.grade(exercise)

    def diagnose(self, result: Result) -> Result:
        """Return the result with the misconception it shows, if the catalogue knows it.

        To be called when all exercises have their verdict: the notebook's process ends here, and what it may have
        left behind finds no answer in a mistake's code that could still be of use.
        """
        try:
            return diagnose(result, self.seed, self._open_mistake)
        except (OutOfTime, Crashed, WorkerTimeout, WorkerDied):
            return result

    @contextlib.contextmanager
    def _open_mistake(self, mistake: Misconception) -> Iterator[RemoteStudent]:
        self._worker.open(self._request([["mistake", mistake.code]]), CELL_SECONDS)
        student = RemoteStudent(self._worker)
        student.deadline = time.monotonic() + CELL_SECONDS
        yield student
