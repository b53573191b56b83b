"""``python -m tests.bench_grading``: seconds of grading beside those of importing the frameworks alone.

Each figure is the median of several runs, on the reference solutions. A lesson is graded with `pytest autograder`, in
a process of its own; a regrade is what `python -m autograder watch` does when a notebook is saved.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from autograder.course.manifest import ROOT, Lesson, load_course
from autograder.isolation.sandbox import make_sandbox
from autograder.notebook_api.watch import Watch


def _run(*arguments: str) -> None:
    environment = os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(arguments)} ended with status {done.returncode}:\n{done.stdout[-2000:]}")


def median_seconds(run: Callable[[], None], times: int) -> float:
    """Return the median of the seconds that ``run`` takes, after a first run that fills the disk's cache."""
    run()
    found = []
    for _ in range(times):
        started = time.monotonic()
        run()
        found.append(time.monotonic() - started)
    return statistics.median(found)


def import_seconds(frameworks: tuple[str, ...], times: int) -> float:
    """Return the seconds of a Python that imports these and ends."""
    return median_seconds(lambda: _run("-c", f"import {', '.join(frameworks)}"), times)


def grade_seconds(lessons: list[Lesson], times: int) -> float:
    """Return the seconds of grading the reference solutions of these lessons in one run."""
    chosen = [part for lesson in lessons for part in ("--lesson", lesson.number)]
    return median_seconds(lambda: _run("-m", "pytest", "-q", "autograder", "--work", "solutions", *chosen), times)


def regrade_seconds(lesson: Lesson, times: int) -> float:
    """Return the seconds from the save of a notebook to its points, with the frameworks imported."""
    with tempfile.TemporaryDirectory() as name:
        notebook = Path(name) / lesson.id / f"{lesson.id}.ipynb"
        notebook.parent.mkdir()

        def save() -> None:
            aside = notebook.with_suffix(".saving")
            shutil.copyfile(ROOT / "solutions" / lesson.id / f"{lesson.id}.ipynb", aside)
            aside.replace(notebook)

        save()
        console = Console(file=io.StringIO())
        with Watch([lesson], Path(name), make_sandbox(), 1, console, prepare=True) as watch:
            watch.step()

            def regrade() -> None:
                save()
                if not watch.step():
                    raise SystemExit(f"bench: the watch did not see that {lesson.id} was saved")

            return median_seconds(regrade, times)


def main() -> None:
    """Print a table of all lessons."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench_grading", description=__doc__)
    parser.add_argument("--times", type=int, default=3, metavar="N", help="runs of each (default 3)")
    arguments = parser.parse_args()
    lessons = list(load_course().lessons)
    sums = [0.0, 0.0]
    print("lesson                bare import  graded  ratio  regraded by watch", flush=True)
    for lesson in lessons:
        bare, graded = import_seconds(lesson.frameworks, arguments.times), grade_seconds([lesson], arguments.times)
        sums = [sums[0] + bare, sums[1] + graded]
        regraded = regrade_seconds(lesson, arguments.times)
        print(f"{lesson.id:22}{bare:9.2f} s {graded:6.2f} s {graded / bare:6.2f} {regraded:9.2f} s", flush=True)
    together = grade_seconds(lessons, arguments.times)
    print(f"each alone            {sums[0]:9.2f} s {sums[1]:6.2f} s {sums[1] / sums[0]:6.2f}")
    print(f"all in one run        {sums[0]:9.2f} s {together:6.2f} s {together / sums[0]:6.2f}")
    torch = import_seconds(("torch",), arguments.times)
    print(f"import torch alone    {torch:9.2f} s")


if __name__ == "__main__":
    main()
