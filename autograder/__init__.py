"""Grades the course's notebooks. In a notebook: ``autograder.check("name")`` and ``autograder.earlier("lesson")``;
``autograder.hint("name")`` where you are stuck, ``autograder.solution("name")`` once you have passed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

# In a students' repository some rooms lie in an archive: autograder/course/sealed.py says which and why.
_SEALED = Path(__file__).with_name("sealed.bin")
if _SEALED.is_file():
    __path__.append(str(_SEALED / "autograder"))

__all__ = ["check", "earlier", "hint", "solution"]


def check(name: str, namespace: dict[str, Any] | None = None) -> Any:
    """Check the exercise ``name`` on the notebook's live names and return a report that the notebook shows.

    Feedback, never the grade. ``namespace`` defaults to the notebook's own names.
    """
    from .notebook_api.check import check_live

    report = check_live(name, namespace)
    # nbgrader itself, and its Validate button, take a check cell without an error for full marks.
    if os.environ.get("NBGRADER_EXECUTION") and not report.passed:
        raise AssertionError(f"\n{report!r}")
    return report


def earlier(lesson: str) -> Any:
    """Return the student's work of an earlier lesson if its checks pass, else the reference, and say which."""
    from .notebook_api.earlier import find_earlier

    return find_earlier(lesson)


def hint(name: str, level: int | None = None) -> Any:
    """Return a hint on the exercise ``name`` (or number): 1 a question, 2 a direction, 3 the shape of the code.

    Without ``level`` each call gives the next one. Nothing counts how many you took.
    """
    from .notebook_api.hint import find_hint

    return find_hint(name, level)


def solution(name: str, namespace: dict[str, Any] | None = None) -> Any:
    """Return the reference of the exercise ``name``, with a few words about it, once your own code passes in full.

    Until then it says what is missing. ``namespace`` defaults to the notebook's own names.
    """
    from .notebook_api.solution import find_solution

    return find_solution(name, namespace)
