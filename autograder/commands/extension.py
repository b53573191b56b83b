"""``extension``: more time for one student."""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path

from ..course.manifest import CourseError


def _extension(arguments: argparse.Namespace) -> int:
    from ..classroom.gradebook.extensions import ExtensionRequest, extend

    try:
        days = None if arguments.days is None else timedelta(days=arguments.days)
        time = days if arguments.hours is None else timedelta(hours=arguments.hours)
    except (OverflowError, ValueError):
        raise CourseError("--days and --hours take a number, such as 2 or 1.5") from None
    return extend(ExtensionRequest(arguments.student, arguments.lesson, time, arguments.course))


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command; it carries the function that runs it as ``run``."""
    command = commands.add_parser(
        "extension", help="give one student more time, in nbgrader's gradebook; alone it shows who has how much"
    )
    command.add_argument("student", nargs="?", metavar="STUDENT", help="the folder's name")
    command.add_argument("lesson", nargs="?", metavar="LESSON", help="its number or name")
    time = command.add_mutually_exclusive_group()
    time.add_argument("--days", type=float, metavar="N", help="after the due date, in place of what there was; 0: none")
    time.add_argument("--hours", type=float, metavar="N", help="the same in hours")
    command.add_argument("--course", type=Path, metavar="DIR", help="with nbgrader_config.py (default: this folder)")
    command.set_defaults(run=_extension)
