"""A limit on what the deciding side itself may take: an answer can be such that comparing it never ends."""

from __future__ import annotations

import contextlib
import ctypes
import math
import sys
import threading
from collections.abc import Iterator

# On the clock an exercise may take longer than on the processor: the machine may have other work.
CLOCK = 2.0
# More than any check of the course needs for itself; NumPy says MemoryError where an answer asks for more.
MEMORY_BYTES = 4 * 2**30


class Overdue(BaseException):
    """The time is up. Not an Exception, so that no ``except Exception`` on the way takes it for its own."""


def _interrupt(thread: int, error: type[BaseException] | None) -> None:
    """Raise ``error`` in a thread as soon as it runs Python again; None takes back what was not raised yet."""
    raised = ctypes.py_object(error) if error is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise Overdue in this thread once the time is up; works in every thread, as a signal does not."""
    if math.isinf(seconds):
        yield
        return
    thread, lock = threading.get_ident(), threading.Lock()
    late, over = False, False

    def interrupt() -> None:
        nonlocal late
        with lock:
            if not over:
                late = True
                _interrupt(thread, Overdue)

    timer = threading.Timer(max(0.0, seconds), interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            over = True
            if late:
                # It may be raised already; where it is still on its way, it must not arrive later.
                _interrupt(thread, None)
        timer.cancel()
    if late:
        raise Overdue


def _data_bytes() -> int | None:
    """Return how much memory this process has to write to, where the system tells."""
    try:
        with open("/proc/self/status", encoding="ascii") as lines:
            return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:")), None)
    except (OSError, ValueError):
        return None


@contextlib.contextmanager
def memory_limit(size: int = MEMORY_BYTES) -> Iterator[None]:
    """Let nothing in this process take more than ``size`` further bytes meanwhile, where the system can see to it."""
    used = _data_bytes() if sys.platform.startswith("linux") else None
    if used is None:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = used + size
    if any(limit != resource.RLIM_INFINITY and limit < wanted for limit in (soft, hard)):
        yield
        return
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
