"""Train one network to its end: how many steps there is time for, the checkpoint, and going on from it."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data_scripts.files.errors import DataError
from data_scripts.heatmaps.training import Training
from data_scripts.training.rates import one_cycle_rate
from data_scripts.training.state_file import read_state, write_state

SAVE_SECONDS = 60.0
EXPECTED = "a checkpoint of this training; remove it"


class Interrupted(Exception):
    """Somebody pressed Ctrl-C, or the system asked to stop; the checkpoint holds every step so far."""


def measure_speed(training: Training, steps: int = 8) -> tuple[float, bool]:
    """Return the seconds that a step takes, and whether half precision is faster than single on this machine.

    The training is as it was afterwards.
    """
    kept = Training(training.faces, training.recipe, training.seed)
    seconds = {}
    for half in (False, True):
        kept.half = half
        for step in range(steps + 3):
            if step == 3:  # the first steps reserve memory
                began, worked = time.perf_counter(), time.process_time()
            kept.take_step(1e-5)
        # Which is faster is told by the processor's own time: it doesn't count what else the machine does.
        seconds[half] = (time.process_time() - worked, time.perf_counter() - began)
    half = seconds[True][0] < seconds[False][0]
    return seconds[half][1] / steps, half


def train_network(
    training: Training,
    path: Path,
    minutes: float,
    say: Callable[[str], None] = print,
    place: int = 0,
    steps: int | None = None,
) -> None:
    """Train one network and write it; do nothing where it is there, go on where a checkpoint of it is.

    Args:
        training: not begun yet.
        path: of the finished network; ``unfinished(path)`` is its checkpoint.
        minutes: how long it may take: the speed of the first steps says how many steps that makes.
        say: called with a line.
        place: the line of the progress bar.
        steps: in place of minutes.

    Raises:
        Interrupted: the training was stopped; the checkpoint holds every step so far.
        DataError: the checkpoint is of another training, or a file can't be read or written.
    """
    checkpoint = unfinished(path)
    if path.is_file():
        if read_state(path, EXPECTED).get("stamp") != training.stamp():
            raise DataError(f"{path}: is of other faces, another seed or another recipe; name another folder")
        say(f"{path.name}: is there already")
        return
    if checkpoint.is_file():
        state = read_state(checkpoint, EXPECTED)
        if state.get("stamp") != training.stamp():
            raise DataError(f"{checkpoint}: is of other faces, another seed or another recipe; remove it to start anew")
        steps = state["steps"]
        training.load(state["training"])
        say(f"{path.name}: goes on behind step {training.step:,} of {steps:,}")
    else:
        began = time.perf_counter()
        seconds, training.half = measure_speed(training)
        if steps is None:
            steps = max(10, int((60 * minutes - (time.perf_counter() - began)) / seconds))
        say(
            f"{path.name}: {1000 * seconds:.0f} ms a step in {'half' if training.half else 'single'} precision: "
            f"{steps:,} steps of {training.recipe.batch} faces"
        )

    def save() -> None:
        write_state(checkpoint, {"stamp": training.stamp(), "steps": steps, "training": training.state()})

    # The plan is kept from the start: whenever the process is killed, the same steps come out again.
    save()
    _run(training, steps, save, place, path.stem)
    write_state(path, {"stamp": training.stamp(), **training.result()})
    checkpoint.unlink(missing_ok=True)


def _run(training: Training, steps: int, save: Callable[[], None], place: int, title: str) -> None:
    """Take the remaining steps; save each minute, and when asked to stop."""
    recipe, smooth, saved = training.recipe, float("nan"), time.monotonic()
    bar = tqdm(total=steps, initial=training.step, desc=title, unit="step", file=sys.stdout, position=place)
    with _asked_to_stop() as asked, bar:
        while training.step < steps:
            error = training.take_step(one_cycle_rate(training.step, steps, recipe.peak, recipe.warmup))
            smooth = error if np.isnan(smooth) else 0.98 * smooth + 0.02 * error
            bar.set_postfix(loss=f"{smooth:.2f}", refresh=False)
            bar.update()
            if asked or time.monotonic() - saved > SAVE_SECONDS:
                save()
                saved = time.monotonic()
            if asked:
                raise Interrupted


@contextmanager
def _asked_to_stop() -> Iterator[list[int]]:
    """Collect Ctrl-C and polite requests to end, so that no step is cut in two; the list fills when one comes."""
    asked: list[int] = []
    former = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            former[number] = signal.signal(number, lambda number, _: asked.append(number))
        yield asked
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def unfinished(path: Path) -> Path:
    """Return where the checkpoint of a network lies."""
    return path.with_suffix(".unfinished")
