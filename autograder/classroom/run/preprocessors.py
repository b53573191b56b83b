"""nbgrader's own commands on the course's engine: what ``nbgrader_config.py`` puts in place of nbgrader's parts.

A lesson of the course is read leniently, graded by the engine, and its verdicts are saved as they are. Any other
assignment in the same folder goes through nbgrader's own parts.
"""

from __future__ import annotations

import atexit
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbconvert.exporters.html import contextfilter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute, NbGraderPreprocessor, SaveAutoGrades
from traitlets import Enum, Integer
from traitlets.log import get_logger

from ...course.manifest import Lesson, find_lesson, load_course
from ...grading.notebook_choice import read_notebook, with_look
from ...grading.submission import Unreadable
from ...isolation.sandbox import ISOLATIONS
from ...report.safe_text import safe_text
from ..folders.handed_in import Submitted, links_outside, read_handed_in
from ..folders.settings import Settings
from ..gradebook.gradebook import open_gradebook, write_marks
from ..gradebook.shown_notebook import make_notebook
from ..results.keeping import full_result, keep_result
from ..results.store import ClassRun, Store, now
from .job import grade_submission, release_worker
from .work_list import ToGrade, make_job

# One run of a nbgrader command: everybody in it gets the same hidden inputs.
_RUN = ClassRun(f"nbgrader-{secrets.token_hex(4)}", secrets.randbits(48), force=True, started=now())
atexit.register(release_worker)


def _lesson(assignment: str, notebook: str) -> Lesson | None:
    """Return the lesson that a notebook of an assignment is, or None where it is none."""
    return next((lesson for lesson in load_course().lessons if lesson.id == assignment == notebook), None)


def _submitted(coursedir: CourseDirectory, resources: dict[str, Any]) -> Submitted | None:
    facts = resources["nbgrader"]
    lesson = _lesson(facts["assignment"], facts["notebook"])
    if lesson is None:
        return None
    folder = coursedir.format_path(coursedir.submitted_directory, facts["student"], facts["assignment"])
    return Submitted(facts["student"], lesson, Path(folder))


class SubmissionExporter(NotebookExporter):
    """Reads whatever was handed in as a notebook that the steps after it can work on."""

    @property
    def _converter(self) -> Any:
        """nbgrader's command, which knows the course folder."""
        return self.parent

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[NotebookNode, dict[str, Any]]:
        coursedir: CourseDirectory = self._converter.coursedir
        submitted = _submitted(coursedir, resources or {})
        if submitted is None or not Path(filename).is_relative_to(submitted.folder):
            return super().from_filename(filename, resources, **kw)
        found = read_handed_in(submitted)
        chosen = read_notebook(found.file, found.content, submitted.lesson, found.problem)
        text = make_notebook(with_look(chosen, found.beside))
        return self.from_notebook_node(nbformat.reads(text, as_version=4), resources, **kw)


class GradeWithEngine(NbGraderPreprocessor):
    """Stands in place of nbgrader's ``Execute``: grades the notebook in the course's sandbox."""

    seed = Integer(None, allow_none=True, help="Draws the hidden inputs; without one they are secret.").tag(config=True)
    isolation = Enum(ISOLATIONS, "auto", help="required: refuse to grade without a sandbox").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        converter = self.parent.parent
        submitted = _submitted(converter.coursedir, resources)
        if submitted is None:
            return Execute(parent=self.parent).preprocess(nb, resources)
        run = _RUN if self.seed is None else ClassRun(_RUN.id, self.seed, _RUN.force, _RUN.started)
        handed_in = read_handed_in(submitted)
        answer = grade_submission(make_job(ToGrade(submitted), handed_in, run.seed, self.isolation))
        result = full_result(answer, handed_in, run)
        keep_result(Store(converter.coursedir), result)
        for reason in result["look"]:
            self.log.warning("%s: %s", safe_text(submitted.student, 80, one_line=True), reason)
        resources["nbgrader"]["verdict"] = result
        return nbformat.reads(answer["notebook"], as_version=4), resources


class SaveVerdicts(SaveAutoGrades):
    """Stands in place of nbgrader's ``SaveAutoGrades``: the engine's points count, whatever a cell printed."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        result = resources["nbgrader"].pop("verdict", None)
        if result is None:
            return super().preprocess(nb, resources)
        converter = self.parent.parent
        settings = Settings(converter.config, converter.coursedir)
        lesson = find_lesson(result["assignment"])
        with open_gradebook(settings) as gradebook:
            write_marks(gradebook, settings, lesson, result, result["graded"])
        return nb, resources


def leave_one_notebook(assignment: str, student: str, notebooks: list[str]) -> None:
    """Before a submission is converted: leave the one notebook that counts, under the name that nbgrader expects.

    A submission with links that lead out of it is not converted: nbgrader would copy what lies there.
    """
    folder = Path(notebooks[0]).parent
    lesson = _lesson(folder.name, folder.name) or _lesson(assignment, assignment)
    if lesson is None:
        return
    where = safe_text(str(folder), one_line=True)
    try:
        # The notebook itself is read with care; it is never copied.
        outside = [name for name in links_outside(folder) if not name.endswith(".ipynb")]
    except Unreadable as error:
        get_logger().error("%s: %s", where, error)
        notebooks.clear()
        return
    if outside:
        get_logger().error("%s holds links that lead out of it, such as %s; remove them first", where, outside[0])
        notebooks.clear()
    else:
        notebooks[:] = [str(folder / f"{lesson.id}.ipynb")]


@contextfilter
def safe_markdown(context: Mapping[str, Any], source: str) -> str:
    """Return text cells as HTML in which a student's own HTML is shown, not obeyed.

    nbgrader's pages run with the teacher's rights.
    """
    attachments = context.get("cell", {}).get("attachments", {})
    renderer = IPythonRenderer(escape=True, allow_harmful_protocols=False, attachments=attachments)
    return MarkdownWithMath(renderer=renderer).render(source)
