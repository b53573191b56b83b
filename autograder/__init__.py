"""Grades the course's notebooks. In a notebook: ``autograder.check("name")`` and ``autograder.earlier("lesson")``."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["check", "earlier"]


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
