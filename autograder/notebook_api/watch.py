"""``python -m autograder watch``: grade a lesson again whenever its notebook is saved, and say what changed.

Files are polled: six names cost nothing, and it works on network drives, in containers and with programs that save by
renaming, where a system's own notices are lost or differ.
"""

from __future__ import annotations

import contextlib
import io
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ..course.chosen import narrowed
from ..course.manifest import Exercise, Lesson
from ..grading.graded_run import GradedRun
from ..grading.grader import LessonGrader
from ..grading.notebook_choice import find_notebook, find_submission
from ..grading.submission import NoSubmission, Submission, Unreadable, mentions
from ..isolation.sandbox import Sandbox
from ..isolation.workers import Workers
from ..ladder.ladder import Problem
from ..ladder.verdict import Result
from ..report.safe_text import safe_text
from ..report.terminal import explanation, footer, notes_shown, points_table
from ..report.words import SIGNS, in_words, number, title_of

POLL_SECONDS = 0.2
# How long a file that can't be read may be one that is still being written.
SETTLE_SECONDS = 2.0


@dataclass
class Watched:
    """One lesson's notebook, and what its last grading found. ``graded`` is None until there was one.

    ``exercises`` are those that are graded, all of the lesson where none is named.
    """

    lesson: Lesson
    work: Path
    graded: GradedRun | None = None
    diagnosed: dict[tuple[str, Problem | None], Result] = field(default_factory=dict)
    _code: dict[str, list[str]] = field(default_factory=dict)
    exercises: tuple[Exercise, ...] = ()

    def __post_init__(self) -> None:
        self.exercises = self.exercises or self.lesson.exercises
        self._seen = self._version()
        self._unreadable: tuple[tuple[int, ...], float] | None = None

    def _version(self) -> tuple[int, ...] | None:
        """Return what tells the versions of the notebook's file apart; None where there is none."""
        with contextlib.suppress(Unreadable, OSError):
            path = find_notebook(self.work / self.lesson.id, self.lesson)
            if path is not None:
                found = path.stat()
                return found.st_mtime_ns, found.st_size, found.st_ino
        return None

    @property
    def exists(self) -> bool:
        return self._version() is not None

    def read(self) -> Submission | NoSubmission:
        """Return the notebook as it lies there."""
        return find_submission(self.work, self.lesson)

    def saved(self) -> bool:
        """Return whether another version than the one seen last lies there, whole.

        A file that can't be read may be half written: it is looked at again until it has stayed the same for a
        while. Then it counts as seen, and Unreadable says what is wrong.
        """
        version = self._version()
        if version is None or version == self._seen:
            return False
        found = self.read()
        if isinstance(found, NoSubmission):
            if self._unreadable is None or self._unreadable[0] != version:
                self._unreadable = (version, time.monotonic())
            if time.monotonic() - self._unreadable[1] < SETTLE_SECONDS:
                return False
            self._seen = version
            raise Unreadable(found.notes[-1])
        self._seen = version
        return True

    def next_exercises(self, submission: Submission | NoSubmission) -> list[Exercise]:
        """Return the exercises to grade, first those whose code is another than when this was last asked."""
        before = self._code
        cells = submission.cells if isinstance(submission, Submission) else ()
        self._code = {
            exercise.key: [cell.source for cell in cells if any(mentions(cell.source, name) for name in exercise.names)]
            for exercise in self.exercises
        }
        return sorted(self.exercises, key=lambda each: self._code[each.key] == before.get(each.key))


def _change(old: Result | None, new: Result) -> list[Text]:
    """Return a line where points or outcome of an exercise are not what they were, else none."""
    if old is None or (old.score, old.outcome) == (new.score, new.outcome):
        return []
    sign, style = SIGNS[new.outcome]
    outcome = in_words(new.outcome)
    if old.outcome != new.outcome:
        outcome = f"{in_words(old.outcome)} -> {outcome}"
    points = f"{number(old.score)} -> {number(new.score)} of {number(new.exercise.points)} points"
    return [Text.assemble("  ", (sign, style), f" {title_of(new.exercise)}: {points}, ", (outcome, style))]


