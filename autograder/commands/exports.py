"""``export``: grades and graders for other systems."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..isolation.sandbox import ISOLATIONS


def _export_grades(arguments: argparse.Namespace) -> int:
    from ..classroom.exports.grades import ExportRequest, export_grades

    request = ExportRequest(
        system=arguments.system,
        lessons=tuple(arguments.lesson),
        course=arguments.course,
        roster=arguments.roster,
        column=arguments.column,
        titles=tuple(arguments.title),
        out=arguments.out,
    )
    return export_grades(request)


def _export_gradescope(arguments: argparse.Namespace) -> int:
    from ..classroom.exports.gradescope import export_gradescope

    return export_gradescope(arguments.lesson, arguments.isolation, arguments.extra_index_url, arguments.out)


def _export_github(arguments: argparse.Namespace) -> int:
    from ..classroom.exports.github import export_github

    return export_github(arguments.lesson, arguments.repository, arguments.out)


def add(commands: argparse._SubParsersAction) -> None:
    """Add ``export`` and its systems; each carries the function that runs it as ``run``."""
    export = commands.add_parser("export", help="grades and graders for other systems")
    systems = export.add_subparsers(required=True, metavar="SYSTEM", dest="system")
    for system, name in (("canvas", "Canvas"), ("moodle", "Moodle")):
        command = systems.add_parser(system, help=f"grades as a CSV file that {name} imports")
        command.add_argument("lesson", nargs="*", help="numbers or names; all that were handed in without any")
        command.add_argument(
            "--course", type=Path, metavar="DIR", help="with nbgrader_config.py (default: this folder)"
        )
        command.add_argument("--roster", type=Path, metavar="FILE.csv", help="who students are (default: nbgrader's)")
        command.add_argument("--column", metavar="NAME", help="of the roster: holds the names of nbgrader's folders")
        command.add_argument(
            "--title", action="append", default=[], metavar="NN=TITLE", help="a lesson's column; repeatable"
        )
        command.add_argument("--out", type=Path, metavar="FILE", help=f"default: grading/{system}.csv")
        command.set_defaults(run=_export_grades)
    command = systems.add_parser("gradescope", help="the autograder zip of an assignment")
    command.add_argument("lesson", nargs="+", help="numbers or names of what the assignment asks for")
    command.add_argument("--isolation", choices=ISOLATIONS, default="auto", help="required: refuse to grade without")
    command.add_argument("--extra-index-url", metavar="URL", help="for pip, such as that of PyTorch's CPU builds")
    command.add_argument("--out", type=Path, metavar="FILE", help="default: build/gradescope.zip")
    command.set_defaults(run=_export_gradescope)
    command = systems.add_parser("github", help="a workflow for GitHub Classroom")
    command.add_argument("lesson", nargs="*", help="numbers or names; all of them without any")
    command.add_argument(
        "--repository", metavar="OWNER/NAME", help="where the course is (default: in what is handed in)"
    )
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="write DIR/.github/workflows/grade.yml (default: print)"
    )
    command.set_defaults(run=_export_github)
