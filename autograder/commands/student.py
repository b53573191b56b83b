"""Commands of a student."""

from __future__ import annotations

import argparse
import secrets
from pathlib import Path

from ..course.manifest import find_lesson


def _watch(arguments: argparse.Namespace) -> int:
    from ..grading.work_folder import find_work
    from ..isolation.sandbox import make_sandbox
    from ..notebook_api.watch import run_watch

    chosen = tuple(find_lesson(text) for text in arguments.lesson)
    work = find_work(arguments.work, chosen)
    run_watch(work.lessons, work.folder, make_sandbox(), secrets.randbits(48), prepare=bool(chosen))
    return 0


def add(commands: argparse._SubParsersAction) -> None:
    """Add the commands of a student; each carries the function that runs it as ``run``."""
    command = commands.add_parser("watch", help="grade a lesson again whenever its notebook is saved")
    command.add_argument("--lesson", action="append", default=[], metavar="NN", help="only this lesson; repeatable")
    command.add_argument(
        "--work", type=Path, metavar="DIR", help="folder with <lesson>/<lesson>.ipynb (default: lessons/)"
    )
    command.set_defaults(run=_watch)
