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

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from tqdm import tqdm

from ..course.manifest import ROOT, CourseError, Lesson, load_course

OUT = ROOT / "build" / "demo"


@dataclass(frozen=True)
class Executed:
    """One lesson that was run: its page, its figures, and the seconds it took."""

    lesson: Lesson
    page: Path
    figures: tuple[Path, ...]
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
        resources={"metadata": {"path": str(folder)}},
        on_cell_executed=lambda cell, cell_index, execute_reply: bar.update(),
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise CourseError(f"{folder.name}: a cell ended with {error.ename}: {error.evalue}\n{error}") from None


def _save_figures(notebook: NotebookNode, folder: Path, lesson: Lesson) -> tuple[Path, ...]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pictures = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    paths = []
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures, start=1):
        paths.append(folder / f"{lesson.number}-{number:02d}.png")
        paths[-1].write_bytes(base64.b64decode(picture))
    return tuple(paths)


def _fingerprint(source: Path, data: Path, scale: str) -> str:
    files = [source, *sorted(source.parent.glob("*.yaml"))]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files))
    table = (data / "training.csv").stat()
    digest.update(f"{data} {table.st_size} {table.st_mtime_ns} {scale}".encode())
    return digest.hexdigest()


def _run_lesson(lesson: Lesson, data: Path, scale: str, out: Path, force: bool) -> Executed:
    """Execute one reference notebook, unless the very same run is already in ``out``."""
    source = ROOT / "solutions" / lesson.id / f"{lesson.id}.ipynb"
    if not source.is_file():
        raise CourseError(f"{source.relative_to(ROOT)} is missing; run: python -m autograder build")
    page, stamp = out / f"{lesson.id}.html", out / f".{lesson.id}.json"
    fingerprint = _fingerprint(source, data, scale)
    if stamp.is_file() and page.is_file() and not force:
        kept = json.loads(stamp.read_text(encoding="utf-8"))
        if kept["fingerprint"] == fingerprint:
            print(f"{lesson.id}: done before ({kept['seconds']:.0f} s); --force runs it again")
            return Executed(lesson, page, tuple(out / name for name in kept["figures"]), kept["seconds"])
    notebook = nbformat.read(source, as_version=4)
    started = time.monotonic()
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    with tqdm(total=cells, desc=lesson.id, unit="cell") as bar:
        execute(notebook, source.parent, bar)
    seconds = time.monotonic() - started
    figures = _save_figures(notebook, out / "figures", lesson)
    nbformat.write(notebook, out / f"{lesson.id}.ipynb")
    page.write_text(HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    names = [str(path.relative_to(out)) for path in figures]
    kept = {"fingerprint": fingerprint, "seconds": seconds, "figures": names}
    stamp.write_text(json.dumps(kept), encoding="utf-8")
    return Executed(lesson, page, figures, seconds)


def _index_page(executed: list[Executed], data: Path, scale: str) -> str:
    """Return a page that links every lesson and shows every figure."""
    parts = [f"<h1>{html.escape(load_course().title)}</h1><p>Data: {html.escape(data.name)}, scale: {scale}.</p>"]
    for run in executed:
        title = html.escape(f"{run.lesson.number} {run.lesson.title}")
        parts.append(f'<h2><a href="{run.page.name}">{title}</a></h2><p>{run.seconds:.0f} seconds</p>')
        parts += [f'<img src="figures/{path.name}" alt="figure of lesson {run.lesson.number}">' for path in run.figures]
    style = "body{font-family:sans-serif;max-width:70em;margin:2em auto;padding:0 1em}img{max-width:100%}"
    head = f'<!doctype html><meta charset="utf-8"><title>{html.escape(load_course().title)}</title>'
    return f"{head}<style>{style}</style>{''.join(parts)}\n"


def run_demo(data: Path | None, scale: str, out: Path, lessons: tuple[Lesson, ...], force: bool = False) -> None:
    """Run the reference lessons in order and say where everything lies. Finished lessons are kept and not run twice.

    ``data`` is a folder in Kaggle's format; None means the embedded faces, drawn at first use.
    """
    sys.path.insert(0, str(ROOT))
    from data_scripts.folders import data_folder

    started = time.monotonic()
    out = out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    if data and not (data / "training.csv").is_file():
        raise CourseError(f"--data {data}: expected a folder in Kaggle's format, with training.csv in it")
    with _environment({"COURSE_DATA": str(data.resolve())} if data else {}):
        faces = data_folder()
    values = {"COURSE_DATA": str(faces), "COURSE_SCALE": scale, "COURSE_OUTPUT": str(out / "results")}
    with _environment(values):
        executed = [_run_lesson(lesson, faces, scale, out, force) for lesson in lessons]
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
