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
from rich.padding import Padding
from rich.text import Text

from ..course.manifest import Exercise, Lesson, load_course
from ..grading.grader import LessonGrader
from ..grading.submission import Unreadable, find_notebook, mentions, read_submission
from ..isolation.sandbox import Sandbox
from ..isolation.workers import Workers
from ..ladder.ladder import Problem
from ..ladder.verdict import Result
from ..report.terminal import (
    SIGNS,
    earned,
    explanation,
    in_words,
    lesson_table,
    next_to_fix,
    number,
    shown_notes,
    title_of,
)
from ..report.visible import visible

POLL_SECONDS = 0.2
# How long a file that can't be read may be one that is still being written.
SETTLE_SECONDS = 2.0


@dataclass
class Watched:
    """One lesson's notebook, and what its last grading found. ``results`` is None until there was one."""

    lesson: Lesson
    work: Path
    results: dict[str, Result] | None = None
    notes: list[str] = field(default_factory=list)
    diagnosed: dict[tuple[str, Problem], Result] = field(default_factory=dict)
    _code: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._seen = self._look()[1]
        self._unreadable: tuple[tuple[int, ...], float] | None = None

    def _look(self) -> tuple[Path | None, tuple[int, ...] | None]:
        """Return where the notebook lies and what tells its versions apart; None where there is none."""
        with contextlib.suppress(Unreadable, OSError):
            path = find_notebook(self.work, self.lesson)[0]
            if path is not None:
                found = path.stat()
                return path, (found.st_mtime_ns, found.st_size, found.st_ino)
        return None, None

    @property
    def exists(self) -> bool:
        return self._look()[0] is not None

    def saved(self) -> bool:
        """Return whether another version than the one seen last lies there, whole.

        A file that can't be read may be half written: it is looked at again until it has stayed the same for a
        while. Then it counts as seen, and Unreadable says what is wrong.
        """
        path, version = self._look()
        if path is None or version == self._seen:
            return False
        try:
            read_submission(path, self.lesson)
        except Unreadable:
            if self._unreadable is None or self._unreadable[0] != version:
                self._unreadable = (version, time.monotonic())
            if time.monotonic() - self._unreadable[1] < SETTLE_SECONDS:
                return False
            self._seen = version
            raise
        self._seen = version
        return True

    def next_exercises(self) -> list[Exercise]:
        """Return the lesson's exercises, first those whose code is another than when this was last asked."""
        before = self._code
        path, cells = self._look()[0], ()
        with contextlib.suppress(Unreadable):
            cells = read_submission(path, self.lesson).cells if path else ()
        self._code = {
            exercise.key: [cell.source for cell in cells if any(mentions(cell.source, name) for name in exercise.names)]
            for exercise in self.lesson.exercises
        }
        return sorted(self.lesson.exercises, key=lambda each: self._code[each.key] == before.get(each.key))


def _change(old: Result, new: Result) -> list[Text]:
    """Return a line where points or outcome of an exercise are not what they were, else none."""
    if (old.score, old.outcome) == (new.score, new.outcome):
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
    """

    def __init__(
        self, lessons: Sequence[Lesson], work: Path, sandbox: Sandbox, seed: int, console: Console, prepare: bool
    ) -> None:
        self.lessons = [Watched(lesson, work) for lesson in lessons]
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
                self._print(Text(f"{watched.lesson.id}: {visible(str(error), one_line=True)}", "yellow"))
        for watched in self.lessons:
            if watched.results is None and watched.exists:
                self._grade(watched)
                return True
        return False

    def _print(self, *shown: object) -> None:
        for part in shown:
            self._console.print(part)
        self._console.file.flush()

    def _grade(self, watched: Watched) -> None:
        lesson, before, started = watched.lesson, watched.results, time.monotonic()
        if before is not None:
            self._print(f"{time.strftime('%H:%M:%S')} {lesson.id} saved")
        found: dict[str, Result] = {}
        with LessonGrader(lesson, watched.work, self._sandbox, self._seed, self._workers.of(lesson)) as grader:
            for exercise in watched.next_exercises():
                result = found[exercise.key] = grader.grade(exercise)
                if before is not None:
                    self._print(*_change(before[exercise.key], result))
            self._say_points(watched, found, time.monotonic() - started)
            fresh = [note for note in grader.notes if note not in watched.notes]
            self._print(*(Padding(Text(f"note: {note}", "yellow"), (0, 0, 0, 2)) for note in shown_notes(fresh)))
            watched.results, watched.notes = found, grader.notes
            first = next_to_fix([lesson], found)
            if first is not None and (before is not None or self._alone):
                self._say_fix(self._diagnose(watched, first, grader))
        if before is not None or self._alone:
            self._print("")

    def _say_points(self, watched: Watched, found: dict[str, Result], seconds: float) -> None:
        lesson, before = watched.lesson, watched.results
        points = f"{number(earned(lesson, found))} of {number(lesson.points)} points"
        if before is None:
            self._print(lesson_table(lesson, found) if self._alone else f"{lesson.id}: {points}")
            return
        old = earned(lesson, before)
        change = f"still {points}" if old == earned(lesson, found) else f"{number(old)} -> {points}"
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


def run_watch(lessons: Sequence[Lesson], work: Path, sandbox: Sandbox, seed: int, prepare: bool) -> None:
    """Watch until Ctrl-C: grade every lesson once, then each one again that is saved."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that has no sign for an outcome still shows its word.
        sys.stdout.reconfigure(errors="replace")
    console = Console(highlight=False, markup=False, emoji=False)
    names = ", ".join(lesson.id for lesson in lessons)
    with _until_ctrl_c() as pressed, Watch(lessons, work, sandbox, seed, console, prepare) as watch:
        console.print(f"Watching {names} in {visible(str(work))}: save a notebook to grade it again; Ctrl-C ends.")
        absent = [watched.lesson.id for watched in watch.lessons if not watched.exists]
        if absent:
            console.print(f"no notebook yet: {', '.join(absent)}")
        console.print(Text(f"course {load_course().version}, seed {seed}, {visible(sandbox.notice)}", "dim"))
        console.file.flush()
        while not pressed.is_set():
            if not watch.step():
                pressed.wait(POLL_SECONDS)
    console.print("watching ended")
