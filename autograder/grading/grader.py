"""Grade one lesson's notebook: run it in a worker, climb each exercise's ladder, say what was found."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from ..checks import ladder_of
from ..checks.catalogue import Misconception
from ..course.manifest import CourseError, Exercise
from ..course.released import earlier_references, load_released
from ..isolation.process import Crashed, OutOfTime, ServerEnded, Worker
from ..isolation.sandbox import Sandbox
from ..isolation.workers import make_worker
from ..ladder.ladder import Problem, climb
from ..ladder.student import RemoteStudent, StudentError, read_error, read_errors
from ..ladder.time_limit import CLOCK, Overdue, in_time, memory_limit
from ..ladder.verdict import Result, judge, without_running
from .elsewhere import MEND, blame_unread, misspelled
from .naming import name_mistake
from .submission import NoSubmission, Submission, mentions

# A cell of definitions takes milliseconds; a training cell finds no data here and ends with an error.
CELL_SECONDS, NOTEBOOK_SECONDS = 60.0, 180.0
# For the cells each time that an exercise has ended the notebook's process, all times together.
OPENING_SECONDS = 2 * NOTEBOOK_SECONDS
# For naming what is wrong in a notebook; without it the marks are the same.
DIAGNOSIS_SECONDS = 300.0
MAX_NOTES, MAX_NOTE = 100, 500
# What the deciding side may take beyond that to draw inputs, to compute what is right and to compare.
DECIDING_SECONDS = 60.0


def _ended(exercise: Exercise, expected: str, end: OutOfTime | Crashed) -> Result:
    return without_running(exercise, "timeout" if isinstance(end, OutOfTime) else "crashed", expected, str(end))


class LessonGrader:
    """Grades the exercises of one notebook one after the other; a context manager that owns the worker."""

    def __init__(
        self, handed_in: Submission | NoSubmission, sandbox: Sandbox, seed: int, worker: Worker | None = None
    ) -> None:
        """Grade what was handed in of a lesson. A ``worker`` of the caller's is used and left running."""
        self.lesson, self.sandbox, self.seed = handed_in.lesson, sandbox, seed
        self.notes: list[str] = list(handed_in.notes)
        self._handed_in = handed_in
        self._worker, self._lent = worker, worker is not None
        self._student: RemoteStudent | None = None
        self._cell_errors: dict[str, list[StudentError]] = {}
        self._left_out: dict[str, str] = {}
        self._never_opens: OutOfTime | Crashed | None = None
        self._diagnosis_seconds = DIAGNOSIS_SECONDS
        # How long opening the notebook took, all times together.
        self._opening = 0.0

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
        found = self._handed_in
        return isinstance(found, Submission) and len(found.untouched) < len(self.lesson.exercises)

    def _open_process(self) -> Worker:
        """Return the worker with a fresh process in which the lesson's given code has run."""
        if self._worker is None:
            self._worker = make_worker([self.lesson], self.sandbox)
        worker, self._student = self._worker, None
        worker.open(earlier_references(self.lesson))
        for number, text in enumerate(load_released(self.lesson).setup, start=1):
            error = read_error(worker.ask({"cell": [f"setup {number}", text]}, CELL_SECONDS))
            if error is not None:
                # Given cells run before any of the student's, so the fault is the course's.
                said = f"{error.where or 'a given cell'}: {error.type}: {error.message}"
                raise CourseError(f"the course's own code of lesson {self.lesson.id} does not run: {said}")
        return worker

    def _open(self, submission: Submission) -> RemoteStudent:
        """Return the notebook in a process that holds it.

        Cells that end the process or never end are found one by one and left out, so that the others still count.
        """
        if self._never_opens is not None:
            # It would take as long for every exercise, and end the same.
            raise self._never_opens
        if self._student is not None and self._student.worker.running:
            return self._student
        opened = 0.0
        while True:
            started = time.monotonic()
            worker = self._open_process()
            worker.grant(NOTEBOOK_SECONDS)
            ended = self._run_cells(submission, worker)
            took = time.monotonic() - started
            opened, self._opening = opened + took, self._opening + took
            if ended is None:
                break
            if opened > NOTEBOOK_SECONDS or self._opening > OPENING_SECONDS:
                raise OutOfTime("the notebook's cells take too long")
            self._left_out[ended[0]] = ended[1]
            self.notes.append(f"{ended[0]} {ended[1]}; it was left out")
        self._student = RemoteStudent(worker)
        return self._student

    def _run_cells(self, submission: Submission, worker: Worker) -> tuple[str, str] | None:
        """Run the student's cells; return the label of the one that ended the process, and how, or None."""
        cells = [cell for cell in submission.cells if cell.label not in self._left_out]
        self._cell_errors = {}
        # A cell that sleeps takes no time of the processor, and the next one may sleep as well.
        ends = time.monotonic() + CLOCK * NOTEBOOK_SECONDS
        # A cell that failed for a name defined further down gets a second chance once everything else has run.
        for again in (False, True):
            for cell in cells:
                former = self._cell_errors.get(cell.label)
                if again and not any(error.type == "NameError" for error in former or ()):
                    continue
                self._cell_errors.pop(cell.label, None)
                if time.monotonic() > ends:
                    worker.stop()
                    raise OutOfTime("the notebook's cells take too long")
                try:
                    errors = read_errors(worker.ask({"cell": [cell.label, cell.source]}, CELL_SECONDS))
                except OutOfTime:
                    return cell.label, "did not end in time"
                except Crashed as died:
                    return cell.label, f"ended the process ({died})"
                if errors:
                    self._cell_errors[cell.label] = errors
        return None

    def _note_cell_errors(self) -> None:
        for label, error in ((label, error) for label, errors in self._cell_errors.items() for error in errors):
            note = f"{error.where or label}: {error.type}: {error.message}"[:MAX_NOTE]
            if error.type != "NotImplementedError" and note not in self.notes and len(self.notes) < MAX_NOTES:
                self.notes.append(note)

    def grade(self, exercise: Exercise) -> Result:
        """Return the verdict on one exercise of the lesson.

        Raises CourseError where the course is at fault, ServerEnded where the system ended what runs notebooks twice.
        """
        try:
            return self._grade(exercise)
        except ServerEnded:
            return self._grade(exercise)

    def _grade(self, exercise: Exercise) -> Result:
        started = time.monotonic()
        submission = self._handed_in
        if isinstance(submission, NoSubmission):
            return without_running(exercise, "missing", "a notebook that can be read", submission.got)
        if exercise.name in submission.untouched:
            return without_running(exercise, "not_attempted", "your code in place of the stub", "the stub")
        for name in exercise.names:
            if name in submission.broken:
                problem = Problem("error", "code that Python can read", submission.broken[name], hint=MEND)
                return Result(exercise, "error", 0.0, problem=problem)
        try:
            student = self._open(submission)
        except (OutOfTime, Crashed) as end:
            self._never_opens = end
            return _ended(exercise, "cells that run", end)
        self._note_cell_errors()
        absent = self._absent(exercise, submission, student)
        if absent is not None:
            return absent
        student.worker.grant(exercise.seconds)
        seconds = CLOCK * exercise.seconds
        student.deadline = time.monotonic() + seconds
        with memory_limit():
            rungs = climb(ladder_of(self.lesson, exercise), student, self.seed, seconds + DECIDING_SECONDS)
        result = judge(exercise, rungs, time.monotonic() - started)
        return blame_unread(result, submission.broken, self.lesson)

    def _absent(self, exercise: Exercise, submission: Submission, student: RemoteStudent) -> Result | None:
        """Return the verdict where a name of the exercise does not exist once the cells have run."""
        student.deadline = time.monotonic() + CELL_SECONDS
        try:
            defined = student.probe("calling.defined", wanted=list(exercise.names))
        except StudentError as error:
            return without_running(exercise, "error", "an answer", str(error))
        except (OutOfTime, Crashed) as end:
            return _ended(exercise, "an answer", end)
        there = [name for name in defined if isinstance(name, str)] if isinstance(defined, list) else []
        absent = [name for name in exercise.names if name not in there]
        if not absent:
            return None
        for cell in submission.cells:
            if cell.label in self._left_out and any(mentions(cell.source, name) for name in absent):
                why = self._left_out[cell.label]
                outcome = "timeout" if "in time" in why else "crashed"
                return without_running(exercise, outcome, "a cell that runs", f"{cell.label} {why}")
        errors = [error for errors in self._cell_errors.values() for error in errors]
        if any(error.type == "NotImplementedError" and exercise.id in error.message for error in errors):
            return without_running(exercise, "not_attempted", "your code in place of the stub", "the stub")
        for cell in submission.cells:
            raised = next(iter(self._cell_errors.get(cell.label, ())), None)
            if raised is not None and any(mentions(cell.source, name) for name in absent):
                got = f"{raised.type}: {raised.message}"
                return Result(
                    exercise, "error", 0.0, problem=Problem("error", "a cell that runs", got, where=raised.where)
                )
        names = " and ".join(absent)
        like = misspelled(absent, [cell.source for cell in submission.cells], self.lesson)
        return without_running(exercise, "missing", f"a cell that defines {names}", like or "none in this notebook")

    def grade_all(self) -> Iterator[Result]:
        """Yield the verdict on every exercise, in order."""
        for exercise in self.lesson.exercises:
            yield self.grade(exercise)

    def diagnose(self, result: Result) -> Result:
        """Return the result with the slip or the misconception that it shows, if one is known.

        To be called when all exercises have their verdict: the notebook's process ends here, and what it may have
        left behind finds no answer in a mistake's code that could still be of use.
        """
        started = time.monotonic()
        try:
            with memory_limit():
                return in_time(self._diagnosis_seconds, lambda: self._diagnose(result))
        except (OutOfTime, Crashed, ServerEnded, Overdue, RecursionError, MemoryError):
            # The verdict stands without a name; code that is nested very deeply can't be mended.
            return result
        except CourseError:
            raise
        except Exception as error:
            # A fault of ours in naming a mistake must not cost the verdict, and must not stay hidden.
            self.notes.append(
                f"{result.exercise.name}: no mistake could be named ({type(error).__name__}: {error})"[:MAX_NOTE]
            )
            return result
        finally:
            self._diagnosis_seconds -= time.monotonic() - started

    def _diagnose(self, result: Result) -> Result:
        cells = self._handed_in.cells if isinstance(self._handed_in, Submission) else ()
        sources = [cell.source for cell in cells if cell.label not in self._left_out]
        return name_mistake(result, sources, self.seed, self._open_mended, self._open_mistake)

    @contextlib.contextmanager
    def _open_mended(self, code: str) -> Iterator[RemoteStudent]:
        """Open the notebook with ``code`` run behind its cells."""
        worker = self._open_process()
        worker.grant(NOTEBOOK_SECONDS)
        if isinstance(self._handed_in, Submission):
            self._run_cells(self._handed_in, worker)
        yield self._run_behind(worker, "mended", code)

    @contextlib.contextmanager
    def _open_mistake(self, mistake: Misconception) -> Iterator[RemoteStudent]:
        yield self._run_behind(self._open_process(), "mistake", mistake.code)

    def _run_behind(self, worker: Worker, label: str, code: str) -> RemoteStudent:
        worker.grant(CELL_SECONDS)
        worker.ask({"cell": [label, code]}, CELL_SECONDS)
        student = RemoteStudent(worker)
        student.deadline = time.monotonic() + CELL_SECONDS
        return student
