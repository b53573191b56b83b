"""A students' repository in git: made where there is none, and a commit for what was handed out."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from ...course.manifest import CourseError
from ..generated import digest
from .write import RECORD, UPDATES


def _git(folder: Path, *arguments: str, stdin: str | None = None) -> str:
    """Run git in a folder and return what it printed. Raises CourseError where it fails or is not there."""
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, input=stdin, capture_output=True, text=True)
    except FileNotFoundError:
        raise CourseError("git is not installed; the files are handed out, without a repository") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it did not say why").splitlines()
        raise CourseError(f"the files are handed out, but git {arguments[0]} failed: {said[-1]}")
    return done.stdout


def origin(target: Path) -> str | None:
    """Return where on GitHub a students' repository lies, as ``OWNER/NAME``; None where its git knows no such place."""
    if not (target / ".git").exists():
        return None
    try:
        url = _git(target, "remote", "get-url", "origin").strip()
    except CourseError:
        return None
    found = re.search(r"github\.com[:/](?P<name>[\w.-]+/[\w.-]+?)(\.git)?/?$", url, re.ASCII)
    return found["name"] if found else None


def worked_on(target: Path, files: Mapping[str, bytes]) -> list[str]:
    """Return the places of files that are not as they were handed out: somebody's work, which is nobody else's."""
    return [
        place
        for place, content in files.items()
        if (target / place).is_file() and digest((target / place).read_bytes()) != digest(content)
    ]


def commit(target: Path, places: Iterable[str], version: str) -> str:
    """Commit the files in these places and the record of them, and nothing else; return a line that says so.

    Raises CourseError where git is missing, knows no name to commit by, or fails.
    """
    if not (target / ".git").exists():
        _git(target, "init", "--quiet", "--initial-branch=main")
    try:
        _git(target, "var", "GIT_COMMITTER_IDENT")
    except CourseError:
        raise CourseError(
            "the files are handed out, but git knows no name to commit by; run git config --global user.name NAME and "
            "git config --global user.email ADDRESS, then the same command again"
        ) from None
    # git refuses names of what is neither there nor known to it: a file removed before it was ever committed.
    known = set(_git(target, "ls-files", "-z").split("\0"))
    named = [place for place in (*places, RECORD, UPDATES) if place in known or (target / place).exists()]
    listed = "\0".join(named)
    given = ("--pathspec-from-file=-", "--pathspec-file-nul")
    _git(target, "add", "--all", *given, stdin=listed)
    staged = _git(target, "diff", "--cached", "--name-only", "-z").split("\0")
    if not any(name in named or name.startswith(f"{UPDATES}/") for name in staged):
        return "nothing to commit: the repository holds all of it"
    # These alone: what somebody else put into the index stays there.
    _git(target, "commit", "--quiet", "--message", f"The course, version {version}", *given, stdin=listed)
    return f"committed as {_git(target, 'rev-parse', '--short', 'HEAD').strip()}"
