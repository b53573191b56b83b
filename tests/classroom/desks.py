"""A teacher's clone of the course and a student's hand-out, which share nothing but an exchange."""

from __future__ import annotations

import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from autograder.course.manifest import ROOT
from tests.classroom.course_folder import environment

NBGRADER = str(Path(sys.executable).with_name("nbgrader"))


@dataclass(frozen=True)
class Desk:
    """Where somebody works: a folder with the course, a home, and what is set for every command there.

    ``user`` is the name of the operating system's user who works there, "" for who runs the tests.
    """

    folder: Path
    home: Path
    settings: dict[str, str]
    user: str = ""

    def environment(self) -> dict[str, str]:
        """Return the environment of a command: of the tests' own, no setting of the course."""
        own = {name: value for name, value in environment().items() if not name.startswith("COURSE_")}
        return own | {"HOME": str(self.home), "PYTHONDONTWRITEBYTECODE": "1"} | self.settings

    def run(self, *command: str, below: str = "") -> str:
        """Run a command in the folder, or in one ``below`` it; return what it said. It has to end well."""
        done = subprocess.run(
            as_user(self.user, command),
            cwd=self.folder / below, env=self.environment(), capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{' '.join(command)}: {said[-3000:]}"
        return said


def as_user(user: str, command: tuple[str, ...]) -> list[str]:
    """Return a command as another user runs it; root can."""
    if not user:
        return [*command]
    entry = pwd.getpwnam(user)
    change = ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups", "--no-new-privs"]
    return [*change, *command]


def clone(target: Path) -> Path:
    """Copy what git has or would take of this course, as a fresh clone has it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)
    return target


def make_desks(place: Path, student: str = "") -> tuple[Desk, Desk]:
    """Make a teacher's clone and the hand-out that a student got of it, in a folder that both users reach."""
    exchange = place / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    homes = {name: place / f"home-{name}" for name in ("teacher", "student")}
    for home in homes.values():
        home.mkdir()
    teacher = Desk(clone(place / "teacher"), homes["teacher"], {"COURSE_EXCHANGE": str(exchange)})
    mine = place / "student"
    # The student sets nothing: the hand-out knows the exchange.
    teacher.run(sys.executable, "-m", "autograder", "handout", str(mine), "--exchange", str(exchange))
    for path in (mine, homes["student"]) if student else ():
        subprocess.run(["chown", "-R", student, str(path)], check=True)
    return teacher, Desk(mine, homes["student"], {}, student)
