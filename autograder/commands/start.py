"""``start``: put the lessons of an installed course into a folder to work in."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
from pathlib import Path

from ..course.root import INSTALLED, PACKED_LESSONS, ROOT, CourseError


def lay_out(source: Path, target: Path) -> int:
    """Copy what is not there yet; return how many files that were. Nothing that is there is touched.

    Raises CourseError where it can't be written.
    """
    copied = 0
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        copy = target / path.relative_to(source)
        if copy.exists():
            continue
        try:
            copy.parent.mkdir(parents=True, exist_ok=True)
            # Not with its mode: an installed file may be read-only.
            shutil.copyfile(path, copy)
        except OSError as error:
            raise CourseError(f"{copy} can't be written: {error.strerror}; name another folder") from None
        copied += 1
    return copied


def _start(arguments: argparse.Namespace) -> int:
    target = (arguments.folder or ROOT / "lessons").expanduser().resolve()
    source = PACKED_LESSONS if INSTALLED else ROOT / "lessons"
    copied = lay_out(source, target) if target != source else 0
    kept = "" if copied else "; all of it was there before"
    print(f"The lessons are in {target}{kept}.")
    print(f"Faces and results go to {ROOT / 'data'} and {ROOT / 'output'}.")
    quoted = subprocess.list2cmdline([str(target)]) if os.name == "nt" else shlex.quote(str(target))
    print(f"Open them: jupyter lab {quoted}")
    print("Grade one: autograder check 01" + (f" --work {quoted}" if arguments.folder else ""))
    return 0


def add(commands: argparse._SubParsersAction) -> None:
    """Add ``start``; it carries the function that runs it as ``run``."""
    command = commands.add_parser("start", help="put the lessons into a folder to work in; keeps what is there")
    command.add_argument("folder", nargs="?", type=Path, metavar="DIR", help=f"default: {ROOT / 'lessons'}")
    command.set_defaults(run=_start)
