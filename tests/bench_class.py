"""``python -m tests.bench_class``: seconds and memory for a made-up class, beside those of stock nbgrader.

A class of N hands in every lesson: half of it solved, the rest wrong, incomplete, untouched or hostile, by the
student's place in the class. ``python -m autograder grade`` grades all of it. Stock ``nbgrader autograde`` would take a
day, so it grades one notebook of each lesson and kind, and each stands for those like it. Hostile notebooks are left
out there: stock nbgrader waits for an endless loop as long as it is told to.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil

from autograder.checks.catalogue import catalogue
from autograder.classroom.run.batch import GradeRequest, grade_class
from autograder.classroom.run.job import Job, release_worker
from autograder.classroom.run.pool import Outcome, attempt
from autograder.course.manifest import ROOT, Exercise, Lesson, load_course
from data_scripts.folders import data_folder
from tests.classroom.course_folder import environment, hand_in, make_course
from tests.notebooks import cell_of, reference_notebook, released_notebook

KINDS = ("correct", "wrong", "correct", "partial", "correct", "wrong", "correct", "wrong", "correct", "other")
OTHERS = ("stubs", "hostile")
HOSTILE = (
    "def {name}(*args, **kwargs):\n    while True:\n        pass\n",
    "import os\n\ndef {name}(*args, **kwargs):\n    os._exit(0)\n",
    "import sys\n\nclass {name}(float):\n    __eq__ = __ge__ = __le__ = lambda self, other: True\n",
    "x = 'x' * 1000\nwhile True:\n    print(x)\n",
    "import os\nimport signal\n\ndef {name}(*args, **kwargs):\n    os.kill(os.getpid(), signal.SIGKILL)\n",
)
# Stock nbgrader, but for the time that it gives a cell: lessons train for minutes.
STOCK = """
c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.course_id = "bench"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.ignore = ["*.py", "__pycache__"]
c.ExecutePreprocessor.timeout = 900
"""


def kind_of(student: int) -> str:
    """Return what a student hands in, by the student's place in the class."""
    kind = KINDS[student % len(KINDS)]
    return OTHERS[student // len(KINDS) % len(OTHERS)] if kind == "other" else kind


def _put(notebook: dict[str, Any], exercise: Exercise, code: str) -> None:
    cell_of(notebook, exercise.name)["source"] = code


def make_notebook(lesson: Lesson, student: int) -> dict[str, Any]:
    """Return the notebook that a student hands in."""
    kind = kind_of(student)
    notebook = released_notebook(lesson.id) if kind == "stubs" else reference_notebook(lesson.id)
    chosen = lesson.exercises[student // len(KINDS) % len(lesson.exercises)]
    if kind == "wrong":
        known = catalogue(lesson)[chosen.name]
        _put(notebook, chosen, known[student % len(known)].code)
    if kind == "partial":
        stubs = released_notebook(lesson.id)
        for exercise in lesson.exercises[len(lesson.exercises) // 2 :]:
            _put(notebook, exercise, cell_of(stubs, exercise.name)["source"])
    if kind == "hostile":
        code = HOSTILE[student // (len(KINDS) * len(OTHERS)) % len(HOSTILE)]
        _put(notebook, chosen, code.format(name=chosen.names[0]))
    return notebook


def make_class(folder: Path, students: int, lessons: Iterable[Lesson]) -> Path:
    """Make a course folder with everything handed in."""
    shutil.rmtree(folder, ignore_errors=True)
    course = make_course(folder, *(lesson.id for lesson in lessons))
    for student in range(students):
        for lesson in lessons:
            hand_in(course, f"student{student:04d}", make_notebook(lesson, student), lesson.id)
    return course


class Memory(threading.Thread):
    """Watches what a process and all below it hold, pages that several share divided among them."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process, self.most, self._over = psutil.Process(pid), 0, threading.Event()

    def run(self) -> None:
        while not self._over.wait(1.0):
            held = 0
            try:
                for process in (self._process, *self._process.children(recursive=True)):
                    held += process.memory_full_info().pss
            except psutil.Error:
                continue
            self.most = max(self.most, held)

    def stop(self) -> int:
        """End watching; return the most bytes that were held at once."""
        self._over.set()
        self.join()
        return self.most


def time_ours(course: Path) -> dict[str, Any]:
    """Grade the class as a teacher would; return seconds and the most bytes held."""
    started = time.monotonic()
    command = [sys.executable, "-m", "autograder", "grade", "--course", str(course), "--seed", "5"]
    process = subprocess.Popen(command, cwd=ROOT)
    memory = Memory(process.pid)
    memory.start()
    status = process.wait()
    if status not in (0, 1):
        raise SystemExit(f"bench: grading ended with status {status}")
    return {"seconds": time.monotonic() - started, "bytes": memory.stop()}


def _nbgrader(course: Path, *arguments: str) -> float:
    started = time.monotonic()
    command = [str(Path(sys.executable).with_name("nbgrader")), *arguments]
    subprocess.run(command, cwd=course, env=environment(), capture_output=True, check=False)
    return time.monotonic() - started


def time_stock(folder: Path, lessons: Iterable[Lesson], record: Path) -> dict[str, float]:
    """Return stock nbgrader's seconds for a notebook of each lesson and kind; what ``record`` holds is not repeated."""
    times: dict[str, float] = json.loads(record.read_text()) if record.exists() else {}
    examples = {kind_of(student): student for student in reversed(range(len(KINDS)))}
    for lesson in lessons:
        if all(f"{lesson.id}/{kind}" in times for kind in examples):
            continue
        shutil.rmtree(folder, ignore_errors=True)
        course = make_course(folder, lesson.id)
        (course / "nbgrader_config.py").write_text(STOCK.format(root=str(course)), encoding="utf-8")
        _nbgrader(course, "generate_assignment", lesson.id)
        for kind, student in examples.items():
            hand_in(course, kind, make_notebook(lesson, student), lesson.id)
            seconds = _nbgrader(course, "autograde", lesson.id, "--student", kind)
            graded = course / "autograded" / kind / lesson.id / f"{lesson.id}.ipynb"
            if not graded.is_file():
                raise SystemExit(f"bench: stock nbgrader did not grade {lesson.id} of {kind}")
            # A second run skips what is graded: its seconds are those of starting, which a class pays once.
            seconds -= _nbgrader(course, "autograde", lesson.id, "--student", kind)
            times[f"{lesson.id}/{kind}"] = round(seconds, 1)
            record.write_text(json.dumps(times, indent=1))
            print(f"stock nbgrader, {lesson.id}, {kind}: {seconds:.1f} s", flush=True)
    return times


class Canned:
    """An executor that grades one notebook of each lesson and hands its result out for every student."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Canned:
        return self

    def __exit__(self, *exc: object) -> None:
        release_worker()

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        for job in jobs:
            if job.assignment not in self._known:
                self._known[job.assignment] = attempt(job)
            yield job, self._known[job.assignment] | {"student": job.student}


def main() -> None:
    """Print the figures of docs/measured.md."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench_class", description=__doc__)
    parser.add_argument("--students", type=int, default=100, metavar="N")
    parser.add_argument("--lesson", action="append", default=[], metavar="NN", help="only this lesson; repeatable")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench", metavar="DIR")
    parser.add_argument("--no-stock", action="store_true", help="leave stock nbgrader out")
    parser.add_argument("--canned", action="store_true", help="time everything but grading: each lesson is graded once")
    arguments = parser.parse_args()
    lessons = [each for each in load_course().lessons if not arguments.lesson or each.number in arguments.lesson]
    arguments.out.mkdir(parents=True, exist_ok=True)
    # Else the first notebook of stock nbgrader would draw them, and be timed.
    data_folder()
    course = make_class(arguments.out / "class", arguments.students, lessons)
    count = arguments.students * len(lessons)
    if arguments.canned:
        started = time.monotonic()
        grade_class(GradeRequest(course=course, seed=5), Canned())
        seconds = time.monotonic() - started
        print(f"{count} notebooks, all but grading: {seconds:.0f} s, {1000 * seconds / count:.0f} ms a notebook")
        return
    ours = time_ours(course)
    minutes, gigabytes = ours["seconds"] / 60, ours["bytes"] / 2**30
    print(f"{count} notebooks: {minutes:.1f} minutes, {ours['seconds'] / count:.2f} s a notebook, {gigabytes:.1f} GB")
    if arguments.no_stock:
        return
    times = time_stock(arguments.out / "stock", lessons, arguments.out / "stock.json")
    kinds = Counter(map(kind_of, range(arguments.students)))
    stock = sum(times.get(f"{lesson.id}/{kind}", 0.0) * kinds[kind] for lesson in lessons for kind in kinds)
    print(f"stock nbgrader, without the {kinds['hostile'] * len(lessons)} hostile ones: {stock / 60:.0f} minutes")
    print(f"ratio: {stock / ours['seconds']:.1f}")


if __name__ == "__main__":
    main()
