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
    """One line of /proc/PID/stat: processor seconds include those of children that ended; ``resident`` in bytes."""

    pid: int
    parent: int
    seconds: float
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


def _read_process(folder: str) -> Process | None:
    """Return the process, or None where it has ended."""
    try:
        # The name stands in parentheses and may hold anything, parentheses too.
        text = (PROC / folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    if text[0] == "Z":
        return None
    ticks = sum(int(value) for value in text[11:15])
    return Process(int(folder), int(text[1]), ticks / TICKS, int(text[21]) * PAGE)


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


def usage(pid: int, memory_limit: int) -> Usage:
    """Return what the processes below ``pid`` use. Memory is measured closely only where it may pass the limit."""
    found = descendants(pid)
    memory = sum(process.resident for process in found)
    if memory > memory_limit:
        memory = sum(_own_share(process) for process in found)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = sum(process.seconds for process in found) + ended.ru_utime + ended.ru_stime
    return Usage(len(found), seconds, memory)


def end_descendants(pid: int, seconds: float) -> bool:
    """Kill and reap everything below ``pid``; return whether all of it has ended within ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        found = descendants(pid)
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
