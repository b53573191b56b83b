"""``--cluster``: a class graded on a scheduler and its workers, one of which is lost half-way."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from unittest import mock

import pytest

from autograder.classroom.run import cluster
from autograder.classroom.run.batch import GradeRequest, grade_class
from autograder.classroom.run.cluster import Cluster
from autograder.classroom.run.job import Job
from autograder.classroom.run.pool import Outcome
from autograder.course.manifest import ROOT, CourseError
from tests.classroom.course_folder import comments, grade_here, hand_in, marks, run_grade
from tests.notebooks import LESSON, reference_notebook, released_notebook, with_code

START_SECONDS = 120
HALF = """
def split_rows(n_rows, val_fraction=0.2, seed=0):
    return np.split(np.random.default_rng(seed).permutation(n_rows), [n_rows // 2])
"""


def on_machines(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that starts a scheduler and workers: for the long run."""
    for mark in (pytest.mark.slow, pytest.mark.long, pytest.mark.skipif(os.name != "posix", reason="POSIX signals")):
        test = mark(test)
    return test


class Machines:
    """A scheduler that knows nothing of the course, and workers started in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.workers = folder, []
        scheduler_file = folder / "scheduler.json"
        self.scheduler = self._start(
            ["scheduler", "--port", "0", "--scheduler-file", str(scheduler_file), "--no-dashboard"], folder
        )
        deadline = time.monotonic() + START_SECONDS
        while not scheduler_file.exists() or not scheduler_file.read_text():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)
        self.address = json.loads(scheduler_file.read_text())["address"]

    def _start(self, arguments: list[str], cwd: Path) -> subprocess.Popen:
        with (self.folder / "log.txt").open("ab") as log:
            command = [sys.executable, "-m", "dask", *arguments]
            return subprocess.Popen(command, cwd=cwd, stdout=log, stderr=log, start_new_session=True)

    def add_worker(self, threads: int = 1) -> None:
        """Start one more worker process; nobody starts it again when it is lost."""
        options = ["--nthreads", str(threads), "--no-nanny", "--no-dashboard", "--local-directory", str(self.folder)]
        self.workers.append(self._start(["worker", self.address, *options], ROOT))

    def log(self) -> str:
        """Return what the scheduler and its workers said."""
        return (self.folder / "log.txt").read_text()

    def close(self) -> None:
        """End everything."""
        for process in (*self.workers, self.scheduler):
            kill(process)


def kill(process: subprocess.Popen) -> None:
    """End a process without a warning."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Disturbed:
    """A cluster to which something happens after its third result."""

    def __init__(self, cluster: Cluster, happens: Callable[[], None]) -> None:
        self._cluster, self._happens = cluster, happens

    def __enter__(self) -> Disturbed:
        self._cluster.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._cluster.__exit__(*exc)

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        for count, pair in enumerate(self._cluster.run(jobs), start=1):
            yield pair
            if count == 3:
                self._happens()


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    folder = tmp_path / "machines"
    folder.mkdir()
    machines = Machines(folder)
    yield machines
    machines.close()


def make_class(entered: Path, folder: Path) -> Path:
    course = shutil.copytree(entered, folder)
    for number in range(4):
        hand_in(course, f"correct{number}", reference_notebook())
        hand_in(course, f"partial{number}", with_code("split_rows", HALF))
        hand_in(course, f"stubs{number}", released_notebook())
    hand_in(course, "broken", b"{")
    return course


@on_machines
def test_the_grades_are_those_of_one_machine_though_a_worker_is_killed(
    machines: Machines, entered: Path, tmp_path: Path
) -> None:
    here, there = make_class(entered, tmp_path / "here"), make_class(entered, tmp_path / "there")
    status = grade_here(here, seed=5)
    for _ in range(2):
        machines.add_worker()
    request = GradeRequest(course=there, seed=5)
    disturbed = Disturbed(Cluster(machines.address), lambda: kill(machines.workers[0]))
    assert grade_class(request, disturbed) == status
    assert machines.workers[0].poll() is not None
    assert len(marks(there)) == 13 * 4
    assert marks(there) == marks(here)
    assert comments(there) == comments(here)


@on_machines
def test_answers_that_are_lost_with_their_worker_are_computed_again(
    machines: Machines, entered: Path, tmp_path: Path
) -> None:
    here, there = make_class(entered, tmp_path / "here"), make_class(entered, tmp_path / "there")
    grade_here(here, seed=5)
    for _ in range(2):
        machines.add_worker()
    whole = Cluster(machines.address)

    def kill_with_answers() -> None:
        deadline = time.monotonic() + START_SECONDS
        while not all(future.done() for future in whole._jobs):
            assert time.monotonic() < deadline, machines.log()
            time.sleep(0.1)
        kill(machines.workers[0])
        machines.add_worker()
        while all(future.status == "finished" for future in whole._jobs):
            assert time.monotonic() < deadline, machines.log()
            time.sleep(0.01)

    assert grade_class(GradeRequest(course=there, seed=5), Disturbed(whole, kill_with_answers)) == 1
    assert (marks(there), comments(there)) == (marks(here), comments(here))


@on_machines
def test_a_lost_scheduler_loses_no_result(
    machines: Machines, entered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = make_class(entered, tmp_path / "course")
    machines.add_worker()
    # So long it also looks for the scheduler that is gone.
    monkeypatch.setattr("autograder.classroom.run.cluster.CONNECT_SECONDS", 5.0)
    with pytest.raises(CourseError, match="is gone; run the same command again"):
        grade_class(GradeRequest(course=course, seed=5), Disturbed(Cluster(machines.address), machines.close))
    assert 3 <= len(list(course.glob("grading/*/*/result.json"))) < 13
    assert grade_here(course, seed=5) == 1
    assert len(marks(course)) == 13 * 4


def test_a_client_that_cannot_take_leave_hides_no_other_error() -> None:
    lost = mock.Mock(**{"cancel.side_effect": OSError, "close.side_effect": RuntimeError})
    left = Cluster("tcp://192.0.2.1:8786")
    left._client = lost
    left.__exit__()
    assert lost.close.called


@on_machines
def test_a_worker_of_several_threads_is_refused(machines: Machines, entered: Path, tmp_path: Path) -> None:
    course = make_class(entered, tmp_path / "course")
    machines.add_worker(threads=2)
    done = run_grade(course, "--cluster", machines.address)
    assert done.returncode == 2
    assert "a worker of the cluster has 2 threads; start it with --nthreads 1" in done.stderr
    assert "Traceback" not in done.stderr


@on_machines
def test_a_worker_without_the_course_is_named(machines: Machines, entered: Path, tmp_path: Path) -> None:
    course = make_class(entered, tmp_path / "course")
    options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(machines.folder)]
    # As where the course is not installed: the environment of these tests may know it.
    (machines.folder / "autograder.py").write_text("raise ModuleNotFoundError(name='autograder')\n", encoding="utf-8")
    machines.workers.append(machines._start(["worker", machines.address, *options], machines.folder))
    with pytest.raises(CourseError, match="does not find autograder; start it in a folder of this course"):
        grade_class(GradeRequest(course=course, seed=5), Cluster(machines.address))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "no address", "gopher://127.0.0.1:9"])
