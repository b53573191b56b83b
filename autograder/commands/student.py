"""Commands of a student."""

from __future__ import annotations

import argparse
import secrets
from pathlib import Path

from ..course.manifest import ROOT, CourseError, find_lesson, load_course


def _watch(arguments: argparse.Namespace) -> int:
    from ..isolation.sandbox import make_sandbox
    from ..notebook_api.watch import run_watch

    chosen = tuple(find_lesson(text) for text in arguments.lesson)
    work = (arguments.work or ROOT / "lessons").resolve()
    if not work.is_dir():
        raise CourseError(f"--work {work} is no folder; expected one with <lesson>/<lesson>.ipynb in it")
    run_watch(chosen or load_course().lessons, work, make_sandbox(), secrets.randbits(48), prepare=bool(chosen))
    return 0


def add(commands: argparse._SubParsersAction) -> None:
    """Add the commands of a student; each carries the function that runs it as ``run``."""
    command = commands.add_parser("watch", help="grade a lesson again whenever its notebook is saved")
    command.add_argument("--lesson", action="append", default=[], metavar="NN", help="only this lesson; repeatable")
    command.add_argument(
        "--work", type=Path, metavar="DIR", help="folder with <lesson>/<lesson>.ipynb (default: lessons/)"
    )
    command.set_defaults(run=_watch)
