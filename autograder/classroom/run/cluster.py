"""Grade jobs on the machines of an existing Dask cluster, one job at a time in each of its worker processes."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from distributed import Client, Future, KilledWorker, as_completed, get_worker
from tqdm import tqdm

from ...course.manifest import CourseError
from .job import Job
from .pool import Failed, Outcome, attempt

CONNECT_SECONDS = 20.0
# One job in hand and one at the door, so that no worker process waits for a notebook to travel.
JOBS_A_THREAD = 2
START = "python -m dask worker {address} --nthreads 1 --nworkers -1"


def _errand() -> Callable[[bytes], bytes]:
    """Return what a worker process runs: a pickled job in, its pickled outcome out.

    The function is made here, and so travels whole: a scheduler looks into everything it passes on, and needs no course
    to do so.
    """

    def grade_there(job: bytes) -> bytes:
        from autograder.classroom.run.cluster import grade_pickled

        return grade_pickled(job)

    return grade_there


def grade_pickled(job: bytes) -> bytes:
    """Grade one pickled job in a worker process of the cluster; return its pickled outcome."""
    threads = get_worker().state.nthreads
    if threads == 1:
        return pickle.dumps(attempt(pickle.loads(job)))
    # The deciding side keeps one sandboxed worker and one PyTorch for each process, not for each thread.
    return pickle.dumps(CourseError(f"a worker of the cluster has {threads} threads; start it with --nthreads 1"))


class Cluster:
    """A Dask cluster that grades; a context manager. A worker process that is lost costs time and no verdict."""

    def __init__(self, address: str, say: Callable[[str], None] = tqdm.write) -> None:
        self._address, self._say = address, say
        self._client: Client | None = None
        self._grade = _errand()
        self._jobs: dict[Future, Job] = {}

    def __enter__(self) -> Cluster:
        # What goes wrong is said by whoever waits for the outcomes, in one line.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        try:
            self._client = Client(self._address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise CourseError(
                f"no Dask scheduler answers at {self._address} ({error}); expected an address such as "
                "tcp://192.0.2.1:8786, at which `dask scheduler` runs"
            ) from None
        if not self._client.nthreads():
            self._say(f"the cluster has no workers yet; in the course's folder: {START.format(address=self._address)}")
        return self

    def __exit__(self, *exc: object) -> None:
        if self._client is None:
            return
        # Of a scheduler that is gone there is no taking leave: `distributed` itself may fail at it.
        with suppress(OSError, RuntimeError):
            self._client.cancel(list(self._jobs), force=True)
        self._jobs.clear()
        with suppress(OSError, RuntimeError):
            self._client.close()

    def _room(self, client: Client) -> int:
        """Return how many more jobs the cluster should have in hand."""
        threads = sum(client.nthreads().values())
        return JOBS_A_THREAD * max(1, threads) - len(self._jobs)

    def _submit(self, client: Client, jobs: Iterator[Job]) -> Iterator[Future]:
        for _ in range(self._room(client)):
            job = next(jobs, None)
            if job is None:
                return
            # Not a pure function: two students may hand in the same notebook, and each gets a result of their own.
            future = client.submit(self._grade, pickle.dumps(job), pure=False)
            self._jobs[future] = job
            yield future

    def _outcome(self, future: Future) -> Outcome:
        if future.status == "finished":
            return pickle.loads(future.result())
        if future.status == "error":
            error = future.exception()
            if isinstance(error, KilledWorker):
                return Failed("the worker processes that graded it died, one after the other")
            if isinstance(error, ModuleNotFoundError):
                return CourseError(
                    f"a worker of the cluster does not find {error.name}; start it in a folder of this course, with "
                    f"the course's packages: {START.format(address=self._address)}"
                )
            return Failed(f"the cluster failed: {type(error).__name__}: {error}")
        return self._gone()

    def _gone(self) -> CourseError:
        return CourseError(f"the scheduler at {self._address} is gone; run the same command again to go on")

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        """Yield each job with its outcome as it comes; jobs are taken from ``jobs`` as the cluster has room."""
        client, waiting = self._client, iter(jobs)
        if client is None:
            raise RuntimeError("a Cluster is a context manager: run jobs inside its with block")
        running = as_completed(list(self._submit(client, waiting)), loop=client.loop, raise_errors=False)
        for future in running:
            if future.status == "lost":
                # Finished by a worker that was gone before its answer was fetched: the cluster computes it again.
                running.add(future)
                continue
            job = self._jobs.pop(future)
            outcome = self._outcome(future)
            future.release()
            yield job, outcome
            try:
                for further in self._submit(client, waiting):
                    running.add(further)
            except (OSError, RuntimeError):
                raise self._gone() from None
