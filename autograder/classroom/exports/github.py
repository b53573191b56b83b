"""``python -m autograder export github``: a workflow that grades each push, and what it tells GitHub Classroom.

Run as a module with a ``results.json``, it prints the points for Classroom's own reporter as an output of a step.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from ...course.manifest import CourseError, Lesson, find_lesson
from ...report.results_json import Results
from ...report.safe_text import safe_text
from ..results.store import write_whole

WORKFLOW = Path(".github") / "workflows" / "grade.yml"
MESSAGE = 400
_TEMPLATE = Path(__file__).with_name("grade.yml")
_COURSE_STEP = re.compile(r"      - name: Get the course\n(?:        .*\n)+")


def workflow(lessons: Sequence[Lesson], repository: str | None) -> str:
    """Return the workflow's text.

    ``repository``, as ``OWNER/NAME``, is where the course is; without it the course is what students hand in, and they
    could change it. Raises CourseError where it is no such name.
    """
    text = _TEMPLATE.read_text(encoding="utf-8")
    options = ["--work", '"$GITHUB_WORKSPACE/handed-in/lessons"']
    options += [part for lesson in lessons for part in ("--lesson", lesson.number)]
    folder = "course"
    if repository is None:
        text, folder = _COURSE_STEP.sub("", text), "handed-in"
    elif not re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII):
        raise CourseError(f"--repository {repository!r}; expected OWNER/NAME")
    else:
        text = text.replace("COURSE_REPOSITORY", repository)
    return text.replace("COURSE_FOLDER", folder).replace("GRADE_OPTIONS", " ".join(options))


class ClassroomTest(TypedDict):
    """One exercise, as Classroom's reporter reads it; there is no file or line to point at."""

    name: str
    status: str
    score: float
    message: str
    test_code: str
    filename: str
    line_no: int
    duration: float


class ClassroomResult(TypedDict):
    """What Classroom's reporter reads."""

    version: int
    status: str
    max_score: float
    tests: list[ClassroomTest]


def classroom_result(results: Results) -> ClassroomResult:
    """Return ``results.json`` in the form that Classroom's reporter adds up: points for each exercise, in parts too."""
    tests: list[ClassroomTest] = [
        {
            "name": test["name"],
            "status": "pass" if test["score"] >= test["max_score"] else "fail",
            "score": test["score"],
            "message": safe_text(test["output"], MESSAGE),
            "test_code": "",
            "filename": "",
            "line_no": 0,
            "duration": 0,
        }
        for test in results["tests"]
    ]
    status = "pass" if all(test["status"] == "pass" for test in tests) else "fail"
    return {"version": 1, "status": status, "max_score": results["max_score"], "tests": tests}


def print_result(path: Path) -> int:
    """Print a step's output ``result`` and return the exit status."""
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        print(f"autograder: {path} holds no results, so nothing was graded: {error}", file=sys.stderr)
        return 2
    encoded = json.dumps(classroom_result(results)).encode()
    print(f"result={base64.b64encode(encoded).decode('ascii')}")
    return 0


def export_github(names: Sequence[str], repository: str | None, out: Path | None) -> int:
    """Print the workflow, or write it below the folder ``out``; return the exit status."""
    text = workflow([find_lesson(name) for name in names], repository)
    if out is None:
        print(text, end="")
    else:
        path = out.resolve() / WORKFLOW
        write_whole(path, text)
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(print_result(Path(sys.argv[1])))
