"""Whom somebody may have meant by a student's name that nobody has."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ...report.safe_text import safe_text


def did_you_mean(student: str, known: Iterable[str]) -> str:
    """Return what to add to an error: who of those that are known is called much alike; nothing where nobody is."""
    folded = {name.casefold(): name for name in sorted(known)}
    alike = [folded[name] for name in difflib.get_close_matches(student.casefold(), folded, n=3)]
    return f"; did you mean {', '.join(safe_text(name, 80, one_line=True) for name in alike)}?" if alike else ""
