"""The student's work, as a check sees it: something to call that answers in plain data."""

from __future__ import annotations

import importlib
import math
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from ..isolation.process import Crashed, OutOfTime, Worker
from ..worker.names import Names
from ..worker.plain import decode, encode
from ..worker.running import MAX_BASES, MAX_MESSAGE, MAX_NAME, describe_error, probe_functions, run_probe
from .time_limit import Overdue, in_time

# Errors of one cell that are told.
MAX_ERRORS = 40


class StudentError(Exception):
    """The student's code raised. ``bases`` names the exception's classes; ``where`` the student's own line."""

    def __init__(self, type: str, bases: list[str], message: str, where: str | None) -> None:
        super().__init__(f"{type}: {message}" if message else type)
        self.type, self.bases, self.message, self.where = type, bases, message, where


def _say_where(error: dict[str, Any]) -> str | None:
    """Return ``cell, line and text`` of the student's line that an error passed through, or None."""
    if not error.get("line_number"):
        return None
    cell, number, line = (str(error.get(part) or "")[:MAX_NAME] for part in ("cell", "line_number", "line"))
    return f"{cell}, line {number}: {line}".rstrip(": ")


def read_error(answer: dict[str, Any]) -> StudentError | None:
    """Return the error that a process's answer tells of (see ``worker.running``), or None where it tells of none.

    The student's code may have forged the answer: whatever is odd about it reads as an error, too.
    """
    told = answer.get("error")
    if told is None:
        return None
    error = told if isinstance(told, dict) else {}
    bases = error.get("bases")
    return StudentError(
        type=str(error.get("type", "WireError"))[:MAX_NAME],
        bases=[str(base)[:MAX_NAME] for base in bases[:MAX_BASES]] if isinstance(bases, list) else [],
        message=str(error.get("message", "no answer"))[:MAX_MESSAGE],
        where=_say_where(error),
    )


def read_errors(answer: dict[str, Any]) -> list[StudentError]:
    """Return all errors that a process's answer to a cell tells of, in its order; see ``read_error``."""
    told = answer.get("errors")
    each = [{"error": error} for error in told[:MAX_ERRORS]] if isinstance(told, list) else [answer]
    return [error for error in map(read_error, each) if error is not None]


class Student(ABC):
    """Ask the student's code: ``call`` one function, or run a ``probe``. Answers are plain data.

    Every method raises StudentError where the student's code raises.
    """

    @abstractmethod
    def _ask(self, probe: str, inputs: dict[str, Any]) -> dict[str, Any]: ...

    def probe(self, path: str, /, **inputs: Any) -> Any:
        """Run ``autograder/worker/probes/<module>.py:<function>(names, **inputs)`` beside the student's code."""
        answer = self._ask(path, inputs)
        error = read_error(answer)
        if error is not None:
            raise error
        return answer.get("value")

    def call_and_args(self, name: str, /, *args: Any, **kwargs: Any) -> tuple[Any, list]:
        """Call the student's function; return its value and its arguments as they are afterwards."""
        answer = self.probe("calling.call", name=name, args=list(args), kwargs=kwargs)
        if not isinstance(answer, dict) or not isinstance(answer.get("args"), list):
            raise Crashed("something else came in place of an answer")
        return answer.get("value"), answer["args"]

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call the student's function ``name`` and return its value."""
        return self.call_and_args(name, *args, **kwargs)[0]


class RemoteStudent(Student):
    """A notebook in a worker process. ``deadline`` (monotonic seconds) is when its time is up.

    Every method raises OutOfTime or Crashed where the process does not answer.
    """

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.deadline = float("inf")

    def _ask(self, probe: str, inputs: dict[str, Any]) -> dict[str, Any]:
        seconds = min(self.deadline - time.monotonic(), 24 * 3600)
        return self.worker.ask({"probe": probe, "inputs": inputs}, seconds)


def _out_of_time(end: BaseException | None) -> OutOfTime:
    """Return what to say of code that was ended: the student's own line where it was, as far as that is known."""
    while end is not None:
        where = _say_where({**describe_error(end)})
        if where is not None:
            return OutOfTime(f"the time was up at {where}")
        end = end.__context__
    return OutOfTime("the time was up")


class LiveStudent(Student):
    """The names of a running notebook, asked in its own process: feedback, never the grade.

    ``deadline`` (monotonic seconds) is when its time is up; every method raises OutOfTime then, and KeyboardInterrupt
    where somebody interrupts the kernel.
    """

    def __init__(self, namespace: dict[str, Any], deadline: float = math.inf) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="autograder-")
        self._names = Names(namespace, Path(self._folder.name))
        self.deadline = deadline

    def __enter__(self) -> LiveStudent:
        return self

    def __exit__(self, *exc: object) -> None:
        self._folder.cleanup()

    def _ask(self, probe: str, inputs: dict[str, Any]) -> dict[str, Any]:
        module = probe.rpartition(".")[0]
        probes = probe_functions(module, importlib.import_module(f"autograder.worker.probes.{module}"))
        given = decode(encode(inputs))
        try:
            found = in_time(
                self.deadline - time.monotonic(), lambda: encode(run_probe(probe, given, self._names, probes))
            )
        except Overdue as end:
            raise _out_of_time(end) from None
        answer = decode(found)
        # A probe hands on whatever ended the student's code, also what ends it from here.
        error = answer.get("error")
        if isinstance(error, dict) and Overdue.__name__ in error.get("bases", ()):
            where = _say_where(error)
            raise OutOfTime(f"the time was up at {where}" if where else "the time was up")
        if isinstance(error, dict) and error.get("type") == KeyboardInterrupt.__name__:
            raise KeyboardInterrupt
        return answer
