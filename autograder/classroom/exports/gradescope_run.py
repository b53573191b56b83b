"""What ``run_autograder`` starts in Gradescope's container: find the notebooks, grade them, write ``results.json``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ...course.manifest import ROOT, Lesson, find_lesson
from ...report.terminal import shown_notes
from ...report.visible import visible
from ..folders.handed_in import Submitted, read_handed_in
from ..results.store import write_whole
from .gradescope import REQUEST

DEEPEST = 6
SHOWN = 5
_SKIPPED = ("__MACOSX", "__pycache__")


def _notebooks(folder: Path) -> list[Path]:
    """Return the notebooks of a submission, those at the top first; no link to a folder is followed."""
    found = []
    for name, folders, files in os.walk(folder):
        path = Path(name)
        deep = len(path.relative_to(folder).parts) >= DEEPEST
        folders[:] = [] if deep else [each for each in folders if each not in _SKIPPED and not each.startswith(".")]
        found += [path / each for each in files if each.endswith(".ipynb") and not each.startswith(".")]
    return sorted(found, key=lambda path: (len(path.parts), str(path)))


def _choose(lesson: Lesson, notebooks: Sequence[Path], alone: bool) -> tuple[Path | None, list[str]]:
    """Return the notebook of a lesson, and what is to be said about the choice.

    Where the assignment is ``alone`` this lesson, a single notebook of whatever name is taken for it.
    """
    expected = f"{lesson.id}.ipynb"
    named = [path for path in notebooks if path.name == expected]
    if len(named) > 1:
        return named[0], [f"{len(named)} files are named {expected}; the one nearest to the top was graded"]
    if named:
        return named[0], []
    if alone and len(notebooks) == 1:
        return notebooks[0], []
    if not notebooks:
        return None, [f"no notebook was handed in; expected {expected}"]
    shown = ", ".join(visible(path.name, 60, one_line=True) for path in notebooks[:SHOWN])
    more = f" and {len(notebooks) - SHOWN} more" if len(notebooks) > SHOWN else ""
    return None, [f"none of the notebooks handed in ({shown}{more}) is named {expected}; rename the one that counts"]


def lay_out(submission: Path, lessons: Sequence[Lesson], work: Path) -> list[str]:
    """Put the notebooks of a submission where ``--work`` looks for them; return what is to be said about them."""
    notebooks, said = _notebooks(submission), []
    work.mkdir()
    for lesson in lessons:
        chosen, notes = _choose(lesson, notebooks, len(lessons) == 1)
        if chosen is not None:
            handed_in = read_handed_in(Submitted("", lesson, chosen.parent))
            # What else lies there is none of the grader's business.
            notes += [handed_in.problem] if handed_in.problem else list(handed_in.look)
            if handed_in.content is not None:
                folder = work / lesson.id
                folder.mkdir()
                (folder / handed_in.file).write_bytes(handed_in.content)
        said += [f"{lesson.id}: {note}" for note in notes]
    return said


def _grade(lessons: Sequence[Lesson], work: Path, report: Path, isolation: str) -> int:
    command = [sys.executable, "-m", "pytest", "autograder", "-p", "no:cacheprovider", "--isolation", isolation]
    command += ["--work", str(work), "--report", str(report)]
    command += [part for lesson in lessons for part in ("--lesson", lesson.id)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def run(base: Path) -> int:
    """Grade what was handed in under ``base`` and return the exit status.

    Where the course itself is at fault nothing is written: no grade at all is better than a wrong one.
    """
    request = json.loads((ROOT / REQUEST).read_text(encoding="utf-8"))
    lessons = [find_lesson(name) for name in request["lessons"]]
    with tempfile.TemporaryDirectory(prefix="gradescope-") as name:
        work, report = Path(name) / "work", Path(name) / "results.json"
        said = lay_out(base / "submission", lessons, work)
        status = _grade(lessons, work, report, request["isolation"])
        if not report.is_file():
            print(f"autograder: nothing was graded, pytest ended with status {status}; see above", file=sys.stderr)
            return status or 1
        results = json.loads(report.read_text(encoding="utf-8"))
    points = f"{results['score']:g} of {results['max_score']:g} points; {results['extra_data']['isolation']}"
    results["output"] = "\n".join([points, *(f"note: {note}" for note in shown_notes(said))])
    # pytest's own words are for the teacher; students read what stands at each exercise.
    results["stdout_visibility"] = "hidden"
    write_whole(base / "results" / "results.json", json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
