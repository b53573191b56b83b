"""``autograder.earlier`` in a notebook: the student's own work of a lesson where it passes, else the reference."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import sys
import types
from pathlib import Path

from ..course.manifest import ROOT, CourseError, Lesson, find_lesson, load_course
from ..course.released import load_released, reference_code, reference_file
from ..course.root import PACKAGE
from ..grading.grader import LessonGrader
from ..grading.notebook_choice import find_submission
from ..grading.submission import NoSubmission
from ..isolation.sandbox import make_sandbox
from ..worker.running import run_cell

SOLUTIONS = ROOT / "solutions"
CACHE = ROOT / "output" / ".earlier"


def find_earlier(text: str) -> types.SimpleNamespace:
    """Return the names of an earlier lesson (``"03"`` or ``"03_residual_block"``).

    The student's notebook is looked for beside the running one. Raises CourseError where it does not pass and
    there is no reference either: then that lesson must be finished first.
    """
    lesson = find_lesson(text)
    own = Path.cwd().parent / lesson.id / f"{lesson.id}.ipynb"
    if own.is_file() and not own.is_relative_to(SOLUTIONS):
        reason = why_not_own(own, lesson)
        if reason is None:
            return _run(own_definitions(own, lesson), lesson, "your")
        print(f"Lesson {lesson.number}: {reason}; the reference solution is used here instead.")
    return _reference(lesson)


def why_not_own(own: Path, lesson: Lesson) -> str | None:
    """Return None where every check of the student's notebook passes, else what does not (kept until it changes)."""
    content = hashlib.sha256(load_course().version.encode() + own.read_bytes()).hexdigest()
    kept = CACHE / f"{lesson.id}-{content}.json"
    if kept.is_file():
        return json.loads(kept.read_text(encoding="utf-8"))
    with LessonGrader(find_submission(own.parent.parent, lesson), make_sandbox(), seed=0) as grader:
        results = list(grader.grade_all())
    open_ones = [result.exercise.name for result in results if result.outcome != "passed"]
    verb = "does" if len(open_ones) == 1 else "do"
    reason = f"your {' and '.join(open_ones)} {verb} not pass yet" if open_ones else None
    CACHE.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(reason), encoding="utf-8")
    return reason


def _is_definition(node: ast.stmt) -> bool:
    """Return whether a statement only names something: no training and no plotting happens in these."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return not any(isinstance(part, ast.Call) for part in ast.walk(node))
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)


def own_definitions(own: Path, lesson: Lesson) -> str:
    """Return the given setup and the definitions of the student's notebook as one piece of code."""
    submission = find_submission(own.parent.parent, lesson)
    if isinstance(submission, NoSubmission):
        raise CourseError(submission.notes[-1])
    parts = list(load_released(lesson).setup)
    for cell in submission.cells:
        body = [node for node in ast.parse(cell.source).body if _is_definition(node)]
        parts.append(ast.unparse(ast.Module(body, [])))
    return "\n\n".join(parts)


def _reference(lesson: Lesson) -> types.SimpleNamespace:
    path = reference_file(lesson)
    if not path.is_file():
        raise CourseError(f"finish lesson {lesson.id} first: this lesson uses it, and no reference solution is here")
    return _run(reference_code(path), lesson, "the reference")


def _run(code: str, lesson: Lesson, whose: str) -> types.SimpleNamespace:
    # Known to sys.modules, as data classes and pickling expect of the module that defines a class.
    module = types.ModuleType(f"lesson_{lesson.id}")
    sys.modules[module.__name__] = module
    # A lesson's first cell looks for the course upwards from the working folder.
    with contextlib.chdir(PACKAGE.parent):
        error = run_cell(f"{whose} lesson {lesson.number}", code, module.__dict__)
    if error is not None:
        raise CourseError(f"{whose} lesson {lesson.id} does not run: {error['type']}: {error['message']}")
    return types.SimpleNamespace(**{name: getattr(module, name) for name in lesson.names if hasattr(module, name)})
