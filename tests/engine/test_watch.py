"""``python -m autograder watch``: a save is noticed, graded by a warm worker, and what changed is said."""

from __future__ import annotations

import contextlib
import io
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from autograder.__main__ import main
from autograder.course.manifest import ROOT, find_lesson, load_course
from autograder.isolation.process import CAN_FORK
from autograder.isolation.sandbox import make_sandbox
from autograder.notebook_api import watch
from autograder.notebook_api.watch import Watch, Watched, Workers
from tests.notebooks import LESSON, cell_of, reference_notebook, released_notebook, save, with_code

lesson = find_lesson(LESSON)
HALF = (
    "import numpy as np\ndef split_rows(n_rows, val_fraction=0.2, seed=0):\n    return np.split(np.arange(n_rows), 2)\n"
)


class Watching:
    """A watch of lesson 01 that prints into memory."""

    def __init__(self, work: Path) -> None:
        self.path = work / LESSON / f"{LESSON}.ipynb"
        console = Console(file=io.StringIO(), width=100, highlight=False, markup=False)
        self.watch = Watch([lesson], work, make_sandbox(), 1, console, prepare=True)
        self._read = 0

    def step(self) -> str:
        """Let the watch look once and return what it said."""
        self.watch.step()
        said = self.watch._console.file.getvalue()
        fresh, self._read = said[self._read :], len(said)
        return fresh

    def replace(self, content: bytes) -> None:
        """Save as Jupyter does on some systems: write aside, then rename."""
        aside = self.path.with_suffix(".saving")
        aside.write_bytes(content)
        os.replace(aside, self.path)


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Watching]:
    save(with_code("split_rows", HALF), tmp_path)
    watching = Watching(tmp_path)
    with watching.watch:
        yield watching


def test_a_save_is_graded_and_what_changed_is_said(watching: Watching) -> None:
    first = watching.step()
    assert "01.4 split_rows" in first
    assert "Fix this next: 01.4 split_rows" in first
    assert watching.step() == ""
    server = watching.watch._workers.of(lesson)._server
    watching.replace(json.dumps(reference_notebook()).encode())
    said = watching.step()
    assert f"{LESSON} saved" in said
    assert "-> 40 of 40 points" in said
    assert "✓ 01.4 split_rows: " in said
    assert "-> 10 of 10 points, failed -> passed" in said or "-> 10 of 10 points, error -> passed" in said
    assert "parse_pixels" not in said
    assert "Fix this next" not in said
    # The frameworks were not imported again.
    if CAN_FORK:
        assert watching.watch._workers.of(lesson)._server is server
        assert server.poll() is None
    assert watching.step() == ""
    watching.replace(json.dumps(reference_notebook()).encode())
    assert "still 40 of 40 points" in watching.step()


def test_what_was_edited_is_graded_first(tmp_path: Path) -> None:
    save(with_code("split_rows", HALF), tmp_path)
    watched = Watched(lesson, tmp_path)
    names = [exercise.name for exercise in lesson.exercises]
    assert [exercise.name for exercise in watched.next_exercises(watched.read())] == names
    assert [exercise.name for exercise in watched.next_exercises(watched.read())] == names
    save(reference_notebook(), tmp_path)
    assert [exercise.name for exercise in watched.next_exercises(watched.read())] == ["split_rows", *names[:3]]


def test_points_that_are_lost_are_said_too(watching: Watching) -> None:
    watching.step()
    broken = with_code("split_rows", HALF)
    cell_of(broken, "scale_pixels")["source"] = "def scale_pixels(images):\n    return images / 0\n"
    watching.replace(json.dumps(broken).encode())
    said = watching.step()
    assert "✗ 01.2 scale_pixels: 5 -> " in said or "! 01.2 scale_pixels: 5 -> " in said
    assert "passed -> " in said
    assert "Fix this next: 01.2 scale_pixels" in said
    assert "expected:" in said


