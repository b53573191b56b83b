"""``site``: the course as a website."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def _site(arguments: argparse.Namespace) -> int:
    from ..authoring import demo
    from ..authoring.site.build import build_site
    from ..authoring.site.settings import OUT, Settings

    repository = arguments.repository or os.environ.get("COURSE_REPOSITORY", "")
    executed = (arguments.demo or demo.OUT).resolve()
    settings = Settings(executed, arguments.solutions, repository, arguments.branch)
    build_site((arguments.out or OUT).resolve(), settings, arguments.scale, not arguments.no_run)
    return 0


def add(commands: argparse._SubParsersAction) -> None:
    """Add ``site``; it carries the function that runs it as ``run``."""
    command = commands.add_parser("site", help="build the course's website: every lesson as it runs, to be read")
    command.add_argument("--out", type=Path, metavar="DIR", help="where the pages go (default: build/site)")
    command.add_argument("--demo", type=Path, metavar="DIR", help="lessons run before (default: build/demo)")
    command.add_argument("--no-run", action="store_true", help="run no lesson; what was not run shows no outputs")
    scales = ("trial", "quick", "full")
    command.add_argument("--scale", choices=scales, default="quick", help="for lessons that are run (default: quick)")
    command.add_argument("--solutions", action="store_true", help="hold solutions, folded away; for teachers")
    command.add_argument("--repository", metavar="OWNER/NAME", help="on GitHub, for “open in …” (COURSE_REPOSITORY)")
    command.add_argument("--branch", default="main", help="of that repository (default: main)")
    command.set_defaults(run=_site)
