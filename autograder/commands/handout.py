"""``handout``: the students' repository."""

from __future__ import annotations

import argparse
from pathlib import Path


def _handout(arguments: argparse.Namespace) -> int:
    from ..authoring.handout.files import Preset, handout_files
    from ..authoring.handout.one_click import check_repository
    from ..authoring.handout.repository import commit, origin, worked_on
    from ..authoring.handout.write import hand_out, settings_before
    from ..classroom.folders.settings import load_settings
    from ..course.manifest import ROOT, load_course

    target, version = arguments.folder.expanduser().resolve(), load_course().version
    before, own = settings_before(target), load_settings(ROOT).config
    released = str(own.CourseDirectory.course_id), str(own.Exchange.root)
    course_id = arguments.course_id or before.get("course_id") or released[0]
    exchange = arguments.exchange or before.get("exchange") or released[1]
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
    if (course_id, exchange) != released:
        print(f"the course itself releases to {released[0]} in {released[1]}, as its nbgrader_config.py says")
    if repository:
        print(f"its README links to Codespaces, Colab and Binder at {repository}, where it has to lie as branch main")
    if arguments.git:
        work = worked_on(target, files)
        removed = [change.place for change in changes if change.what == "removed"]
        print(commit(target, [*(place for place in files if place not in work), *removed], version))
        if work:
            print(f"left out of the commit, since somebody worked on it here: {', '.join(work)}")
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
    exchange = "of nbgrader (default: the one handed out with before, else the course's own)"
    command.add_argument("--exchange", metavar="DIR", help=exchange)
    course_id = "nbgrader's name of the course (default: as for the exchange)"
    command.add_argument("--course-id", metavar="NAME", help=course_id)
    command.set_defaults(run=_handout)
