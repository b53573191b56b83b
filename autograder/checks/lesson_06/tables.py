"""What the checks of lesson 06 expect of tables that a student was given: refused where broken, and left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograder.ladder import expect
from autograder.ladder.student import StudentError
from autograder.worker.plain import TableValue


def expect_refused(
    ask: Callable[[], Any], say: Callable[[Any], str], broken: str, example: str, hint: str | None = None
) -> None:
    """Expect that what is ``broken`` ends in a ValueError; ``say`` what came in its place, without its digits."""
    try:
        value = ask()
    except StudentError as error:
        if expect.is_stub(error):
            raise
        expect.true("ValueError" in error.bases, f"{broken}: ValueError", error.type, example, hint)
    else:
        raise expect.Mismatch(f"{broken}: ValueError", f"no error{say(value)}", example, hint)


def expect_kept(after: TableValue, before: dict[str, list], the_table: str, a_table: str, hint: str) -> None:
    """Expect a table with the columns and values that it had before; it is said with and without its article."""
    same = after.columns == list(before) and all(list(after.data[name]) == before[name] for name in before)
    expect.true(same, f"{the_table} afterwards, as before", f"{a_table} that was changed", hint=hint)
