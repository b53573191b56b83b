"""Commands of a student."""

from __future__ import annotations

import argparse
import secrets
from pathlib import Path

from ..course.manifest import load_course


def _watch(arguments: argparse.Namespace) -> int:
    from ..grading.work_folder import asked_for
    from ..isolation.sandbox import make_sandbox
    from ..notebook_api.watch import run_watch

    work, exercises = asked_for(arguments.work, arguments.lesson, arguments.exercise)
    chosen = bool(arguments.lesson or arguments.exercise)
    run_watch(work.lessons, exercises, work.folder, make_sandbox(), secrets.randbits(48), prepare=chosen)
    return 0


def _next(arguments: argparse.Namespace) -> int:
    from ..grading.work_folder import find_work
    from ..isolation.sandbox import make_sandbox
    from ..notebook_api.progress import say_next, standings_of
    from ..report.safe_text import safe_text

    work = find_work(arguments.work).folder
    standings = standings_of(work, load_course().lessons, make_sandbox())
    print(safe_text(say_next(standings, work)))
    return 0


def _hint(arguments: argparse.Namespace) -> int:
    from ..checks.hints import LEVELS
    from ..notebook_api.hint import find_hint

    hint = find_hint(arguments.exercise, arguments.level)
    print(hint)
    if hint.level < len(LEVELS):
        print(f"more: autograder hint {hint.exercise.id} --level {hint.level + 1}")
    return 0


def _add_work(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--work", type=Path, metavar="DIR", help="folder with <lesson>/<lesson>.ipynb (default: lessons/)"
    )


def add(commands: argparse._SubParsersAction) -> None:
    """Add the commands of a student; each carries the function that runs it as ``run``."""
    command = commands.add_parser("watch", help="grade a lesson again whenever its notebook is saved")
    command.add_argument("--lesson", action="append", default=[], metavar="NN", help="only this lesson; repeatable")
    command.add_argument(
        "--exercise", action="append", default=[], metavar="NN.N", help="only this exercise; repeatable"
    )
    _add_work(command)
    command.set_defaults(run=_watch)

    command = commands.add_parser("next", help="what to do now, your points so far and the minutes left")
    _add_work(command)
    command.set_defaults(run=_next)

    command = commands.add_parser("hint", help="a hint on an exercise, in three levels; counted nowhere")
    command.add_argument("exercise", metavar="EXERCISE", help="its number or name, such as 03.1 or ResidualBlock")
    command.add_argument(
        "--level", type=int, metavar="N", help="1 a question (the default), 2 a direction, 3 the shape of the code"
    )
    command.set_defaults(run=_hint)
