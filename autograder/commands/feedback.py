"""What goes back to students, and what they ask about it: ``feedback`` and ``regrade-request``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..isolation.sandbox import ISOLATIONS


def _feedback(arguments: argparse.Namespace) -> int:
    from ..classroom.exports.feedback import FeedbackRequest, write_feedback

    return write_feedback(FeedbackRequest(tuple(arguments.student), arguments.course, arguments.out, arguments.zip))


def _regrade_request(arguments: argparse.Namespace) -> int:
    from ..classroom.run.regrade_request import RegradeRequest, answer_request

    request = RegradeRequest(arguments.student, arguments.lesson, arguments.course, arguments.isolation, arguments.html)
    return answer_request(request)


def add(commands: argparse._SubParsersAction) -> None:
    """Add both commands; each carries the function that runs it as ``run``."""
    command = commands.add_parser(
        "feedback", help="one folder a student with the pages of all their lessons, to be mailed or uploaded"
    )
    command.add_argument("student", nargs="*", metavar="STUDENT", help="names of folders; all of them without any")
    command.add_argument("--course", type=Path, metavar="DIR", help="with nbgrader_config.py (default: this folder)")
    command.add_argument("--out", type=Path, metavar="DIR", help="where they go (default: grading/feedback)")
    command.add_argument("--zip", action="store_true", help="also STUDENT.zip beside each folder")
    command.set_defaults(run=_feedback)
    command = commands.add_parser(
        "regrade-request", help="grade a submission again with its own seed, and show what was asked and answered"
    )
    command.add_argument("student", metavar="STUDENT", help="the name of the folder in submitted/")
    command.add_argument("lesson", metavar="LESSON", help="its number or name")
    command.add_argument("--course", type=Path, metavar="DIR", help="with nbgrader_config.py (default: this folder)")
    command.add_argument("--html", type=Path, metavar="FILE.html", help="also write it as one HTML page")
    command.add_argument("--isolation", choices=ISOLATIONS, default="auto", help="required: refuse to grade without")
    command.set_defaults(run=_regrade_request)
