"""What a notebook's processes use, read from /proc, and the end of those that it leaves behind (Linux)."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
PAGE = resource.getpagesize()
TICKS = os.sysconf("SC_CLK_TCK")
# From <sys/prctl.h>.
_PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 4, 36


@dataclass(frozen=True)
class Process:
    """One line of /proc/PID/stat; ``over``: it has ended, and nobody has waited for it.

    ``own`` processor seconds, and those of the children that it ``waited_for``; ``resident`` in bytes.
    """

    pid: int
    parent: int
    started: int
    over: bool
    own: float
    waited_for: float
    resident: int


@dataclass(frozen=True)
class Usage:
    """What a tree of processes uses together: how many they are, processor seconds, bytes of memory."""

    processes: int
    seconds: float
    memory: int


def _prctl(option: int, value: int) -> None:
    library = ctypes.CDLL(None)
    if hasattr(library, "prctl"):
        library.prctl(option, value, 0, 0, 0)


def guard_server() -> None:
    """Let no notebook read or write this process's memory, and make its orphans this process's own children."""
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def unguard_child() -> None:
    """Make a forked process an ordinary one again, whose memory the server may measure."""
    _prctl(_PR_SET_DUMPABLE, 1)


def _fields(path: Path) -> list[str]:
    """Return the fields of a ``stat`` file behind the name. Raises OSError where it is gone."""
    # The name stands in parentheses and may hold anything, parentheses too.
    return path.read_text(errors="replace").rpartition(")")[2].split()


def _read_process(folder: str) -> Process | None:
    """Return the process, or None where it is gone.

    One that has ended and that nobody has waited for still tells its time. One whose first thread has ended looks the
    same, but goes on, with all of its memory, while it has another thread.
    """
    try:
        fields = _fields(PROC / folder / "stat")
        threads = os.listdir(PROC / folder / "task") if fields[0] == "Z" else []
        others = [thread for thread in threads if thread != folder]
        pages = _fields(PROC / folder / "task" / others[0] / "stat")[21] if others else fields[21]
    except OSError:
        return None
    own, waited_for = sum(map(int, fields[11:13])) / TICKS, sum(map(int, fields[13:15])) / TICKS
    over = fields[0] == "Z" and not others
    return Process(int(folder), int(fields[1]), int(fields[19]), over, own, waited_for, int(pages) * PAGE)


def own_pid() -> int:
    """Return the number of this process in /proc, which may be that of a namespace outside of its own."""
    try:
        return int(os.readlink(PROC / "self"))
    except OSError:
        return os.getpid()


def descendants(pid: int) -> list[Process]:
    """Return the processes below ``pid``; none where the system has no /proc."""
    try:
        folders = [name for name in os.listdir(PROC) if name.isdecimal()]
    except OSError:
        return []
    found = [process for process in map(_read_process, folders) if process is not None]
    below, parents = [], {pid}
    while parents:
        children = [process for process in found if process.parent in parents]
        below += children
        parents = {process.pid for process in children}
    return below


def _own_share(process: Process) -> int:
    """Return the bytes that a process holds, pages that several share divided among them."""
    try:
        lines = (PROC / str(process.pid) / "smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return process.resident


def _ended_seconds() -> float:
    """Return the processor seconds of children that this process has waited for."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


class Watch:
    """Adds up what all processes below this one use, until there are none. ``memory_limit`` in bytes."""

    def __init__(self, memory_limit: int) -> None:
        self._limit = memory_limit
        # Those of earlier notebooks, waited for before this one began.
        self._before = _ended_seconds()
        self._seen: dict[tuple[int, int], float] = {}

    def usage(self) -> Usage:
        """Return what they use. Memory is measured closely only where it may pass the limit."""
        found = descendants(own_pid())
        memory = sum(process.resident for process in found)
        if memory > self._limit:
            memory = sum(_own_share(process) for process in found)
        told = sum(process.own + process.waited_for for process in found) + _ended_seconds() - self._before
        # The time of children that nobody waits for is told to nobody once they are gone: it is what was seen of it.
        self._seen |= {(process.pid, process.started): process.own for process in found}
        return Usage(len(found), max(told, sum(self._seen.values())), memory)


def end_descendants(pid: int, seconds: float) -> bool:
    """Kill and reap everything below ``pid``; return whether all of it has ended within ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        found = [process for process in descendants(pid) if not process.over]
        for process in found:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        reap_orphans()
        if not found:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)


def reap_orphans() -> None:
    """Collect children that have ended, so that they do not count as processes."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return
