"""The reference code of a lesson as names to test, as it is or with one mistake put in."""

from __future__ import annotations

import re
import sys
import types
from functools import lru_cache
from typing import Any

from autograder.authoring.source import read_source
from autograder.course.manifest import find_lesson

BOOTSTRAP = re.compile(r"\A.*?^import autograder$", re.DOTALL | re.MULTILINE)


@lru_cache
def reference_code(lesson_id: str) -> str:
    """Return the lesson's setup and its solutions, in order, as one piece of code."""
    cells = [cell for cell in read_source(find_lesson(lesson_id)) if cell.kind in ("setup", "solution")]
    # The first cell finds the course from the notebook's folder; here it is found already.
    code = BOOTSTRAP.sub("import sys\nfrom pathlib import Path\n\nimport autograder", cells[0].text)
    return "\n\n".join([code, *(cell.text for cell in cells[1:])])


def reference_names(lesson_id: str, *changes: tuple[str, str]) -> dict[str, Any]:
    """Run the lesson's reference code, each ``(old, new)`` text of ``changes`` replaced, and return its names.

    Raises ValueError where ``old`` is not in the code: then the change would test nothing.
    """
    code = reference_code(lesson_id)
    for old, new in changes:
        if old not in code:
            raise ValueError(f"{lesson_id}: the reference code does not hold {old!r}; adapt the change")
        code = code.replace(old, new)
    # Data classes look their module up.
    module = types.ModuleType(f"reference_{lesson_id}")
    sys.modules[module.__name__] = module
    exec(compile(code, f"<reference {lesson_id}>", "exec"), module.__dict__)
    return module.__dict__
