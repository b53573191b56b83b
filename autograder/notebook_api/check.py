"""``autograder.check`` in a notebook: the same ladder on the live names, shown as a small table."""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import random
import secrets
import sys
import textwrap
import threading
import time
import types
from collections.abc import Iterator
from types import FrameType
from typing import Any, TextIO

import numpy as np

from ..checks import ladder_of
from ..course.manifest import Exercise, find_exercise, find_lesson
from ..grading.naming import name_mistake
from ..ladder.ladder import Problem, climb
from ..ladder.student import LiveStudent
from ..ladder.time_limit import CLOCK
from ..ladder.verdict import Result, judge
from ..report.result_report import ResultReport
from ..worker.running import CellRunner

# Characters of what the student's code printed that are shown.
PRINTED = 2000
# Seconds after which it is said that a check is still at work, and after its time is up, that it does not end.
LONG, STUCK = 15.0, 5.0
# Seconds for naming what is wrong: each attempt runs the student's code, mended or changed, once more.
NAMING_SECONDS = 60.0


def notebook_names() -> dict[str, Any]:
    """Return the names of the running notebook, or of the program that called ``autograder.check``."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        return shell.user_ns
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "autograder":
        frame = frame.f_back
    return frame.f_globals if frame is not None else {}


class _Printed(io.TextIOBase):
    """Keeps the beginning of what is printed, however much it is, as a screen shows it: a bar in its last state."""

    def __init__(self) -> None:
        self._kept = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        room = PRINTED - len(self._kept)
        if room > 0:
            self._kept += text[:room] + ("…" if len(text) > room else "")
            if "\r" in text:
                self._kept = _overwritten(self._kept)
        return len(text)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in _overwritten(self._kept).split("\n")).strip()


def _overwritten(text: str) -> str:
    """Return the text with what stands behind a carriage return written over what stands before it in its line."""
    lines = text.replace("\r\n", "\n").split("\n")
    for number, line in enumerate(lines):
        seen = ""
        for piece in line.split("\r"):
            seen = piece + seen[len(piece) :]
        # What comes next writes over the line, too.
        lines[number] = seen + ("\r" if line.endswith("\r") else "")
    return "\n".join(lines)


@contextlib.contextmanager
def _quiet() -> Iterator[_Printed]:
    """Collect what the student's code prints, and keep a framework's warnings out of the report."""
    disabled, printed = logging.root.manager.disable, _Printed()
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            yield printed
    finally:
        logging.disable(disabled)


@contextlib.contextmanager
def _random_states_kept() -> Iterator[None]:
    """Put the notebook's global random states back afterwards: checks seed them, to see who touches them."""
    state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002 (only kept)
    torch = sys.modules.get("torch")
    torch_state = torch.random.get_rng_state() if torch else None
    try:
        yield
    finally:
        random.setstate(state)
        np.random.set_state(numpy_state)  # noqa: NPY002
        if torch:
            torch.random.set_rng_state(torch_state)


@contextlib.contextmanager
def _patience(exercise: Exercise, seconds: float, shown: TextIO) -> Iterator[None]:
    """Say meanwhile what to do about a check that takes long. Only compiled code can keep it from its end."""
    names = ", ".join(exercise.names)
    said = (
        (LONG, f"still checking {names}; that ends after {seconds:.0f} seconds at the latest, ■ (interrupt) ends it"),
        (
            seconds + STUCK,
            f"{names} does not end. Press ■ (interrupt); where that does not help, restart the kernel (⟳) and run the "
            "cells from the top: your text stays, the kernel's names do not",
        ),
    )
    timers = [threading.Timer(after, print, (f"autograder: {text}",), {"file": shown}) for after, text in said]
    for timer in timers:
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        for timer in timers:
            timer.cancel()


def check_live(name: str, namespace: dict[str, Any] | None = None) -> ResultReport:
    """Climb the ladder of exercise ``name`` on live names. Raises CourseError for an unknown exercise."""
    exercise = find_exercise(name)
    names = notebook_names() if namespace is None else namespace
    absent = [wanted for wanted in exercise.names if wanted not in names]
    if absent:
        got = f"{' and '.join(absent)} not defined; run the cell above first"
        return ResultReport(Result(exercise, "missing", 0.0, problem=Problem("missing", "your function or class", got)))
    ladder, shown = ladder_of(find_lesson(exercise.lesson), exercise), sys.stdout
    with _quiet() as printing, _random_states_kept(), LiveStudent(names) as student:
        seed, seconds = secrets.randbits(48), CLOCK * exercise.seconds
        with _patience(exercise, seconds, shown):
            rungs = climb(ladder, student, seed, seconds)
        printed, ends = printing.text, time.monotonic() + NAMING_SECONDS
        result = name_mistake(
            judge(exercise, rungs),
            _sources(exercise, names),
            seed,
            lambda code: _open_code(code, names, ends),
            lambda mistake: _open_code(mistake.code, names, ends),
        )
    if result.outcome == "not_attempted":
        result = Result(exercise, "not_attempted", 0.0, (), result.problem)
    return ResultReport(result, printed)


def _sources(exercise: Exercise, names: dict[str, Any]) -> list[str]:
    """Return the source of what the exercise's names stand for, where Python still knows it, as one cell."""
    found = []
    for name in exercise.names:
        with contextlib.suppress(OSError, TypeError):
            found.append(textwrap.dedent(inspect.getsource(names[name])))
    return ["\n\n".join(found)]


@contextlib.contextmanager
def _open_code(code: str, names: dict[str, Any], ends: float) -> Iterator[LiveStudent]:
    """Run code that defines an exercise's names beside what the notebook has, in a module of its own.

    ``ends`` (monotonic seconds) is when the time for it is up.
    """
    module = types.ModuleType("mistake")
    module.__dict__.update({name: value for name, value in names.items() if not name.startswith("__")})
    # Data classes look their module up.
    sys.modules[module.__name__] = module
    # As when it is graded, a statement that fails stops no other: of what the lesson imports, the notebook may not have
    # run everything yet.
    try:
        CellRunner(module.__dict__).run("mistake", code)
        with LiveStudent(module.__dict__, ends) as student:
            yield student
    finally:
        # It is the reference with one change, and nothing that a notebook should come upon.
        sys.modules.pop(module.__name__, None)