class Watch:
    """Watches notebooks and prints what their gradings find. A context manager that ends the workers.

    ``prepare`` imports the frameworks of all lessons at the start, not only of those that are begun or saved.
    ``exercises`` are graded alone, in the lessons that have any of them.
    """

    def __init__(
        self,
        lessons: Sequence[Lesson],
        work: Path,
        sandbox: Sandbox,
        seed: int,
        console: Console,
        prepare: bool,
        exercises: Sequence[Exercise] = (),
    ) -> None:
        wanted = {lesson.id: tuple(each for each in exercises if each.lesson == lesson.id) for lesson in lessons}
        self.lessons = [Watched(lesson, work, exercises=wanted[lesson.id]) for lesson in lessons]
        self._sandbox, self._seed, self._console = sandbox, seed, console
        self._workers = Workers(lessons, sandbox)
        self._alone = len(lessons) == 1
        for watched in self.lessons if prepare else ():
            self._workers.of(watched.lesson).warm_up()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *exc: object) -> None:
        self._workers.close()

    def step(self) -> bool:
        """Grade what was saved, or else one lesson that was not graded yet; return whether there was any."""
        for watched in self.lessons:
            try:
                if watched.saved():
                    # A lesson that is opened and saved will be worked on, even if it is a stub as yet.
                    self._workers.of(watched.lesson).warm_up()
                    self._grade(watched)
                    return True
            except Unreadable as error:
                self._print(Text(f"{watched.lesson.id}: {safe_text(str(error), one_line=True)}", "yellow"))
        for watched in self.lessons:
            if watched.graded is None and watched.exists:
                self._grade(watched)
                return True
        return False

    def _print(self, *shown: object) -> None:
        for part in shown:
            self._console.print(part)
        self._console.file.flush()

    def _grade(self, watched: Watched) -> None:
        lesson, before, started = watched.lesson, watched.graded, time.monotonic()
        if before is not None:
            self._print(f"{time.strftime('%H:%M:%S')} {lesson.id} saved")
        found: dict[str, Result] = {}
        submission = watched.read()
        with LessonGrader(submission, self._sandbox, self._seed, self._workers.of(lesson)) as grader:
            for exercise in watched.next_exercises(submission):
                result = found[exercise.key] = grader.grade(exercise)
                old = before.result(exercise) if before is not None else None
                self._print(*_change(old, result))
            shown = narrowed(lesson, watched.exercises)
            graded = GradedRun((shown,), found, {lesson.id: grader.notes}, self._seed, self._sandbox)
            self._say_points(before, graded, time.monotonic() - started)
            noted = before.notes_of(lesson) if before is not None else ()
            self._print(*notes_shown([note for note in grader.notes if note not in noted]))
            watched.graded = graded
            first = graded.next_to_fix()
            if first is not None and (before is not None or self._alone):
                self._say_fix(self._diagnose(watched, first, grader))
        if before is not None or self._alone:
            self._print("")

    def _say_points(self, before: GradedRun | None, graded: GradedRun, seconds: float) -> None:
        (lesson,) = graded.lessons
        points = f"{number(graded.points)} of {number(lesson.points)} points"
        if before is None:
            self._print(points_table(graded, lesson) if self._alone else f"{lesson.id}: {points}")
            return
        change = f"still {points}" if before.points == graded.points else f"{number(before.points)} -> {points}"
        self._print(f"  {change} ({seconds:.1f} s)")

    def _diagnose(self, watched: Watched, result: Result, grader: LessonGrader) -> Result:
        """Return the result with its misconception. The same problem on the same seed has the same one."""
        key = (result.exercise.key, result.problem)
        if key not in watched.diagnosed:
            watched.diagnosed = {key: grader.diagnose(result)}
        return watched.diagnosed[key]

    def _say_fix(self, result: Result) -> None:
        self._print(Text(f"Fix this next: {title_of(result.exercise)}", "bold"), explanation(result))


@contextlib.contextmanager
def _until_ctrl_c() -> Iterator[threading.Event]:
    """Give an event that Ctrl-C sets; it also interrupts whatever runs, as ever, and ends the block quietly.

    The interruption alone is not enough: where it falls into the closing of a file, Python drops it.
    """
    pressed = threading.Event()

    def press(*_: object) -> None:
        pressed.set()
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGINT, former)


def run_watch(
    lessons: Sequence[Lesson],
    exercises: Sequence[Exercise],
    work: Path,
    sandbox: Sandbox,
    seed: int,
    prepare: bool,
) -> None:
    """Watch until Ctrl-C: grade these exercises of every lesson once, then those again whose lesson is saved."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that has no sign for an outcome still shows its word.
        sys.stdout.reconfigure(errors="replace")
    console = Console(highlight=False, markup=False, emoji=False)
    names = ", ".join(lesson.id for lesson in lessons)
    with _until_ctrl_c() as pressed, Watch(lessons, work, sandbox, seed, console, prepare, exercises) as watch:
        console.print(f"Watching {names} in {safe_text(str(work))}: save a notebook to grade it again; Ctrl-C ends.")
        absent = [watched.lesson.id for watched in watch.lessons if not watched.exists]
        if absent:
            console.print(f"no notebook yet: {', '.join(absent)}")
        console.print(Text(footer(GradedRun(tuple(lessons), {}, {}, seed, sandbox)), "dim"))
        console.file.flush()
        while not pressed.is_set():
            if not watch.step():
                pressed.wait(POLL_SECONDS)
    console.print("watching ended")
