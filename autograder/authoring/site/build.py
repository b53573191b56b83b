"""Build the site: run what was not run, write its pages, and let Sphinx put them together."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from ...course.manifest import ROOT, CourseError, Lesson, load_course
from ...course.released import reference_path
from ...course.root import shown_path
from ..demo import run_lessons
from ..generated import released_as_built
from ..lesson_run import OTHER_FACES, WHOLE, executed_on_drawn_faces
from .face_demo import bring_runtime
from .lesson_page import lesson_page
from .lessons_table import lessons_table
from .settings import SOURCE, Settings

# Written here, read by Sphinx, and not in git.
GENERATED = SOURCE / "lessons"
TABLE = SOURCE / "lessons_table.txt"
NEEDED = ("sphinx", "myst_nb", "sphinx_book_theme", "latex2mathml")


def _write(path: Path, text: str) -> None:
    """Write a file where it is not so already: Sphinx reads anew what is newer."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _run_missing(settings: Settings, scale: str) -> None:
    missing = tuple(lesson for lesson in load_course().notebooks if not executed_on_drawn_faces(lesson, settings.demo))
    if not missing:
        return
    real = [name for name in ("COURSE_DATA", *OTHER_FACES) if os.environ.get(name)]
    if real:
        raise CourseError(
            f"the site shows drawn faces alone, and {', '.join(real)} names others; unset it and try again"
        )
    print(f"site: running {', '.join(lesson.id for lesson in missing)}; the other lessons were run before", flush=True)
    run_lessons(None, scale, WHOLE, settings.demo, missing)


def _notebook(lesson: Lesson, settings: Settings) -> tuple[NotebookNode, str | None]:
    """Return a lesson's notebook and the scale that it was run at; as it was written, and None, where it was not."""
    executed = executed_on_drawn_faces(lesson, settings.demo)
    if executed is None:
        return nbformat.read(reference_path(lesson), as_version=4), None
    return executed


def write_pages(settings: Settings) -> list[Lesson]:
    """Write the page of every lesson and their table; return the lessons that were not run, whose cells show nothing.

    Raises CourseError where a notebook in ``lessons/``, which the page offers to download, is not as it was released.
    """
    not_run = []
    lessons = load_course().notebooks
    for lesson in lessons:
        released_as_built(lesson, "and the site offers it to students")
        notebook, scale = _notebook(lesson, settings)
        if scale is None:
            not_run.append(lesson)
        page = lesson_page(lesson, notebook, scale, settings)
        _write(GENERATED / lesson.id / f"{lesson.id}.ipynb", nbformat.writes(page))
    for folder in GENERATED.iterdir():
        if folder.name not in {lesson.id for lesson in lessons}:
            shutil.rmtree(folder)
    _write(TABLE, lessons_table())
    return not_run


def _put_together(out: Path, settings: Settings) -> None:
    """Run Sphinx, for which a warning is an error. Raises CourseError with what it said."""
    values = {"COURSE_REPOSITORY": settings.repository, "COURSE_BRANCH": settings.branch}
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q"]
    command += ["-d", str(out.with_name(f"{out.name}-cache")), str(SOURCE), str(out)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | values, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise CourseError(f"the site was not built; Sphinx says:\n{done.stderr.strip()}")
    # A third of the site, for who debugs the theme.
    for path in (out / "_static").rglob("*.map"):
        path.unlink()


def build_site(out: Path, settings: Settings, scale: str = "quick", run: bool = True) -> None:
    """Build the site into ``out`` and say how large it is and how long it took.

    Lessons that ``settings.demo`` holds as they are now are not run again; with ``run`` false the others are shown
    without what they print. Raises CourseError where Sphinx is not installed or warns of something.
    """
    lacking = [name for name in NEEDED if find_spec(name) is None]
    if lacking:
        raise CourseError(f"the site needs {', '.join(lacking)}; `make site` installs that, from the pins")
    started = time.monotonic()
    if run:
        _run_missing(settings, scale)
    ran = time.monotonic()
    not_run = write_pages(settings)
    lacking_demo = bring_runtime()
    _put_together(out, settings)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    pages = len(list(out.rglob("*.html")))
    took = f"{ran - started:.0f} s to run lessons, {time.monotonic() - ran:.0f} s to build"
    print(f"site: {pages} pages, {size / 1e6:.1f} MB; {took}")
    if not_run:
        print(f"site: {', '.join(lesson.number for lesson in not_run)} not run, and shown without outputs")
    if lacking_demo:
        print(f"site: the face demo is left out ({lacking_demo}); it needs node and npm")
    print(f"site: {shown_path(out / 'index.html')}; look at it with: python -m http.server -d {shown_path(out)}")
