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
import time
from types import ModuleType

from . import child
from .control import BY_ITSELF, EVENT, KILLED, MEMORY, MESSAGE, PROCESSES, PROCESSOR, Start
from .watching import end_descendants, guard_server, unguard_child, usage

POLL_SECONDS = 0.01
MEASURE_SECONDS = 0.1
CLEAN_SECONDS = 3.0


class Notebook:
    """One forked child, and what it may use."""

    def __init__(self, pid: int, limits: Start) -> None:
        self.pid, self.limits = pid, limits
        self.reason = BY_ITSELF
        self.seconds_at_most = math.inf
        self._measured = 0.0

    def grant(self, seconds: float) -> None:
        """Allow so many further seconds of processor time."""
        self.seconds_at_most = usage(os.getpid(), self.limits["memory"]).seconds + seconds

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
        found = usage(os.getpid(), self.limits["memory"])
        for reason, used, most in (
            (MEMORY, found.memory, self.limits["memory"]),
            (PROCESSES, found.processes, self.limits["processes"]),
            (PROCESSOR, found.seconds, self.seconds_at_most),
        ):
            if used > most:
                self.end(reason)
                return


def _fork_child(descriptors: list[int], control: socket.socket, probes: dict[str, ModuleType]) -> int:
    pid = os.fork()
    if pid:
        for descriptor in descriptors:
            os.close(descriptor)
        return pid
    unguard_child()
    os.setsid()
    control.close()
    request_fd, reply_fd, output_fd = descriptors
    os.dup2(output_fd, 1)
    os.dup2(output_fd, 2)
    os.close(output_fd)
    child.run(request_fd, reply_fd, probes)
    raise AssertionError("child.run never returns")


def _clean_up() -> None:
    """End and remove what a notebook left. Where that fails, end the sandbox: nothing may reach the next notebook."""
    if not end_descendants(os.getpid(), CLEAN_SECONDS):
        os._exit(1)
    for folder in {os.environ["TMPDIR"], *filter(os.path.isdir, os.environ.get("SHARED_MEMORY", "").split())}:
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)
        if os.listdir(folder):
            os._exit(1)


def _report_end(notebook: Notebook, control: socket.socket) -> Notebook | None:
    """Return the notebook while its child runs; once that has ended, clean up, say so on ``control``, return None."""
    ended, status = os.waitpid(notebook.pid, os.WNOHANG)
    if not ended:
        return notebook
    _clean_up()
    control.sendall(EVENT.pack(b"E", notebook.reason, status))
    return None


def serve(control_fd: int, start: Start, probes: dict[str, ModuleType]) -> None:
    """Fork, watch and end children as the socket ``control_fd`` asks, until it is closed."""
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
            notebook = Notebook(_fork_child(list(descriptors), control, probes), start)
        elif letter == b"B" and notebook:
            notebook.grant(number)
        elif letter == b"K" and notebook:
            notebook.end(KILLED)
