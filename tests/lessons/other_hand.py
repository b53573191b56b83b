"""Answers as code in another hand than the reference's: right as they stand, or with a mistake of the catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from tests.lessons.answers import Answer
from tests.lessons.battery import changed, names_after


def _names(lesson: str, code: str, changes: tuple[str, ...]) -> dict[str, Any]:
    return names_after(lesson, changed(code, *changes))


def right_in_other_hand(lesson: str, codes: Mapping[str, str]) -> list[Answer]:
    """Return the right answers that ``codes`` hold by exercise, for RIGHT."""
    return [
        Answer(exercise, "other-hand", partial(_names, lesson, code, ()), seeds=1) for exercise, code in codes.items()
    ]


def named_in_other_hand(
    lesson: str, codes: Mapping[str, str], mistakes: Mapping[str, Iterable[tuple[str, ...]]]
) -> list[Answer]:
    """Return the answers that show mistakes, for NAMED.

    ``mistakes`` holds by exercise what the catalogue calls each, then old and new texts of the exercise's code. Where a
    mistake comes again, the second answer's id is numbered ``-2``.
    """
    answers, seen = [], Counter[str]()
    for exercise, changed_in in mistakes.items():
        for mistake, *changes in changed_in:
            misconception = f"{exercise}/{mistake}"
            seen[misconception] += 1
            id = mistake if seen[misconception] == 1 else f"{mistake}-{seen[misconception]}"
            names = partial(_names, lesson, codes[exercise], tuple(changes))
            answers.append(Answer(exercise, id, names, misconception=misconception))
    return answers
