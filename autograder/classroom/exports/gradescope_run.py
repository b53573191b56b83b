"""What ``run_autograder`` starts in Gradescope's container: find the notebooks, grade them, write ``results.json``."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from ...course.manifest import ROOT, CourseError, Lesson, find_lesson, load_course
from ...grading.notebook_choice import (
    choose_notebook,
    expected_name,
    is_hidden,
    read_inside,
    read_notebook,
    say_beside,
    say_instead,
    with_look,
)
from ...grading.run import grade_submissions
from ...grading.submission import NoSubmission, Submission, Unreadable
from ...isolation.sandbox import make_sandbox
from ...report.results_json import make_results
from ...report.terminal import print_report
from ...report.words import shown_notes
from ..results.store import write_whole
from .gradescope import REQUEST

DEEPEST = 6
COLUMNS = 100
_SKIPPED = ("__MACOSX", "__pycache__")


def _files(folder: Path) -> list[Path]:
    """Return the files of a submission, those at the top first; no link to a folder is followed."""
    found = []
    for name, folders, files in os.walk(folder):
        path = Path(name)
        deep = len(path.relative_to(folder).parts) >= DEEPEST
        folders[:] = [] if deep else [each for each in folders if each not in _SKIPPED and not is_hidden(each)]
        found += [path / each for each in files if not is_hidden(each)]
    return sorted(found, key=lambda path: (len(path.parts), str(path)))


def _read(folder: Path, files: Sequence[Path], lesson: Lesson, alone: bool) -> tuple[Submission | NoSubmission, str]:
    """Return what was handed in of a lesson, and what is to be said about how it was found."""
    notebooks = [path for path in files if path.suffix == ".ipynb"]
    try:
        path, note = choose_notebook(notebooks, lesson, alone=alone, scattered=True)
        if path is None:
            instead = say_instead([path.name for path in files], lesson)
            raise Unreadable(f"no notebook was handed in; expected {expected_name(lesson)}{instead}")
        found = read_notebook(path.name, read_inside(path, folder), lesson)
    except Unreadable as error:
        return NoSubmission(lesson, "no notebook", (str(error),)), str(error)
    named = {expected_name(other) for other in load_course().lessons}
    others = [other for other in notebooks if other != path and other.name not in named]
    beside = say_beside(found, path.name, others, folder)
    return with_look(found, beside), "; ".join(filter(None, (note, beside)))


def read_submissions(folder: Path, lessons: Sequence[Lesson]) -> tuple[list[Submission | NoSubmission], list[str]]:
    """Return what was handed in of each lesson, and what is to be said about how it was found.

    Where the assignment is one lesson alone, a single notebook of whatever name is taken for it.
    """
    files = _files(folder)
    found = [_read(folder, files, lesson, len(lessons) == 1) for lesson in lessons]
    said = [f"{each.lesson.id}: {note}" for each, note in found if note]
    return [each for each, _ in found], said


def run(base: Path) -> int:
    """Grade what was handed in under ``base`` and return the exit status.

    Where the course itself is at fault nothing is written: no grade at all is better than a wrong one.
    """
    request = json.loads((ROOT / REQUEST).read_text(encoding="utf-8"))
    lessons = [find_lesson(name) for name in request["lessons"]]
    found, said = read_submissions(base / "submission", lessons)
    try:
        graded = grade_submissions(found, make_sandbox(request["isolation"]), secrets.randbits(48))
    except CourseError as error:
        print(f"autograder: nothing was graded: {error}", file=sys.stderr)
        return 2
    print(print_report(graded, width=COLUMNS, color=False))
    results = make_results(graded)
    points = f"{results['score']:g} of {results['max_score']:g} points; {results['extra_data']['isolation']}"
    output = "\n".join([points, *(f"note: {note}" for note in shown_notes(said))])
    # What is printed is for the teacher; students read what stands at each exercise.
    document = {**results, "output": output, "stdout_visibility": "hidden"}
    write_whole(base / "results" / "results.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