def test_a_half_written_notebook_is_tried_again(watching: Watching) -> None:
    watching.step()
    whole = json.dumps(reference_notebook()).encode()
    for part in (b"", whole[: len(whole) // 2], b'{"cells": ['):
        watching.path.write_bytes(part)
        assert watching.step() == ""
    watching.path.write_bytes(whole)
    assert "-> 40 of 40 points" in watching.step()


def test_a_notebook_that_is_gone_for_a_moment_is_waited_for(watching: Watching) -> None:
    watching.step()
    watching.path.unlink()
    assert watching.step() == ""
    watching.path.write_text(json.dumps(reference_notebook()))
    assert "-> 40 of 40 points" in watching.step()


def test_a_notebook_that_stays_broken_is_said_once_and_costs_nothing(
    watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "SETTLE_SECONDS", 0.0)
    watching.step()
    watching.path.write_bytes(b'{"cells": [')
    said = watching.step()
    assert "is not a notebook" in said
    assert "points" not in said
    assert watching.step() == ""
    watching.path.write_text(json.dumps(reference_notebook()))
    assert "-> 40 of 40 points" in watching.step()


def test_a_broken_file_that_still_changes_is_still_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 1))
    monkeypatch.setattr("autograder.notebook_api.watch.time.monotonic", lambda: float(next(clock)))
    save(released_notebook(), tmp_path)
    watched = Watched(lesson, tmp_path)
    path = tmp_path / LESSON / f"{LESSON}.ipynb"
    for length in range(1, 6):
        path.write_bytes(b"{" * length)
        assert not watched.saved()
    looks = (watched.saved() for _ in range(100))
    with pytest.raises(watch.Unreadable):
        any(looks)


def test_stubs_are_graded_without_importing_anything(tmp_path: Path) -> None:
    for each in load_course().lessons:
        save(released_notebook(each.id), tmp_path, each.id)
    console = Console(file=io.StringIO(), width=100)
    with Watch(load_course().lessons, tmp_path, make_sandbox(), 1, console, prepare=False) as begun:
        while begun.step():
            pass
        assert all(worker._server is None for worker in begun._workers._workers.values())
    said = console.file.getvalue().splitlines()
    assert [line.partition(":")[0] for line in said] == [each.id for each in load_course().lessons]


def test_lessons_with_the_same_frameworks_share_a_worker() -> None:
    workers = Workers(load_course().lessons, make_sandbox())
    found = {each.number: workers.of(each) for each in load_course().lessons}
    assert found["02"] is found["03"] is found["05"]
    assert len({id(found[number]) for number in ("01", "03", "04", "06")}) == 4
    workers.close()


def wait_for(said: queue.Queue[str], found: Callable[[str], bool]) -> str:
    """Return the first line that is found; a program that ends or says nothing for minutes fails the test."""
    while True:
        line = said.get(timeout=240)
        assert line, "the program ended"
        if found(line):
            return line


def test_the_command_from_start_to_ctrl_c(tmp_path: Path) -> None:
    save(released_notebook(), tmp_path)
    command = [sys.executable, "-m", "autograder", "watch", "--lesson", "01", "--work", str(tmp_path)]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in running.stdout:
            said.put(line)
        said.put("")

    threading.Thread(target=read, daemon=True).start()
    try:
        assert LESSON in wait_for(said, lambda line: "Watching" in line)
        wait_for(said, lambda line: "01.4 split_rows" in line)
        time.sleep(0.1)
        save(reference_notebook(), tmp_path)
        wait_for(said, lambda line: f"{LESSON} saved" in line)
        assert "0 -> 5 of 5 points" in wait_for(said, lambda line: "scale_pixels" in line)
        wait_for(said, lambda line: "0 -> 40 of 40 points" in line)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=60) in (0, 130)
    finally:
        running.kill()
    assert running.stderr.read() == ""


def test_ctrl_c_ends_the_watch_even_where_python_drops_the_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = []

    def press_while_something_swallows(self: Watch) -> bool:
        steps.append(self)
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return True

    monkeypatch.setattr(Watch, "step", press_while_something_swallows)
    former = signal.getsignal(signal.SIGINT)
    assert main(["watch", "--work", str(tmp_path)]) == 0
    assert len(steps) == 1
    assert signal.getsignal(signal.SIGINT) is former
    said = capsys.readouterr().out
    assert "no notebook yet: 01_pixel_parsing" in said
    assert said.endswith("watching ended\n")


def test_bad_requests_end_in_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["watch", "--work", str(tmp_path / "none")]) == 2
    assert "is no folder" in capsys.readouterr().err
    assert main(["watch", "--lesson", "77"]) == 2
    assert "no lesson '77'" in capsys.readouterr().err
