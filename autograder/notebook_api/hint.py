"""``autograder.hint``: a question, then a direction, then the shape of the code; never the code, and never counted."""

from __future__ import annotations

import html

from ..checks.hints import LEVELS, guidance_of
from ..course.manifest import CourseError, Exercise, find_exercise
from ..report.words import title_of

# The level that each exercise was last shown at, in this process and nowhere else.
_shown: dict[str, int] = {}
_KINDS = {"question": "a question", "direction": "a direction", "shape": "the shape of the code"}


class Hint:
    """One hint, shown by Jupyter and a terminal alike. ``level`` counts from 1; ``text`` is the hint itself."""

    def __init__(self, exercise: Exercise, level: int) -> None:
        self.exercise, self.level = exercise, level
        self.text = guidance_of(exercise).hints[level - 1]

    @property
    def title(self) -> str:
        """What the hint is on, and which of how many it is."""
        return f"{title_of(self.exercise)}, hint {self.level} of {len(LEVELS)}: {_KINDS[LEVELS[self.level - 1]]}"

    def __repr__(self) -> str:
        return f"{self.title}\n{self.text}"

    def _repr_html_(self) -> str:
        return f"<div><strong>{html.escape(self.title)}</strong></div><div>{html.escape(self.text)}</div>"


def find_hint(name: str, level: int | None = None) -> Hint:
    """Return a hint on the exercise that has this name or number; without a level the next one of this session.

    After the last level it stays there. Raises CourseError for an unknown exercise or level.
    """
    exercise = find_exercise(name)
    if level is None:
        level = min(_shown.get(exercise.key, 0) + 1, len(LEVELS))
    elif type(level) is not int or not 1 <= level <= len(LEVELS):
        raise CourseError(
            f"level: expected 1 (a question), 2 (a direction) or 3 (the shape of the code); got {level!r}"
        )
    found = Hint(exercise, level)
    _shown[exercise.key] = level
    return found
