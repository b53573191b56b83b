"""Grade jobs in processes of this machine, one a core, each with a worker whose frameworks stay imported."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from ...course.manifest import CourseError
from ...isolation.process import ServerEnded
from ..results.submission_result import GradedSubmission
from .job import Job, grade_submission, release_worker

# The engine ends every exercise in its own time; this only keeps a fault of the engine from holding up a class.
JOB_SECONDS = 3600.0
STOP_SECONDS = 5.0
# A process that died may have been the victim of others' hunger for memory.
TRIES = 2


class Failed(Exception):
    """A job that came to no verdict, through no fault of the student's; the message says what happened."""


Outcome = GradedSubmission | CourseError | Failed


def attempt(job: Job) -> Outcome:
    """Return a job's result, or what kept it from one."""
    try:
        return grade_submission(job)
    except ServerEnded as error:
        return Failed(str(error))
    except CourseError as error:
        return error
    except Exception:
        return Failed(f"the grader failed:\n{traceback.format_exc()}")


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, whatever ended that."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: the one that hands out the jobs decides what it means.

    A Ctrl-C that comes meanwhile waits. It must not be ignored: the run would go on as if nobody had pressed it.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        while (job := connection.recv()) is not None:
            connection.send(attempt(job))
    except (EOFError, OSError):
        pass
    finally:
        release_worker()


@dataclass
class _Process:
    process: multiprocessing.process.BaseProcess
    connection: Connection
    job: Job | None = None
    tries: int = 0
    deadline: float = 0.0

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()


class LocalPool:
    """Processes that grade; a context manager. A job that ends its process costs that process and no other job."""

    def __init__(self, processes: int) -> None:
        # Started afresh, not forked: this process may have threads and open databases.
        self._context = multiprocessing.get_context("spawn")
        self._wanted = processes
        self._processes: list[_Process] = []

    def __enter__(self) -> LocalPool:
        return self

    def __exit__(self, *exc: object) -> None:
        if exc[0] is None:
            self._dismiss()
        for process in self._processes:
            process.end()
        self._processes = []

    def _dismiss(self) -> None:
        """Let idle processes end in order."""
        for process in self._processes:
            if process.job is None:
                process.connection.send(None)
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._processes:
            process.process.join(max(0.0, deadline - time.monotonic()))

    def _start(self) -> _Process:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
        with _no_interrupts():
            process.start()
        theirs.close()
        started = _Process(process, ours)
        self._processes.append(started)
        return started

    def _idle(self) -> _Process | None:
        for process in self._processes:
            if process.job is None:
                return process
        return self._start() if len(self._processes) < self._wanted else None

    def _drop(self, process: _Process) -> None:
        process.end()
        self._processes.remove(process)

    def _give(self, process: _Process, job: Job, tries: int) -> None:
        process.job, process.tries = job, tries
        process.deadline = time.monotonic() + JOB_SECONDS
        # Where it died while it was idle, whoever looks at it next sees that.
        with suppress(OSError):
            process.connection.send(job)

    def _outcome(self, process: _Process) -> Outcome | None:
        """Return what a process that is ready, dead or late has to say; None where its job may be tried again."""
        if process.connection.poll():
            try:
                outcome = process.connection.recv()
                process.job = None
                return outcome
            except (EOFError, OSError):
                pass
        late = process.deadline <= time.monotonic()
        self._drop(process)
        if late:
            return Failed(f"it took more than {JOB_SECONDS / 60:.0f} minutes")
        if process.tries < TRIES:
            return None
        return Failed(f"the process that graded it ended with status {process.process.exitcode}")

    def _ready(self) -> list[_Process]:
        busy = [process for process in self._processes if process.job is not None]
        first = min(process.deadline for process in busy)
        handles: dict[Any, _Process] = {}
        for process in busy:
            handles |= {process.connection: process, process.process.sentinel: process}
        found = [handles[handle] for handle in wait(list(handles), max(0.0, first - time.monotonic()))]
        late = [process for process in busy if process.deadline <= time.monotonic()]
        return list({id(process): process for process in found + late}.values())

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        """Yield each job with its outcome as it comes; jobs are taken from ``jobs`` only when a process is free."""
        waiting = iter(jobs)
        again: list[tuple[Job, int]] = []
        more = True
        while True:
            while (more or again) and (idle := self._idle()) is not None:
                if again:
                    self._give(idle, *again.pop())
                elif (fresh := next(waiting, None)) is not None:
                    self._give(idle, fresh, 1)
                else:
                    more = False
            if not any(process.job for process in self._processes):
                return
            for process in self._ready():
                job = process.job
                outcome = self._outcome(process)
                if job is None:
                    continue
                if outcome is None:
                    again.append((job, process.tries + 1))
                else:
                    yield job, outcome
