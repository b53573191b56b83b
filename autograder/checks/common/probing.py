"""Expect an error of the student's code where a probe, not a plain call, leads to it."""

from __future__ import annotations

from typing import Any

from autograder.ladder import expect
from autograder.ladder.student import Student, StudentError


def raises_value_error(student: Student, probe: str, call: str, example: str, hint: str, **inputs: Any) -> None:
    """Expect the probe to end with a ValueError (or a subclass); ``call`` is how the student would write it."""
    try:
        value = student.probe(probe, **inputs)
    except StudentError as raised:
        if expect.is_stub(raised):
            raise
        expect.true("ValueError" in raised.bases, f"{call}: ValueError", str(raised), example, hint)
        return
    returned = value.get("value") if isinstance(value, dict) else value
    got = "no error" if returned is None else f"no error; it returned {expect.show(returned)}"
    raise expect.Mismatch(f"{call}: ValueError", got, example, hint)
