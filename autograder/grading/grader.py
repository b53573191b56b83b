"""Grade one lesson's notebook: read it, run it in a worker, climb each exercise's ladder."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..checks import ladders
from ..checks.catalogue import Misconception
from ..course.manifest import CourseError, Exercise, Lesson
from ..course.released import earlier_sources, load_released
from ..isolation.process import Worker, WorkerDied, WorkerTimeout
from ..isolation.sandbox import Sandbox
from ..isolation.workers import make_worker
from ..ladder.ladder import Problem, climb
from ..ladder.student import Crashed, OutOfTime, RemoteStudent, StudentError, say_where
from ..ladder.verdict import Result, judge
from .diagnosis import diagnose
from .submission import Submission, Unreadable, find_notebook, mentions, read_submission

# A cell of definitions takes milliseconds; a training cell finds no data here and ends with an error.
CELL_SECONDS, NOTEBOOK_SECONDS = 60.0, 180.0
# On the clock an exercise may take longer than on the processor: the machine may have other work.
CLOCK = 2.0


def _without_running(exercise: Exercise, outcome: str, expected: str, got: str) -> Result:
    return Result(exercise, outcome, 0.0, problem=Problem(outcome, expected, got))


class LessonGrader:
    """Grades the exercises of one notebook one after the other; a context manager that owns the worker."""

    def __init__(self, lesson: Lesson, work: Path, sandbox: Sandbox, seed: int, worker: Worker | None = None) -> None:
        """Read the lesson's notebook under ``work``. A ``worker`` of the caller's is used and left running."""
        self.lesson, self.sandbox, self.seed = lesson, sandbox, seed
        self.notes: list[str] = []
        self._submission: Submission | None = None
        self._why_missing = ""
        self._worker, self._lent = worker, worker is not None
        self._student: RemoteStudent | None = None
        self._cell_errors: dict[str, dict[str, Any]] = {}
        self._left_out: dict[str, str] = {}
        self._read(work)

    def __enter__(self) -> LessonGrader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the notebook's process, and the worker unless it is lent."""
        if self._worker is None:
            return
        if self._lent:
            self._worker.stop()
        else:
            self._worker.close()

    @property
    def runs_code(self) -> bool:
        """Whether anything of the notebook will run: there is one, and not all of it is as it was released."""
        return self._submission is not None and len(self._submission.untouched) < len(self.lesson.exercises)

    def _read(self, work: Path) -> None:
        try:
            path, note = find_notebook(work, self.lesson)
            if path is None:
                self._why_missing = "no notebook"
                self.notes.append(f"no notebook {self.lesson.id}/{self.lesson.id}.ipynb in {work}")
                return
            self.notes += [note] if note else []
            self._submission = read_submission(path, self.lesson)
            self.notes += self._submission.notes
        except Unreadable as error:
            self._why_missing = "a file that is no notebook"
            self.notes.append(str(error))

    def _open_process(self) -> None:
        """Start a fresh process in which the lesson's given code has run."""
        if self._worker is None:
            self._worker = make_worker([self.lesson], self.sandbox)
        self._worker.open(earlier_sources(self.lesson))
        for number, text in enumerate(load_released(self.lesson).setup, start=1):
            error = self._worker.ask({"cell": [f"setup {number}", text]}, CELL_SECONDS)["error"]
            if error is not None:
                # Given cells run before any of the student's, so the fault is the course's.
                said = f"{say_where(error) or 'a given cell'}: {error['type']}: {error['message']}"
                raise CourseError(f"the course's own code of lesson {self.lesson.id} does not run: {said}")

    def _open(self) -> None:
        """Make sure that a process holds the notebook.

        Cells that end the process or never end are found one by one and left out, so that the others still count.
        """
        if self._worker is not None and self._worker.running:
            return
        started = time.monotonic()
        while True:
            self._open_process()
            self._worker.grant(NOTEBOOK_SECONDS)
            ended = self._run_cells()
            if ended is None:
                break
            if time.monotonic() - started > NOTEBOOK_SECONDS:
                raise WorkerTimeout("the notebook's cells take too long")
            self._left_out[ended[0]] = ended[1]
            self.notes.append(f"{ended[0]} {ended[1]}; it was left out")
        self._student = RemoteStudent(self._worker)

    def _run_cells(self) -> tuple[str, str] | None:
        """Run the student's cells; return the label of the one that ended the process, and how, or None."""
        cells = [cell for cell in self._submission.cells if cell.label not in self._left_out]
        self._cell_errors = {}
        # A cell that failed for a name defined further down gets a second chance once everything else has run.
        for again in (False, True):
            for cell in cells:
                if again and self._cell_errors.get(cell.label, {}).get("type") != "NameError":
                    continue
                self._cell_errors.pop(cell.label, None)
                try:
                    error = self._worker.ask({"cell": [cell.label, cell.source]}, CELL_SECONDS)["error"]
                except WorkerTimeout:
                    return cell.label, "did not end in time"
                except WorkerDied as died:
                    return cell.label, f"ended the process ({died})"
                if isinstance(error, dict):
                    self._cell_errors[cell.label] = error
        return None

    def _note_cell_errors(self) -> None:
        for label, error in self._cell_errors.items():
            if error["type"] == "NotImplementedError":
                continue
            note = f"{say_where(error) or label}: {error['type']}: {error['message']}"
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
            self._open()
        except (WorkerTimeout, WorkerDied) as error:
            outcome = "timeout" if isinstance(error, WorkerTimeout) else "crashed"
            return _without_running(exercise, outcome, "cells that run", str(error))
        self._note_cell_errors()
        absent = self._absent(exercise)
        if absent is not None:
            return absent
        self._worker.grant(exercise.seconds)
        self._student.deadline = time.monotonic() + CLOCK * exercise.seconds
        rungs = climb(ladders(self.lesson)[exercise.name], self._student, self.seed)
        return judge(exercise, rungs, time.monotonic() - started)

    def _absent(self, exercise: Exercise) -> Result | None:
        """Return the verdict where a name of the exercise does not exist once the cells have run."""
        self._student.deadline = time.monotonic() + CELL_SECONDS
        try:
            defined = self._student.probe("calling.defined", wanted=list(exercise.names))
        except StudentError as error:
            return _without_running(exercise, "error", "an answer", str(error))
        except (OutOfTime, Crashed) as error:
            outcome = "timeout" if isinstance(error, OutOfTime) else "crashed"
            return _without_running(exercise, outcome, "an answer", str(error))
        absent = [name for name in exercise.names if name not in (defined if isinstance(defined, list) else [])]
        if not absent:
            return None
        for cell in self._submission.cells:
            if cell.label in self._left_out and any(mentions(cell.source, name) for name in absent):
                why = self._left_out[cell.label]
                outcome = "timeout" if "in time" in why else "crashed"
                return _without_running(exercise, outcome, "a cell that runs", f"{cell.label} {why}")
        errors = self._cell_errors.values()
        if any(error["type"] == "NotImplementedError" and exercise.id in error["message"] for error in errors):
            return _without_running(exercise, "not_attempted", "your code in place of the stub", "the stub")
        for cell in self._submission.cells:
            error = self._cell_errors.get(cell.label)
            if error is not None and any(mentions(cell.source, name) for name in absent):
                got = f"{error['type']}: {error['message']}"
                problem = Problem("error", "a cell that runs", got, where=say_where(error))
                return Result(exercise, "error", 0.0, problem=problem)
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
        self._open_process()
        self._worker.grant(CELL_SECONDS)
        self._worker.ask({"cell": ["mistake", mistake.code]}, CELL_SECONDS)
        student = RemoteStudent(self._worker)
        student.deadline = time.monotonic() + CELL_SECONDS
        yield student
