"""End a loop that takes every exception for its own: ``while True: try: … except: pass``.

An exception that is raised in its ``try`` ends in its ``except``. What is raised here instead is made by the very
thread that it interrupts, and lets that thread raise once more where no ``except`` of the same function is left around
it: in that ``except`` itself, or behind it.
"""

from __future__ import annotations

import ctypes
import dis
import sys
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

# What an ``except``, ``finally`` or ``with`` that may take an exception for its own begins with; what only tidies up
# behind one does not.
_CATCHES = dis.opmap["PUSH_EXC_INFO"]


def interrupt(thread: int, error: type[BaseException] | None) -> None:
    """Raise ``error`` in a thread as soon as it runs Python again; None takes back what was not raised yet."""
    raised = ctypes.py_object(error) if error is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)


def frames_below(owner: FrameType, last: FrameType | None) -> list[FrameType] | None:
    """Return the frames that ``owner`` has called, the last one first; None where ``last`` is not one of them."""
    found = []
    while last is not None and last is not owner:
        found.append(last)
        last = last.f_back
    return found if last is owner else None


def _places(code: CodeType, place: int) -> Iterator[int]:
    """Yield where a function goes on after an exception at ``place``, and after one that is raised there again."""
    taken = [(entry.start, entry.end, entry.target) for entry in dis.Bytecode(code).exception_entries]
    seen: set[int] = set()
    while place not in seen:
        seen.add(place)
        target = next((target for first, end, target in taken if first <= place < end), None)
        if target is None:
            return
        yield target
        place = target


def is_caught(code: CodeType, place: int) -> bool:
    """Return whether a function may take an exception for its own that is raised at ``place`` of its code."""
    return any(code.co_code[target] == _CATCHES for target in _places(code, place))


def insistent(error: type[BaseException], owner: FrameType) -> type[BaseException]:
    """Return a kind of ``error`` that is raised again where something that ``owner`` called took it for its own."""
    known: dict[tuple[CodeType, int], bool] = {}

    def caught(frame: FrameType) -> bool:
        key = frame.f_code, frame.f_lasti
        if key not in known:
            known[key] = is_caught(*key)
        return known[key]

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if event == "opcode" and not caught(frame):
            # With this, Python ends the tracing.
            raise error
        return trace

    def watch(last: FrameType | None) -> None:
        below = frames_below(owner, last)
        for frame in below or ():
            frame.f_trace, frame.f_trace_opcodes = trace, True
        sys.settrace((lambda *_: None) if below else None)
        # Whatever came late finds nothing to watch, and must not stay.
        sys.setprofile(watch_again if below else None)

    def watch_again(frame: FrameType, event: str, _: Any) -> None:
        # What was raised left this function: whoever called it may take it for its own as well.
        if event == "return":
            watch(frame.f_back)

    class Insistent(error):  # type: ignore[valid-type,misc]  # of whatever class is asked for
        """Made where it is raised, in the interrupted thread; at the latest when an ``except`` takes it."""

        def __init__(self) -> None:
            super().__init__()
            below = frames_below(owner, sys._getframe(1))
            if below:
                watch(below[0])

    return Insistent
