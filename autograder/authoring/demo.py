"""``python -m autograder demo``: run the reference lessons end to end and gather what they show in one folder."""

from __future__ import annotations

import html
import json
import sys
import time
from functools import partial
from pathlib import Path

from ..course.manifest import ROOT, CourseError, Lesson, load_course
from ..isolation.cores import cores
from .lesson_run import BRIEF, WHOLE, Conditions, Executed, run_before, run_lesson
from .side_by_side import side_by_side

OUT = ROOT / "build" / "demo"


def _told(on: Conditions) -> str:
    """Return in a sentence what the lessons ran on."""
    brief = "brief, from one seed (--comparisons whole: as the lessons tell them)" if on.comparisons == BRIEF else WHOLE
    return f"Data: {on.data.name}; scale: {on.scale}; comparisons: {brief}."


def _index_page(executed: list[Executed], on: Conditions) -> str:
    """Return a page that links every lesson and shows every figure."""
    parts = [f"<h1>{html.escape(load_course().title)}</h1><p>{html.escape(_told(on))}</p>"]
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
    data: Path | None, scale: str, comparisons: str, out: Path, lessons: tuple[Lesson, ...], force: bool = False
) -> tuple[list[Executed], Conditions]:
    """Run reference lessons into ``out``, two beside each other where they can, and return what each left, in order.

    Finished lessons are kept and not run twice. ``data`` is a folder in Kaggle's format; None means the embedded faces,
    drawn at first use.
    """
    sys.path.insert(0, str(ROOT))
    from data_scripts.folders import data_folder

    out.mkdir(parents=True, exist_ok=True)
    if data and not (data / "training.csv").is_file():
        raise CourseError(f"--data {data}: expected a folder in Kaggle's format, with training.csv in it")
    on = Conditions(data.resolve() if data else data_folder(), scale, comparisons, out)
    before = {} if force else {lesson: run for lesson in lessons if (run := run_before(lesson, on))}
    for lesson, run in before.items():
        print(f"{lesson.id}: done before ({run.seconds:.0f} s); --force runs it again")
    missing = tuple(lesson for lesson in lessons if lesson not in before)

    after = side_by_side(missing, partial(run_lesson, on), cores())
    return [(before | after)[lesson] for lesson in lessons], on


def run_demo(
    data: Path | None, scale: str, comparisons: str, out: Path, lessons: tuple[Lesson, ...], force: bool = False
) -> None:
    """Run the reference lessons as ``run_lessons`` does, gather their figures, and say where everything lies."""
    started = time.monotonic()
    out = out.resolve()
    executed, on = run_lessons(data, scale, comparisons, out, lessons, force)
    index = out / "index.html"
    index.write_text(_index_page(executed, on), encoding="utf-8")
    count = "1 lesson" if len(executed) == 1 else f"{len(executed)} lessons"
    print(f"\nRan {count} in {(time.monotonic() - started) / 60:.1f} minutes on {on.data}")
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
