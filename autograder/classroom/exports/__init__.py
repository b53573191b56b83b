"""Marks and grading for other systems: Canvas, Moodle, Gradescope, GitHub Classroom."""

import sys
from types import ModuleType
from typing import cast

# As in the package's own commands, for modules here that are run by themselves: without it jsonschema, which nbgrader
# imports, builds a grammar of web addresses for seconds each time. None marks a module that is not to be imported.
sys.modules.setdefault("rfc3987_syntax", cast(ModuleType, None))
