"""``check``: grade lessons from a terminal, in whatever folder one is."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ..course.manifest import find_lesson
from ..course.root import PACKAGE
from ..grading.work_folder import lesson_of
from ..isolation.sandbox import ISOLATIONS


def _check(arguments: argparse.Namespace) -> int:
    import pytest

    lessons, exercises = [find_lesson(text).id for text in arguments.lesson], arguments.exercise
    here = lesson_of(Path.cwd())
    if not lessons and not exercises and arguments.work is None and here is not None:
        lessons = [here.id]
    options = [f"--lesson={lesson}" for lesson in lessons] + [f"--exercise={exercise}" for exercise in exercises]
    for name in ("work", "report", "html", "isolation", "seed"):
        value = getattr(arguments, name)
        options += [f"--{name}={value}"] if value is not None else []
    # No settings of pytest's but its own defaults: those of a project around the working folder are not meant for this.
    quiet = ["-q", "--no-header", "-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={PACKAGE.parent}"]
    sys.stdout.flush()
    status = int(pytest.main([str(PACKAGE), *quiet, *options]))
    return 2 if status == pytest.ExitCode.USAGE_ERROR else status


def add(commands: argparse._SubParsersAction) -> None:
    """Add ``check``; it carries the function that runs it as ``run``."""
    command = commands.add_parser("check", help="grade lessons once: your points, and the first thing to fix")
    command.add_argument(
        "lesson", nargs="*", help="numbers or names (default: the lesson whose folder this is, else all of them)"
    )
    command.add_argument(
        "--work", type=Path, metavar="DIR", help="folder with <lesson>/<lesson>.ipynb (default: lessons/)"
    )
    command.add_argument(
        "--exercise", action="append", default=[], metavar="NN.N", help="one exercise alone; repeatable"
    )
    command.add_argument("--report", type=Path, metavar="FILE.json", help="also write Gradescope's results")
    command.add_argument("--html", type=Path, metavar="FILE.html", help="also write the report as one HTML page")
    command.add_argument("--isolation", choices=ISOLATIONS, help="required: refuse to grade without")
    command.add_argument("--seed", metavar="N", help="draw the hidden inputs of an earlier run again")
    command.set_defaults(run=_check)
