"""What a lesson's prose says of its place in the course: numbers, title and minutes come from the manifest.

The author writes ``{{ResidualBlock}}`` where the reader finds ``03.1``, ``{{lesson}}`` for ``03 · The residual block``
and ``{{minutes}}`` for ``75``.
"""

from __future__ import annotations

import re

from ..course.manifest import CourseError, Lesson, find_exercise

_MARK = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def heading_of(name: str) -> str:
    """Return how the heading of an exercise begins in the source."""
    return f"## Exercise {{{{{name}}}}}"


def fill_in_numbers(lesson: Lesson, text: str) -> str:
    """Return the text of a cell with every mark replaced.

    Raises CourseError where a mark names nothing, or a number of an exercise is written by hand.
    """
    # "Exercise 3", "exercise 03.1", and a table's row that begins with a number: a new exercise would make them wrong.
    by_hand = re.search(rf"\bexercises? \d[\d.]*|^\| *{lesson.number}\.\d+", text, re.IGNORECASE | re.MULTILINE)
    if by_hand:
        raise CourseError(
            f"{by_hand[0].strip('| ')!r} is numbered by hand; write {{{{name}}}} with the exercise's name"
        )

    def value_of(mark: re.Match[str]) -> str:
        own = {"lesson": f"{lesson.number} · {lesson.title}", "minutes": str(lesson.minutes)}
        try:
            return own[mark[1]] if mark[1] in own else find_exercise(mark[1]).id
        except CourseError:
            raise CourseError(
                f"{mark[0]} is no exercise of course.yaml, nor {{{{lesson}}}} or {{{{minutes}}}}"
            ) from None

    return _MARK.sub(value_of, text)
