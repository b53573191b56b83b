"""Commands of a teacher with a class: its grades, and its page."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from ..isolation.sandbox import ISOLATIONS


def _grade(arguments: argparse.Namespace) -> int:
    from ..classroom.run.batch import GradeRequest, grade_class, say

    request = GradeRequest(
        assignments=tuple(arguments.assignment),
        course=arguments.course,
        students=tuple(arguments.student),
        seed=arguments.seed,
        force=arguments.force,
        isolation=arguments.isolation,
        lower=arguments.yes,
        processes=arguments.processes,
    )
    if arguments.cluster is None:
        return grade_class(request)
    from ..classroom.run.cluster import Cluster

    return grade_class(request, Cluster(arguments.cluster, say))


def _overview(arguments: argparse.Namespace) -> int:
    from ..classroom.overview.overview import OverviewRequest, run_overview

    request = OverviewRequest(
        course=arguments.course,
        out=arguments.out,
        roster=arguments.roster,
        column=arguments.column,
        similar=not arguments.no_similar,
    )
    return run_overview(request)


def _count(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number from {least}")
        return int(text)

    return read


def add(commands: argparse._SubParsersAction) -> None:
    """Add the commands of a class; each carries the function that runs it as ``run``."""
    command = commands.add_parser("grade", help="grade what nbgrader collected, on all cores, into its gradebook")
    command.add_argument("assignment", nargs="*", help="numbers or names of lessons; all of them without any")
    command.add_argument("--course", type=Path, metavar="DIR", help="with nbgrader_config.py (default: this folder)")
    command.add_argument("--student", action="append", default=[], metavar="NAME", help="only this one; repeatable")
    command.add_argument("--force", action="store_true", help="grade anew what did not change, too")
    command.add_argument("--yes", action="store_true", help="also lower marks that students have been shown")
    command.add_argument("--seed", type=_count(0), metavar="N", help="draw the hidden inputs of an earlier run again")
    command.add_argument("--isolation", choices=ISOLATIONS, default="auto", help="required: refuse to grade without")
    where = command.add_mutually_exclusive_group()
    where.add_argument("--processes", type=_count(1), metavar="N", help="default: one for each core")
    where.add_argument("--cluster", metavar="ADDRESS", help="of a Dask scheduler whose workers do the grading")
    command.set_defaults(run=_grade)
    command = commands.add_parser("overview", help="a class on one page, and the tables behind its figures")
    command.add_argument("--course", type=Path, metavar="DIR", help="with nbgrader_config.py (default: this folder)")
    command.add_argument("--out", type=Path, metavar="DIR", help="where it goes (default: grading/overview)")
    command.add_argument("--roster", type=Path, metavar="FILE.csv", help="puts its names beside those of the folders")
    command.add_argument("--column", metavar="NAME", help="of the roster: holds the folders' names")
    command.add_argument("--no-similar", action="store_true", help="do not compare answers with each other")
    command.set_defaults(run=_overview)
