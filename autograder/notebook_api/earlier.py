"""``autograder.earlier`` in a notebook: the student's own work of a lesson where it passes, else the reference."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import sys
import types
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..course.manifest import ROOT, CourseError, Lesson, find_lesson, load_course
from ..course.released import load_released, reference_code, reference_file
from ..course.root import PACKAGE
from ..grading.grader import LessonGrader
from ..grading.notebook_choice import find_submission
from ..grading.submission import NoSubmission
from ..grading.work_folder import lesson_of
from ..isolation.sandbox import make_sandbox
from ..worker.running import ErrorDescription, run_cell, run_compiled

SOLUTIONS = ROOT / "solutions"
CACHE = ROOT / "output" / ".earlier"
# What of the references this program has been lent.
_lent: list[Any] = []


def find_earlier(text: str) -> types.SimpleNamespace:
    """Return the names of an earlier lesson (``"03"`` or ``"03_residual_block"``), looked for beside the running one.

    Raises CourseError where that is not a later one: nobody is lent what they are to write.
    """
    lesson, running = find_lesson(text), lesson_of(Path.cwd())
    if running is not None and running.number <= lesson.number:
        raise CourseError(f"{lesson.id} is not earlier than {running.id}; a lesson is lent the work of those before it")
    return work_of(lesson, Path.cwd().parent)


def work_of(lesson: Lesson, lessons: Path = ROOT / "lessons") -> types.SimpleNamespace:
    """Return the names of a lesson: the student's in this folder of lessons where they pass, else the reference's.

    Raises CourseError where they do not pass and there is no reference: then that lesson must be finished first.
    """
    own = lessons / lesson.id / f"{lesson.id}.ipynb"
    if own.is_file() and not own.is_relative_to(SOLUTIONS):
        reason = why_not_own(own, lesson)
        code, dropped = own_definitions(own, lesson) if reason is None else ("", set())
        if dropped:
            reason = f"your work needs {', '.join(sorted(dropped))}, which a statement makes that is not run again here"
        if reason is None:
            return _run(partial(run_cell, f"your lesson {lesson.number}", code), lesson, "your")
        print(f"Lesson {lesson.number}: {reason}; the reference solution is used here instead.")
    return _reference(lesson)


def is_lent(value: Any) -> bool:
    """Return whether a function or class is one of the references that this program was lent."""
    return any(value is lent for lent in _lent)


def why_not_own(own: Path, lesson: Lesson) -> str | None:
    """Return None where every check of the student's notebook passes, else what does not (kept until it changes)."""
    content = hashlib.sha256(load_course().version.encode() + own.read_bytes()).hexdigest()
    kept = CACHE / f"{lesson.id}-{content}.json"
    with contextlib.suppress(OSError, ValueError):
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


def own_definitions(own: Path, lesson: Lesson) -> tuple[str, set[str]]:
    """Return the given setup and the definitions of the student's notebook as one piece of code.

    Beside it the names that these use, and that only a statement makes which is left out.
    """
    submission = find_submission(own.parent.parent, lesson)
    if isinstance(submission, NoSubmission):
        raise CourseError(submission.notes[-1])
    parts = list(load_released(lesson).setup)
    nodes = [node for cell in submission.cells for node in ast.parse(cell.source).body]
    kept = [node for node in nodes if _is_definition(node)]
    made = _names([node for node in nodes if not _is_definition(node)], ast.Store)
    defined = _names([*map(ast.parse, parts), *kept], ast.Store)
    parts += [ast.unparse(node) for node in kept]
    return "\n\n".join(parts), (made - defined) & _names(kept, ast.Load)


def _names(nodes: Sequence[ast.AST], context: type[ast.expr_context]) -> set[str]:
    """Return the names that nodes bind (``ast.Store``), definitions and imports with them, or read (``ast.Load``)."""
    found = set()
    for node in (part for each in nodes for part in ast.walk(each)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, context):
            found.add(node.id)
        elif context is ast.Store and isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif context is ast.Store and isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
    return found


def _reference(lesson: Lesson) -> types.SimpleNamespace:
    path = reference_file(lesson)
    if not path.is_file():
        raise CourseError(f"finish lesson {lesson.id} first: this lesson uses it, and no reference solution is here")
    # Compiled here, so that Python knows no text of it to show.
    code = compile(reference_code(path), f"<the reference of lesson {lesson.number}>", "exec")
    found = _run(partial(run_compiled, code), lesson, "the reference of")
    _lent.extend(vars(found).values())
    return found


def _run(run: Callable[[dict[str, Any]], ErrorDescription | None], lesson: Lesson, whose: str) -> types.SimpleNamespace:
    # Known to sys.modules, as data classes and pickling expect of the module that defines a class.
    module = types.ModuleType(f"lesson_{lesson.id}")
    sys.modules[module.__name__] = module
    # A lesson's first cell looks for the course upwards from the working folder.
    with contextlib.chdir(PACKAGE.parent):
        error = run(module.__dict__)
    if error is not None:
        raise CourseError(f"{whose} lesson {lesson.id} does not run: {error['type']}: {error['message']}")
    return types.SimpleNamespace(**{name: getattr(module, name) for name in lesson.names if hasattr(module, name)})
