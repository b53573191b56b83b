"""Run one reference lesson from top to bottom in a kernel of its own, and keep what it showed."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from tqdm import tqdm

from ..course.manifest import ROOT, CourseError, Lesson
from ..course.released import reference_path
from ..course.root import shown_path
from .alt_texts import IN_KERNEL, RUN_IN_KERNEL, pictures_of

# Folders of real faces that lessons 07 to 09 read where they are set.
OTHER_FACES = ("COURSE_IMM", "COURSE_IBUG")
# The lessons' texts speak of the first: comparisons as long as they are told, from all their seeds.
WHOLE, BRIEF = "whole", "brief"
IN_BRIEF = """\
> **Run briefly.** Trainings that this lesson compares ran from one seed and on a quarter of the images: they show that
> everything works, not what the text says of them. `python -m autograder demo --comparisons whole` runs them as told.
"""
# Each library reads a name of its own.
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


@dataclass(frozen=True)
class Conditions:
    """What lessons run on: a folder in Kaggle's format, how long they train, whether they compare briefly, and the
    folder that takes what they show and leave."""

    data: Path
    scale: str
    comparisons: str
    out: Path

    def environment(self, threads: int) -> dict[str, str]:
        """Return the environment of a kernel that computes with so many threads."""
        told = {"COURSE_DATA": self.data, "COURSE_SCALE": self.scale, "COURSE_COMPARISONS": self.comparisons}
        told["COURSE_OUTPUT"] = self.out / "results"
        shares = {name: os.environ.get(name, threads) for name in THREADS}
        return os.environ | {name: str(value) for name, value in (told | shares).items()}


@dataclass(frozen=True)
class Executed:
    """One lesson that was run: its page, its figures with what they show in words, and the seconds it took."""

    lesson: Lesson
    page: Path
    figures: tuple[tuple[Path, str], ...]
    seconds: float


def execute(notebook: NotebookNode, folder: Path, bar: tqdm, environment: dict[str, str]) -> None:
    """Run every cell of ``notebook`` in a fresh kernel whose working folder is ``folder``; outputs stay in it.

    Raises CourseError naming the cell that failed.
    """
    client = NotebookClient(
        notebook,
        timeout=None,
        coalesce_streams=True,  # a progress bar is one line, not one a step
        kernel_name="python3",
        # 40: errors. A kernel warns that other users of the machine could read what it sends.
        extra_arguments=[f"--IPKernelApp.exec_lines={[RUN_IN_KERNEL]!r}", "--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": str(folder)}},
        on_cell_executed=lambda cell, cell_index, execute_reply: bar.update(),
    )
    try:
        client.execute(env=environment)
    except CellExecutionError as error:
        raise CourseError(f"{folder.name}: a cell ended with {error.ename}: {error.evalue}\n{error}") from None


def _save_figures(notebook: NotebookNode, folder: Path, lesson: Lesson) -> tuple[tuple[Path, str], ...]:
    pictures = [(output, alt) for _, output, alt in pictures_of(notebook) if "image/png" in output.data]
    figures = []
    folder.mkdir(parents=True, exist_ok=True)
    for number, (output, alt) in enumerate(pictures, start=1):
        path = folder / f"{lesson.number}-{number:02d}.png"
        path.write_bytes(base64.b64decode(output.data["image/png"]))
        figures.append((path, alt))
    return tuple(figures)


def _built(lesson: Lesson) -> Path:
    """Return the path of a lesson's reference notebook. Raises CourseError where it was not built."""
    source = reference_path(lesson)
    if not source.is_file():
        raise CourseError(f"{shown_path(source)} is missing; run: python -m autograder build")
    return source


