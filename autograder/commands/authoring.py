"""Commands of an author: from a source to notebooks, and what they show."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..course.manifest import find_lesson, find_notebook, load_course


def _build(arguments: argparse.Namespace) -> int:
    from ..authoring.build import build

    chosen = tuple(find_notebook(text) for text in arguments.lesson) or load_course().notebooks
    found = build(chosen, check=arguments.check, force=arguments.force)
    if not arguments.check:
        written = sum("written" in finding.note for finding in found)
        print(f"{len(chosen)} lesson{'s' * (len(chosen) != 1)} built, {written} file{'s' * (written != 1)} written")
        return 0
    if found:
        print("Out of step with the sources; run python -m autograder build, which says more", file=sys.stderr)
        return 1
    print(f"{len(chosen)} lesson{'s are' if len(chosen) != 1 else ' is'} in step with the sources")
    return 0


def _new(arguments: argparse.Namespace) -> int:
    from ..authoring.new import make_new

    make_new(arguments.kind, arguments.lesson, arguments.name, arguments.probe)
    return 0


def _unfilled(arguments: argparse.Namespace) -> int:
    from ..authoring.unfilled import unfilled

    found = [line for text in arguments.lesson for line in unfilled(find_lesson(text))]
    print("\n".join(found) or "nothing is left to fill in")
    return 1 if found else 0


def _demo(arguments: argparse.Namespace) -> int:
    from ..authoring.demo import OUT, run_demo

    shown = tuple(lesson for lesson in load_course().notebooks if lesson.demo)
    chosen = tuple(find_notebook(text) for text in arguments.lesson) or shown
    run_demo(arguments.data, arguments.scale, arguments.comparisons, arguments.out or OUT, chosen, arguments.force)
    return 0


def _lessons(arguments: argparse.Namespace) -> int:
    from ..authoring.readme_table import readme_table

    print(readme_table())
    return 0


def _add_new(commands: argparse._SubParsersAction) -> None:
    new = commands.add_parser("new", help="write the skeleton of a lesson or an exercise, and say what to fill in")
    kinds = new.add_subparsers(required=True, metavar="KIND", dest="kind")
    command = kinds.add_parser("lesson", help="a lesson behind the last one, with one exercise")
    command.add_argument("lesson", metavar="NN_name", help="its number and name, such as 10_mirror_faces")
    command.add_argument("name", nargs="?", help="of its exercise (default: the lesson's name)")
    command.add_argument("--probe", action="store_true", help="also a probe, which looks beside the student's code")
    command.set_defaults(run=_new)
    command = kinds.add_parser("exercise", help="an exercise at the end of a lesson")
    command.add_argument("lesson", metavar="NN", help="the lesson's number or name")
    command.add_argument("name", help="the function that the student writes")
    command.add_argument("--probe", action="store_true", help="also a probe, which looks beside the student's code")
    command.set_defaults(run=_new)


def add(commands: argparse._SubParsersAction) -> None:
    """Add the commands of an author; each carries the function that runs it as ``run``."""
    command = commands.add_parser("build", help="regenerate every notebook from its source")
    command.add_argument("lesson", nargs="*", help="numbers or names; all of them without any")
    command.add_argument("--check", action="store_true", help="change nothing; fail where a notebook is out of step")
    command.add_argument("--force", action="store_true", help="overwrite notebooks edited by hand; a copy is kept")
    command.set_defaults(run=_build)
    _add_new(commands)
    command = commands.add_parser("unfilled", help="list what of a lesson's skeleton is still to be filled in")
    command.add_argument("lesson", nargs="+", help="numbers or names")
    command.set_defaults(run=_unfilled)
    command = commands.add_parser("demo", help="run the reference lessons and gather what they show")
    command.add_argument("--data", type=Path, metavar="DIR", help="in Kaggle's format (default: embedded faces)")
    scales = ("trial", "quick", "full")
    command.add_argument("--scale", choices=scales, default="quick", help="full is the sources' recipe")
    comparisons = "of trainings: brief (default) from one seed and a quarter of the images, whole as the lessons say"
    command.add_argument("--comparisons", choices=("brief", "whole"), default="brief", help=comparisons)
    command.add_argument("--out", type=Path, metavar="DIR", help="where everything goes (default: build/demo)")
    command.add_argument("--lesson", action="append", default=[], metavar="NN", help="only this lesson; repeatable")
    command.add_argument("--force", action="store_true", help="run lessons again that were run before")
    command.set_defaults(run=_demo)
    command = commands.add_parser("lessons", help="print the table of lessons that the README shows")
    command.set_defaults(run=_lessons)
