"""``handout``: the students' repository."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

# The exchange: where nbgrader itself puts one that nobody named.
_COURSE_ID = "facial-keypoints"
_EXCHANGE = "/usr/local/share/nbgrader/exchange"


def _handout(arguments: argparse.Namespace) -> int:
    from ..authoring.handout.files import Preset, handout_files
    from ..authoring.handout.one_click import check_repository
    from ..authoring.handout.repository import commit, origin
    from ..authoring.handout.write import hand_out, settings_before
    from ..course.manifest import load_course

    target, version = arguments.folder.expanduser().resolve(), load_course().version
    before = settings_before(target)
    course_id = arguments.course_id or before.get("course_id", _COURSE_ID)
    exchange = arguments.exchange or before.get("exchange") or os.environ.get("COURSE_EXCHANGE", _EXCHANGE)
    repository = arguments.repository or origin(target) or before.get("repository")
    preset = Preset(course_id, exchange, repository and check_repository(repository))
    files = handout_files(preset)
    changes = hand_out(target, files, version, preset.settings())
    for change in changes:
        if change.note:
            print(f"{change.what}: {change.place} ({change.note})")
    count = {what: sum(change.what == what for change in changes) for what in ("written", "updated", "removed")}
    said = ", ".join(f"{number} {what}" for what, number in count.items() if number)
    print(f"{target}: version {version}, {len(files)} files{f'; {said}' if said else '; nothing changed'}")
    print(f"its nbgrader is set to the course {course_id} and the exchange {exchange}")
    if repository:
        print(f"its README links to Codespaces, Colab and Binder at {repository}, where it has to lie as branch main")
    if arguments.git:
        print(commit(target, [*files, *(change.place for change in changes if change.what == "removed")], version))
    return 0


def add(commands: argparse._SubParsersAction) -> None:
    """Add ``handout``; it carries the function that runs it as ``run``."""
    command = commands.add_parser(
        "handout", help="write the students' repository, without solutions; run again, it brings one up to date"
    )
    command.add_argument("folder", type=Path, metavar="DIR", help="new, empty, or handed out before")
    command.add_argument("--git", action="store_true", help="make it a git repository and commit what is handed out")
    command.add_argument(
        "--repository", metavar="OWNER/NAME", help="where it will lie on GitHub, for its links (default: git's origin)"
    )
    exchange = f"of nbgrader (default: the one handed out with before, else COURSE_EXCHANGE, else {_EXCHANGE})"
    command.add_argument("--exchange", metavar="DIR", help=exchange)
    course_id = f"default: the one handed out with before, else {_COURSE_ID}"
    command.add_argument("--course-id", metavar="NAME", help=course_id)
    command.set_defaults(run=_handout)
