"""What an exercise lacks because of another place in the notebook: a cell that can't be read, a name misspelled."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..course.manifest import Lesson
from ..ladder.verdict import Result

_UNKNOWN = re.compile(r"NameError: name '(\w+)' is not defined")
_DEFINED = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)
# How alike two names must be, from 0 to 1, for one to be taken for the other misspelled.
ALIKE = 0.8
# A notebook may define as many names as it likes; so many are compared.
MOST_NAMES = 500
MEND = "Mend the line that is named: until then Python reads nothing of that cell."


def blame_unread(result: Result, broken: Mapping[str, str], lesson: Lesson) -> Result:
    """Return a result with another hint where it failed for a name whose cell Python can't read.

    ``broken`` maps such names to the place and the error.
    """
    unknown = _UNKNOWN.search(result.problem.got) if result.problem is not None else None
    if result.problem is None or unknown is None or unknown[1] not in broken:
        return result
    name = unknown[1]
    number = next((f"{exercise.id} " for exercise in lesson.exercises if name in exercise.names), "")
    hint = f"{number}{name} can't be read ({broken[name]}); mend that first"
    return replace(result, problem=replace(result.problem, hint=hint))


def misspelled(names: Iterable[str], sources: Iterable[str], lesson: Lesson) -> str:
    """Return what to rename where definitions in ``sources`` are called almost as missing names, or nothing."""
    defined = {found for source in sources for found in _DEFINED.findall(source)} - set(lesson.names)
    folded = {found.casefold(): found for found in sorted(defined)[:MOST_NAMES]}
    said = []
    for name in names:
        like = difflib.get_close_matches(name.casefold(), folded, 1, ALIKE)
        said += [f"there is {folded[each]}; rename it to {name}" for each in like]
    return ", ".join(said)
