"""The process that notebooks are forked from: it has imported the frameworks and never runs a student's code.

When a child has ended, for whatever reason, everything it left behind is ended and removed before anybody is told.
"""

from __future__ import annotations

import contextlib
import gc
import math
import os
import shutil
import signal
import socket
import struct
import time

from . import child
from .control import BY_ITSELF, EVENT, KILLED, MEMORY, MESSAGE, PROCESSES, PROCESSOR, Start
from .running import Probe
from .separation import Separation
from .watching import Watch, end_descendants, guard_server, unguard_child

POLL_SECONDS = 0.01
MEASURE_SECONDS = 0.1
CLEAN_SECONDS = 3.0
STATUS = struct.Struct("i")
SETTLED = b"+"


class Notebook:
    """One forked child, and what it may use. ``status_fd``: where a separated one's wait status comes from."""

    def __init__(self, pid: int, limits: Start, status_fd: int | None) -> None:
        self.pid, self.limits, self._status_fd = pid, limits, status_fd
        self._watch = Watch(limits["memory"])
        self.reason = BY_ITSELF
        self.seconds_at_most = math.inf
        self._measured = 0.0

    def status(self) -> int | None:
        """Return the wait status of a separated notebook that has ended; SIGKILL where nobody could tell it."""
        if self._status_fd is None:
            return None
        told = os.read(self._status_fd, STATUS.size)
        os.close(self._status_fd)
        return STATUS.unpack(told)[0] if len(told) == STATUS.size else signal.SIGKILL

    def grant(self, seconds: float) -> None:
        """Allow so many further seconds of processor time."""
        self.seconds_at_most = self._watch.usage().seconds + seconds

    def end(self, reason: bytes) -> None:
        """Kill the child; the first reason stands."""
        if self.reason == BY_ITSELF:
            self.reason = reason
        for send in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError):
                send(self.pid, signal.SIGKILL)

    def measure(self) -> None:
        """End the child where it and what it started use more than they may."""
        if time.monotonic() - self._measured < MEASURE_SECONDS:
            return
        self._measured = time.monotonic()
        found = self._watch.usage()
        for reason, used, most in (
            (MEMORY, found.memory, self.limits["memory"]),
            (PROCESSES, found.processes, self.limits["processes"]),
            (PROCESSOR, found.seconds, self.seconds_at_most),
        ):
            if used > most:
                self.end(reason)
                return


def _run_child(descriptors: list[int], probes: dict[str, Probe], separation: Separation | None) -> None:
    """Be the notebook's process; never returns."""
    unguard_child()
    os.setsid()
    request_fd, reply_fd, output_fd = descriptors
    # Opened anew: flags and locks of an open file are shared by all that inherit it.
    os.close(0)
    os.open(os.devnull, os.O_RDONLY)
    os.dup2(output_fd, 1)
    os.dup2(output_fd, 2)
    os.close(output_fd)
    if separation:
        separation.load()
    child.run(request_fd, reply_fd, probes)


def _wait_for(pid: int, status_fd: int) -> None:
    """Be the first process of a notebook's namespaces: hand on how ``pid`` ended. Whatever is left ends with this."""
    # Signals from inside its namespaces reach it only where it handles them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ended, status = 0, 0
    while ended != pid:
        ended, status = os.wait()
    os.write(status_fd, STATUS.pack(status))
    os._exit(0)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _fork_child(descriptors: list[int], control: socket.socket, probes: dict[str, Probe]) -> int:
    """Return the child's pid."""
    pid = os.fork()
    if pid:
        _close(*descriptors)
        return pid
    control.close()
    _run_child(descriptors, probes, None)
    raise AssertionError("child.run never returns")


def _fork_separated(
    descriptors: list[int], control: socket.socket, probes: dict[str, Probe], separation: Separation
) -> tuple[int, int]:
    """Return the pid of the first process of a notebook's namespaces, and where its wait status will come from."""
    status, theirs = os.pipe()
    separation.prepare()
    pid = os.fork()
    if pid:
        _close(*descriptors, theirs)
        if os.read(status, len(SETTLED)) != SETTLED:
            os._exit(1)
        return pid, status
    control.close()
    separation.settle(_folders())
    os.write(theirs, SETTLED)
    notebook = os.fork()
    if notebook:
        _close(*descriptors, status)
        _wait_for(notebook, theirs)
    _close(status, theirs)
    _run_child(descriptors, probes, separation)
    raise AssertionError("child.run never returns")


def _folders() -> set[str]:
    """Return the folders that a notebook may write to."""
    return {os.environ["TMPDIR"], *filter(os.path.isdir, os.environ.get("SHARED_MEMORY", "").split())}


def _unlock(folder: str) -> None:
    """Let whoever owns what is in a folder list and remove it, whatever modes a notebook gave to it."""
    os.chmod(folder, 0o700)
    for path, names, _ in os.walk(folder):
        for name in names:
            below = os.path.join(path, name)
            if not os.path.islink(below):
                os.chmod(below, 0o700)


def renew(folder: str) -> None:
    """Put a new, empty folder in place of one that a notebook used, whatever it made of that. Raises OSError."""
    if os.path.isdir(folder) and not os.path.islink(folder):
        _unlock(folder)
        shutil.rmtree(folder)
    elif os.path.lexists(folder):
        os.unlink(folder)
    # Modes, times and attributes of the old one went with it.
    os.mkdir(folder, 0o700)


def _clean_up() -> None:
    """End and remove what a notebook left that lived in no namespaces of its own. Where that fails, end the server."""
    if not end_descendants(os.getpid(), CLEAN_SECONDS):
        os._exit(1)
    try:
        renew(os.environ["TMPDIR"])
        os.chdir(os.environ["TMPDIR"])
    except (OSError, RecursionError):
        os._exit(1)


def _report_end(notebook: Notebook, control: socket.socket) -> Notebook | None:
    """Return the notebook while its child runs; once that has ended, clean up, say so on ``control``, return None."""
    ended, status = os.waitpid(notebook.pid, os.WNOHANG)
    if not ended:
        return notebook
    separated_status = notebook.status()
    if separated_status is None:
        _clean_up()
    control.sendall(EVENT.pack(b"E", notebook.reason, status if separated_status is None else separated_status))
    return None


def serve(control_fd: int, start: Start, probes: dict[str, Probe]) -> None:
    """Fork, watch and end children as the socket ``control_fd`` asks, until it is closed."""
    separation = Separation() if start["separate"] else None
    guard_server()
    # What is imported stays for good: else each child's collector would walk and copy all of it, to find no garbage.
    gc.freeze()
    control = socket.socket(fileno=control_fd)
    notebook: Notebook | None = None
    while True:
        control.settimeout(POLL_SECONDS if notebook else None)
        try:
            message, descriptors, _, _ = socket.recv_fds(control, MESSAGE.size, 3)
        except TimeoutError:
            # Without a notebook there is no time out.
            if notebook is not None:
                notebook.measure()
                notebook = _report_end(notebook, control)
            continue
        if not message:
            if notebook:
                notebook.end(KILLED)
            return
        letter, number = MESSAGE.unpack(message)
        if letter == b"F":
            if separation:
                pid, status_fd = _fork_separated(list(descriptors), control, probes, separation)
                notebook = Notebook(pid, start, status_fd)
            else:
                notebook = Notebook(_fork_child(list(descriptors), control, probes), start, None)
        elif letter == b"B" and notebook:
            notebook.grant(number)
        elif letter == b"K" and notebook:
            notebook.end(KILLED)
