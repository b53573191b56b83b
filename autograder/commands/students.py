"""``students``: who is in the class."""

from __future__ import annotations

import argparse
from pathlib import Path


def _import(arguments: argparse.Namespace) -> int:
    from ..classroom.exports.students import ImportRequest, import_students

    request = ImportRequest(
        file=arguments.file,
        course=arguments.course,
        column=arguments.column,
        anyway=arguments.anyway,
        dry_run=arguments.dry_run,
    )
    return import_students(request)


def add(commands: argparse._SubParsersAction) -> None:
    """Add ``students`` and what it does; each carries the function that runs it as ``run``."""
    students = commands.add_parser("students", help="who is in the class, by the list that another system exports")
    actions = students.add_subparsers(required=True, metavar="ACTION", dest="action")
    command = actions.add_parser(
        "import", help="enter the students of a CSV file into nbgrader's gradebook; run again, it updates them"
    )
    command.add_argument(
        "file", type=Path, metavar="FILE.csv", help="Canvas's gradebook, Moodle's participants or grades, or any other"
    )
    command.add_argument("--course", type=Path, metavar="DIR", help="with nbgrader_config.py (default: this folder)")
    command.add_argument("--column", metavar="NAME", help="of the file: holds the names of nbgrader's folders")
    command.add_argument("--dry-run", action="store_true", help="say what would be entered, and enter nothing")
    command.add_argument("--anyway", action="store_true", help="also where none of them is known in the course yet")
    command.set_defaults(run=_import)
