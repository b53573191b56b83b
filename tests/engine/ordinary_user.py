"""Run a command as an ordinary user, where root runs the tests: somebody without a name, who may read the course."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from autograder.course.manifest import ROOT

NOBODY = "65534"


def _closed(path: Path) -> Path | None:
    """Return the topmost folder above ``path`` that others may not pass through, or None."""
    return next((folder for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001), None)


def as_ordinary_user(command: list[str], place: Path) -> list[str]:
    """Return a command that runs as nobody, in mounts of its own that show what nobody may not pass to otherwise.

    ``place`` is an empty folder. Who is no root runs the command as it is.
    """
    if os.geteuid() != 0:
        return command
    needed = dict.fromkeys(map(Path, (os.path.realpath(sys.base_prefix), sys.prefix, ROOT)))
    hidden = {path: folder for path in needed if (folder := _closed(path)) is not None}
    lines = ["set -e"]
    for number, path in enumerate(hidden):
        lines += [f"mkdir {place}/{number}", f"mount --bind {shlex.quote(str(path))} {place}/{number}"]
    lines += [
        f"mount -t tmpfs -o mode=755 tmpfs {shlex.quote(str(folder))}" for folder in dict.fromkeys(hidden.values())
    ]
    for number, path in enumerate(hidden):
        target = shlex.quote(str(path))
        lines += [f"mkdir -p {target}", f"mount --bind {place}/{number} {target}"]
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    lines += [f"cd {shlex.quote(str(ROOT))}", f"exec {shlex.join([*user, *command])}"]
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(lines)]
