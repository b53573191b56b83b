"""``autograder COMMAND`` or ``python -m autograder COMMAND``: what students, authors and teachers do."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from .course.manifest import CourseError

# Modules of ``commands/``, in the order that the help lists them. A students' repository holds the first three alone.
GROUPS = (
    "check",
    "student",
    "start",
    "authoring",
    "classroom",
    "exports",
    "students",
    "extension",
    "feedback",
    "handout",
    "site",
)


def called() -> str:
    """Return how this program was started, as usage and help name it."""
    return "autograder" if Path(sys.argv[0]).stem == "autograder" else "python -m autograder"


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Return the parsed command line; each command carries the function that runs it as ``run``."""
    parser = argparse.ArgumentParser(prog=called(), description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in (f"{__package__}.commands.{group}" for group in GROUPS):
        if find_spec(name) is not None:
            import_module(name).add(commands)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run one command and return the exit status: 0 fine, 1 found something, 2 a bad request, 130 interrupted."""
    arguments = parse(argv)
    # jsonschema, which every program that reads notebooks imports, builds a grammar of web addresses from this package
    # each time it starts: seconds, and nothing here needs it. Without it, jsonschema leaves such addresses unchecked.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None is how Python marks it as missing
    try:
        return arguments.run(arguments)
    except CourseError as error:
        print(f"autograder: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("autograder: interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output, such as head, has seen enough; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.filename is None:
            raise
        print(f"autograder: {error.filename}: {error.strerror}; nothing more was done", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
