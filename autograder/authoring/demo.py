"""``python -m autograder demo``: run the reference lessons end to end and gather what they show in one folder."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from tqdm import tqdm

from ..course.manifest import ROOT, CourseError, Lesson, load_course
from ..course.released import reference_path
from ..course.root import shown_path
from .alt_texts import IN_KERNEL, RUN_IN_KERNEL, pictures_of

OUT = ROOT / "build" / "demo"
# Folders of real faces that lessons 07 to 09 read where they are set.
OTHER_FACES = ("COURSE_IMM", "COURSE_IBUG")


@dataclass(frozen=True)
class Executed:
    """One lesson that was run: its page, its figures with what they show in words, and the seconds it took."""

    lesson: Lesson
    page: Path
    figures: tuple[tuple[Path, str], ...]
    seconds: float


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def execute(notebook: NotebookNode, folder: Path, bar: tqdm) -> None:
    """Run every cell of ``notebook`` in a fresh kernel whose working folder is ``folder``; outputs stay in it.

    Raises CourseError naming the cell that failed.
    """
    client = NotebookClient(
        notebook,
        timeout=None,
        coalesce_streams=True,  # a progress bar is one line, not one a step
        kernel_name="python3",
        extra_arguments=[f"--IPKernelApp.exec_lines={[RUN_IN_KERNEL]!r}"],
        resources={"metadata": {"path": str(folder)}},
        on_cell_executed=lambda cell, cell_index, execute_reply: bar.update(),
    )
    try:
        client.execute()
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


def _sources(lesson: Lesson) -> str:
    """Return a digest of what decides what a lesson's cells are, whatever data and scale they run on.

    Raises CourseError where the lesson was not built.
    """
    source = reference_path(lesson)
    if not source.is_file():
        raise CourseError(f"{shown_path(source)} is missing; run: python -m autograder build")
    files = [source, *sorted(source.parent.glob("*.yaml")), IN_KERNEL]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _fingerprint(lesson: Lesson, data: Path, scale: str) -> str:
    table = (data / "training.csv").stat()
    told = f"{_sources(lesson)} {data} {table.st_size} {table.st_mtime_ns} {scale}"
    return hashlib.sha256(told.encode()).hexdigest()


def _kept(lesson: Lesson, out: Path) -> dict[str, Any]:
    """Return what ``out`` says of its run of a lesson; empty where something of that run is not there."""
    stamp = out / f".{lesson.id}.json"
    files = [stamp, out / f"{lesson.id}.html", out / f"{lesson.id}.ipynb"]
    return json.loads(stamp.read_text(encoding="utf-8")) if all(path.is_file() for path in files) else {}


def executed_on_drawn_faces(lesson: Lesson, out: Path) -> tuple[NotebookNode, str] | None:
    """Return a lesson as it was run into ``out``, and the scale of that run.

    None where its source is another one by now, or where it saw other faces than the course's drawn ones: photographs
    must not get into pages that are published.
    """
    kept = _kept(lesson, out)
    if not kept.get("drawn") or kept["sources"] != _sources(lesson):
        return None
    return nbformat.read(out / f"{lesson.id}.ipynb", as_version=4), kept["scale"]


def _saw_drawn_faces(data: Path) -> bool:
    own = ROOT / "data" / "synthetic"
    return data.resolve() == own.resolve() and not any(os.environ.get(name) for name in OTHER_FACES)


def _run_lesson(lesson: Lesson, data: Path, scale: str, out: Path, force: bool) -> Executed:
    """Execute one reference notebook, unless the very same run is already in ``out``."""
    fingerprint, page = _fingerprint(lesson, data, scale), out / f"{lesson.id}.html"
    kept = _kept(lesson, out)
    if kept.get("fingerprint") == fingerprint and not force:
        print(f"{lesson.id}: done before ({kept['seconds']:.0f} s); --force runs it again")
        return Executed(lesson, page, tuple((out / name, alt) for name, alt in kept["figures"]), kept["seconds"])
    notebook = nbformat.read(reference_path(lesson), as_version=4)
    started = time.monotonic()
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    with tqdm(total=cells, desc=lesson.id, unit="cell") as bar:
        execute(notebook, reference_path(lesson).parent, bar)
    seconds = time.monotonic() - started
    figures = _save_figures(notebook, out / "figures", lesson)
    nbformat.write(notebook, out / f"{lesson.id}.ipynb")
    page.write_text(HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    kept = {
        "fingerprint": fingerprint,
        "sources": _sources(lesson),
        "scale": scale,
        "drawn": _saw_drawn_faces(data),
        "seconds": seconds,
        "figures": [(str(path.relative_to(out)), alt) for path, alt in figures],
    }
    (out / f".{lesson.id}.json").write_text(json.dumps(kept), encoding="utf-8")
    return Executed(lesson, page, figures, seconds)


def _index_page(executed: list[Executed], data: Path, scale: str) -> str:
    """Return a page that links every lesson and shows every figure."""
    parts = [f"<h1>{html.escape(load_course().title)}</h1><p>Data: {html.escape(data.name)}, scale: {scale}.</p>"]
    for run in executed:
        title = html.escape(f"{run.lesson.number} {run.lesson.title}")
        parts.append(f'<h2><a href="{run.page.name}">{title}</a></h2><p>{run.seconds:.0f} seconds</p>')
        parts += [f'<img src="figures/{path.name}" alt="{html.escape(alt)}">' for path, alt in run.figures]
    style = (
        ":root{color-scheme:light dark}body{font-family:sans-serif;max-width:70em;margin:2em auto;padding:0 1em}"
        "img{max-width:100%;height:auto;background:white}"
    )
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(load_course().title)}</title>"
    )
    return f"{head}<style>{style}</style><main>{''.join(parts)}</main></html>\n"


def run_lessons(
    data: Path | None, scale: str, out: Path, lessons: tuple[Lesson, ...], force: bool = False
) -> tuple[list[Executed], Path]:
    """Run reference lessons in order into ``out`` and return them with the folder of faces that they saw.

    Finished lessons are kept and not run twice. ``data`` is a folder in Kaggle's format; None means the embedded faces,
    drawn at first use.
    """
    sys.path.insert(0, str(ROOT))
    from data_scripts.folders import data_folder

    out.mkdir(parents=True, exist_ok=True)
    if data and not (data / "training.csv").is_file():
        raise CourseError(f"--data {data}: expected a folder in Kaggle's format, with training.csv in it")
    with _environment({"COURSE_DATA": str(data.resolve())} if data else {}):
        faces = data_folder()
    values = {"COURSE_DATA": str(faces), "COURSE_SCALE": scale, "COURSE_OUTPUT": str(out / "results")}
    with _environment(values):
        return [_run_lesson(lesson, faces, scale, out, force) for lesson in lessons], faces


def run_demo(data: Path | None, scale: str, out: Path, lessons: tuple[Lesson, ...], force: bool = False) -> None:
    """Run the reference lessons as ``run_lessons`` does, gather their figures, and say where everything lies."""
    started = time.monotonic()
    out = out.resolve()
    executed, faces = run_lessons(data, scale, out, lessons, force)
    index = out / "index.html"
    index.write_text(_index_page(executed, faces, scale), encoding="utf-8")
    count = "1 lesson" if len(executed) == 1 else f"{len(executed)} lessons"
    print(f"\nRan {count} in {(time.monotonic() - started) / 60:.1f} minutes on {faces}")
    submission = out / "results" / "06_kaggle_submission" / "submission.csv"
    if submission.is_file():
        print(f"submission:  {submission}")
        print_scores(submission.with_name("results.json"))
        print_scores(out / "results" / "10_beyond_the_sources" / "results.json")
    print(f"figures:     {out / 'figures'}")
    print(f"lessons:     {index}")


def print_scores(path: Path) -> None:
    """Print what a lesson measured on the test faces, one line a model."""
    if not path.is_file():
        return
    for row in json.loads(path.read_text(encoding="utf-8")):
        if row["RMSE in px"] is not None:
            print(f"  {row['model']:12} RMSE {row['RMSE in px']:.2f} px, {row['ratio']:.2f} of the mean face's")