def test_no_scheduler_is_one_line(address: str, entered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.classroom.run.cluster.CONNECT_SECONDS", 1.0)
    course = shutil.copytree(entered, tmp_path / "course")
    hand_in(course, "stubs", released_notebook())
    with pytest.raises(CourseError, match="no Dask scheduler answers at"):
        grade_class(GradeRequest(course=course, seed=5), Cluster(address))


def graded_there(job: Job, threads: int, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """Return what a worker of the cluster with so many threads answers to a job."""
    worker = mock.Mock(**{"state.nthreads": threads})
    monkeypatch.setattr(cluster, "get_worker", lambda: worker)
    return pickle.loads(cluster._errand()(pickle.dumps(job)))


def test_a_job_travels_and_comes_back_as_its_result(monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.dumps(released_notebook()).encode()
    job = Job("anna", LESSON, seed=5, isolation="auto", file=f"{LESSON}.ipynb", content=content)
    outcome = graded_there(job, 1, monkeypatch)
    assert isinstance(outcome, dict)
    assert (outcome["student"], outcome["score"]) == ("anna", 0)
    assert {entry["outcome"] for entry in outcome["exercises"]} == {"not_attempted"}
    refused = graded_there(job, 2, monkeypatch)
    assert isinstance(refused, CourseError)
    assert "a worker of the cluster has 2 threads; start it with --nthreads 1" in str(refused)