def _sources(lesson: Lesson) -> str:
    """Return a digest of what decides what a lesson's cells are, whatever data and scale they run on.

    Raises CourseError where the lesson was not built.
    """
    source = _built(lesson)
    files = [source, *sorted(source.parent.glob("*.yaml")), IN_KERNEL]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _fingerprint(lesson: Lesson, on: Conditions) -> str:
    table = (on.data / "training.csv").stat()
    told = f"{_sources(lesson)} {on.data} {table.st_size} {table.st_mtime_ns} {on.scale} {on.comparisons}"
    return hashlib.sha256(told.encode()).hexdigest()


def _kept(lesson: Lesson, out: Path) -> dict[str, Any]:
    """Return what ``out`` says of its run of a lesson; empty where something of that run is not there."""
    stamp = out / f".{lesson.id}.json"
    files = [stamp, out / f"{lesson.id}.html", out / f"{lesson.id}.ipynb"]
    return json.loads(stamp.read_text(encoding="utf-8")) if all(path.is_file() for path in files) else {}


def executed_on_drawn_faces(lesson: Lesson, out: Path) -> tuple[NotebookNode, str] | None:
    """Return a lesson as it was run into ``out``, and the scale of that run.

    None where its source is another one by now, where it compared more briefly than its text says, or where it saw
    other faces than the course's drawn ones: photographs must not get into pages that are published.
    """
    kept = _kept(lesson, out)
    if not kept.get("drawn") or kept["sources"] != _sources(lesson) or kept.get("comparisons") != WHOLE:
        return None
    return nbformat.read(out / f"{lesson.id}.ipynb", as_version=4), kept["scale"]


def _saw_drawn_faces(data: Path) -> bool:
    own = ROOT / "data" / "synthetic"
    return data.resolve() == own.resolve() and not any(os.environ.get(name) for name in OTHER_FACES)


def results_read(lesson: Lesson) -> set[str]:
    """Return the ids of the lessons whose results a lesson reads, as its cells name them. Raises CourseError."""
    cells = nbformat.read(_built(lesson), as_version=4).cells
    named = re.findall(r"""output_folder\(["'](\w+)["']\)""", "\n".join(cell.source for cell in cells))
    return {*named} - {lesson.id}


def run_before(lesson: Lesson, on: Conditions) -> Executed | None:
    """Return the very same run of a lesson, where it is already there."""
    kept, out = _kept(lesson, on.out), on.out
    if kept.get("fingerprint") != _fingerprint(lesson, on):
        return None
    figures = tuple((out / name, alt) for name, alt in kept["figures"])
    return Executed(lesson, out / f"{lesson.id}.html", figures, kept["seconds"])


def run_lesson(on: Conditions, lesson: Lesson, threads: int, place: int = 0) -> Executed:
    """Execute one reference notebook and keep its page, its figures and the notebook itself.

    ``place`` is the line of the terminal that shows its progress.
    """
    out, page = on.out, on.out / f"{lesson.id}.html"
    notebook = nbformat.read(reference_path(lesson), as_version=4)
    started = time.monotonic()
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    with tqdm(total=cells, desc=lesson.id, unit="cell", position=place) as bar:
        execute(notebook, reference_path(lesson).parent, bar, on.environment(threads))
    seconds = time.monotonic() - started
    figures = _save_figures(notebook, out / "figures", lesson)
    nbformat.write(notebook, out / f"{lesson.id}.ipynb")
    if on.comparisons == BRIEF and any("compared_" in cell.source for cell in notebook.cells):
        notebook.cells.insert(0, new_markdown_cell(IN_BRIEF))
    page.write_text(HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    kept = {
        "fingerprint": _fingerprint(lesson, on),
        "sources": _sources(lesson),
        "scale": on.scale,
        "comparisons": on.comparisons,
        "drawn": _saw_drawn_faces(on.data),
        "seconds": seconds,
        "figures": [(str(path.relative_to(out)), alt) for path, alt in figures],
    }
    (out / f".{lesson.id}.json").write_text(json.dumps(kept), encoding="utf-8")
    return Executed(lesson, page, figures, seconds)
