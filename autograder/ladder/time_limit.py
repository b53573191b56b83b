"""A limit on what the deciding side itself may take: an answer can be such that comparing it never ends."""

from __future__ import annotations

import contextlib
import ctypes
import math
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TypeVar

from .insistence import frames_below, insistent, interrupt

# On the clock an exercise may take longer than on the processor: the machine may have other work.
CLOCK = 2.0
# More than any check of the course needs for itself; NumPy says MemoryError where an answer asks for more.
MEMORY_BYTES = 4 * 2**30
# Seconds from one try to end what is late to the next: the first may end in an ``except`` on its way.
AGAIN_SECONDS = 0.25

Answer = TypeVar("Answer")


class Overdue(BaseException):
    """The time is up. Not an Exception, so that no ``except Exception`` on the way takes it for its own."""


def in_time(seconds: float, work: Callable[[], Answer]) -> Answer:
    """Return what ``work`` returns; raise Overdue in it once the time is up.

    This works in every thread, as a signal does not. A loop in ``work`` that takes even Overdue for its own is
    interrupted until it ends; compiled code that never comes back to Python is not.
    """
    if math.isinf(seconds):
        return work()
    thread, lock, done = threading.get_ident(), threading.Lock(), threading.Event()
    owner: FrameType | None = sys._getframe()
    begun, late, over = False, False, False

    def watch() -> None:
        nonlocal late
        error: type[BaseException] = Overdue
        wait = max(0.0, seconds)
        while not done.wait(wait):
            if not begun:
                wait = 0.01
                continue
            with lock:
                if over or owner is None or frames_below(owner, sys._current_frames().get(thread)) is None:
                    return
                late = True
                interrupt(thread, error)
                error, wait = insistent(Overdue, owner), AGAIN_SECONDS

    forget, me = ctypes.pythonapi.PyThreadState_SetAsyncExc, ctypes.c_ulong(thread)
    traced, profiled = sys.gettrace(), sys.getprofile()
    threading.Thread(target=watch, daemon=True).start()
    try:
        begun = True
        answer = work()
    finally:
        # What is still on its way must not arrive later: it is taken back before Python looks for it again.
        over = True
        try:
            forget(me, None)
        finally:
            sys.setprofile(profiled)
            sys.settrace(traced)
            with lock:
                forget(me, None)
            done.set()
            # This frame holds what the work left, and ``watch`` this frame: neither is to wait for the next collection.
            owner = None
    if late:
        raise Overdue
    return answer


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
