"""``python -m tests.bench_overview``: seconds and size of the class page where a made-up class handed in every lesson.

The answers are those of the batteries, drawn at random, and the marks are made up: nothing is graded.
"""

from __future__ import annotations

import argparse
import copy
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from autograder.classroom.folders.settings import load_settings
from autograder.classroom.results.store import Store
from autograder.course.manifest import ROOT, load_course
from tests.classroom.course_folder import hand_in, make_course
from tests.classroom.disguised_answers import independent_answers
from tests.classroom.made_up_class import make_result
from tests.notebooks import cell_of, released_notebook

# Of the submissions, those that were not handed in.
ABSENT = 0.05


def make_class(folder: Path, students: int) -> Path:
    """Make a course folder with what a class handed in and what was kept of it."""
    shutil.rmtree(folder, ignore_errors=True)
    course = make_course(folder)
    store, chance, random_marks = Store(load_settings(course).coursedir), random.Random(1), np.random.default_rng(1)
    for lesson in load_course().lessons:
        released, answers = released_notebook(lesson.id), independent_answers(lesson)
        for number in range(students):
            if chance.random() < ABSENT:
                continue
            notebook, student = copy.deepcopy(released), f"student{number:04d}"
            for name, codes in answers.items():
                cell_of(notebook, name)["source"] = chance.choice(codes)
            hand_in(course, student, notebook, lesson.id)
            store.write(make_result(lesson, student, random_marks), "made up\n")
    return course


def _seconds(course: Path, *arguments: str) -> float:
    started = time.monotonic()
    command = [sys.executable, "-m", "autograder", "overview", "--course", str(course), *arguments]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.monotonic() - started


def main() -> None:
    """Print the figures of docs/measured.md."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench_overview", description=__doc__)
    parser.add_argument("--students", type=int, default=1000, metavar="N")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench" / "overview", metavar="DIR")
    arguments = parser.parse_args()
    course = make_class(arguments.out, arguments.students)
    alone, whole = _seconds(course, "--no-similar"), _seconds(course)
    size = (course / "grading" / "overview" / "index.html").stat().st_size
    print(
        f"overview of {arguments.students:,} students: {whole:.0f} s, {alone:.0f} s without comparing answers; "
        f"the page has {size / 2**20:.1f} MB"
    )


if __name__ == "__main__":
    main()
