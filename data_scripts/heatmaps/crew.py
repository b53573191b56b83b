"""Train several networks at once: each in a process of its own, which shares the processors with the others."""

from __future__ import annotations

import math
import multiprocessing
import os
import sys
import time
from pathlib import Path

import torch
from tqdm import tqdm

from data_scripts.files.errors import DataError, explain_os_error
from data_scripts.heatmaps.faces import Faces
from data_scripts.heatmaps.run import Interrupted, train_network
from data_scripts.heatmaps.training import Recipe, Training

INTERRUPTED = 130


def train_networks(
    faces: Faces, folder: Path, recipe: Recipe, networks: int, seed: int, minutes: float, steps: int | None = None
) -> None:
    """Train networks and write them to ``folder`` as ``network_0.pt`` and so on; those that are there stay.

    Args:
        faces: what they learn from.
        folder: where they go, with their checkpoints.
        recipe: how they learn.
        networks: how many.
        seed: of everything drawn, with the network's number.
        minutes: for all of them together.
        steps: of each, in place of minutes.

    Raises:
        Interrupted: somebody stopped it; the checkpoints hold every step so far.
        DataError: a file can't be read or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made: {explain_os_error(error)}") from error
    # Two networks side by side on two cores, a thread each, learn more than two threads bring to one after the other.
    at_once = max(1, min(networks, _cores()))
    threads = max(1, _cores() // at_once)
    share = minutes / math.ceil(networks / at_once)
    for first in range(0, networks, at_once):
        numbers = range(first, min(first + at_once, networks))
        jobs = [(faces, folder, recipe, seed, number, share, steps, threads, number - first) for number in numbers]
        codes = [_train(*jobs[0])] if len(jobs) == 1 else _side_by_side(jobs)
        if INTERRUPTED in codes:
            raise Interrupted
        if any(codes):
            raise DataError(f"{folder}: a network could not be trained; its reason stands above")


def _cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _side_by_side(jobs: list[tuple]) -> list[int]:
    """Train each in a fresh process; -> their exit codes."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_train_and_exit, args=job) for job in jobs]
    for process in processes:
        process.start()
    asked = 0
    while any(process.is_alive() for process in processes):
        try:
            for process in processes:
                process.join()
        except KeyboardInterrupt:  # they hear of it too, save, and end
            asked += 1
            if asked > 2:
                raise
    return [process.exitcode or 0 for process in processes]


def _train_and_exit(*job: object) -> None:
    try:
        sys.exit(_train(*job))  # type: ignore[arg-type]  # the tuple that `train_networks` made
    except KeyboardInterrupt:  # before the first step
        sys.exit(INTERRUPTED)


def _train(
    faces: Faces,
    folder: Path,
    recipe: Recipe,
    seed: int,
    number: int,
    minutes: float,
    steps: int | None,
    threads: int,
    place: int,
) -> int:
    """Train one network; -> exit code."""
    torch.set_num_threads(threads)
    began = time.monotonic()
    try:
        training = Training(faces, recipe, (seed, number))
        train_network(training, folder / f"network_{number}.pt", minutes, tqdm.write, place, steps)
    except Interrupted:
        return INTERRUPTED
    except DataError as error:
        tqdm.write(f"train_heatmaps: {error}", file=sys.stderr)
        return 1
    tqdm.write(f"network_{number}.pt: done, {(time.monotonic() - began) / 60:.1f} minutes")
    return 0
