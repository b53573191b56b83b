"""A time limit ends whatever comes back to Python, also a loop that takes every exception for its own."""

from __future__ import annotations

import contextlib
import dataclasses
import dis
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

import autograder
from autograder.course.manifest import ROOT, find_exercise
from autograder.ladder import time_limit
from autograder.ladder.insistence import is_caught, lets_out
from autograder.ladder.ladder import Rung, try_rung
from autograder.ladder.student import Student
from autograder.ladder.time_limit import Overdue, in_time, memory_limit
from autograder.notebook_api import check

SECONDS, ENOUGH = 0.2, 20.0


def passes_over_all() -> None:
    while True:
        try:  # noqa: SIM105 (what students write)
            pass
        except BaseException:
            pass


def loops_inside() -> None:
    while True:
        try:
            while True:
                pass
        except:  # noqa: E722 (what students write)
            pass


def tries_again_in_except() -> None:
    while True:
        try:
            try:
                float("1")
            except:  # noqa: E722
                continue
        except BaseException:
            time.sleep(0.001)


def continues_finally() -> None:
    while True:
        try:
            float("1")
        finally:
            continue  # noqa: B012


def suppresses() -> None:
    while True:
        with contextlib.suppress(BaseException):
            while True:
                float("1")


def _gives_up() -> None:
    try:
        while True:
            time.sleep(0.001)
    except:  # noqa: E722
        return


def calls_what_takes_all() -> None:
    while True:
        _gives_up()


def takes_all_on_two_floors() -> None:
    while True:
        try:  # noqa: SIM105
            _gives_up()
        except:  # noqa: E722
            pass


LOOPS = (
    passes_over_all,
    loops_inside,
    tries_again_in_except,
    continues_finally,
    suppresses,
    calls_what_takes_all,
    takes_all_on_two_floors,
)


def end_of(loop: Callable[[], None]) -> float:
    """Return how many seconds a loop went on that has a limit."""
    started = time.monotonic()
    with pytest.raises(Overdue):
        in_time(SECONDS, loop)
    return time.monotonic() - started


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
def test_a_loop_that_takes_every_exception_ends(loop: Callable[[], None]) -> None:
    traced, profiled = sys.gettrace(), sys.getprofile()
    assert SECONDS <= end_of(loop) < ENOUGH
    assert (sys.gettrace(), sys.getprofile()) == (traced, profiled)
    # Python is not left in the middle of an ``except``.
    assert sys.exc_info() == (None, None, None)


def test_it_ends_in_another_thread() -> None:
    took: list[float] = []
    thread = threading.Thread(target=lambda: took.append(end_of(takes_all_on_two_floors)), daemon=True)
    thread.start()
    thread.join(ENOUGH)
    assert took


def test_nothing_arrives_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limit, "AGAIN_SECONDS", 0.001)
    for _ in range(5):
        end_of(loops_inside)
        ends = time.monotonic() + 0.05
        while time.monotonic() < ends:
            float("1")


def test_work_in_time_keeps_its_answer_and_its_error() -> None:
    assert in_time(ENOUGH, lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        in_time(ENOUGH, lambda: 1 / 0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no other system limits memory")
def test_comparing_takes_no_more_memory_than_it_may() -> None:
    import resource

    def check(student: Student, rng: np.random.Generator) -> None:
        np.zeros(10**10, np.uint8) + 1

    before = resource.getrlimit(resource.RLIMIT_DATA)
    with memory_limit():
        assert resource.getrlimit(resource.RLIMIT_DATA) != before
        problem = try_rung(Rung("values", 1, False, "greedy", "it", check), "rmse", None, 0)
    assert problem.expected == "an answer in the memory there is"
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_where_a_function_catches_and_where_it_lets_out() -> None:
    code = loops_inside.__code__
    places = range(0, len(code.co_code), 2)
    assert {is_caught(code, place) for place in places} == {True, False}
    assert {dis.opname[code.co_code[place]] for place in places if lets_out(code, place)} == {"JUMP_BACKWARD"}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give exercises half a second."""
    monkeypatch.setattr(check, "find_exercise", lambda name: dataclasses.replace(find_exercise(name), seconds=0.25))


def _stubborn(images: Any) -> Any:
    while True:
        try:
            images = images / 255
        except:  # noqa: E722
            continue


@pytest.mark.usefixtures("short")
def test_a_check_of_such_a_loop_ends_with_a_message() -> None:
    report = autograder.check("scale_pixels", {"scale_pixels": _stubborn})
    assert report.result.outcome == "timeout"
    assert "An `except:` that names no error" in repr(report)


@pytest.mark.usefixtures("short")
def test_a_long_check_says_what_to_do_where_the_notebook_shows_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "LONG", 0.1)
    monkeypatch.setattr(check, "STUCK", 0.1)
    # Compiled code, which nothing interrupts.
    autograder.check("scale_pixels", {"scale_pixels": lambda images: time.sleep(2)})
    said = capsys.readouterr().out
    assert "still checking scale_pixels" in said
    assert "restart the kernel" in said


@pytest.mark.slow
def test_the_kernel_and_what_it_holds_survive() -> None:
    stubborn = """
def scale_pixels(images):
    while True:
        try:
            images = images / 255
        except:
            continue
"""
    cells = (
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nimport autograder\nkept = 41",
        "from autograder.notebook_api import check\ncheck.CLOCK = 0.01",
        stubborn,
        "autograder.check('scale_pixels')",
        "print(kept + 1)",
    )
    notebook = new_notebook(cells=[new_code_cell(source) for source in cells])
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    shown = notebook.cells[3].outputs[0]["data"]["text/plain"]
    assert "timeout" in shown
    assert "the time was up at In[3], line" in shown
    assert notebook.cells[4].outputs[0]["text"] == "42\n"


def test_an_interrupted_kernel_ends_the_check() -> None:
    def scale_pixels(images: Any) -> Any:
        signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        autograder.check("scale_pixels", {"scale_pixels": scale_pixels})
    assert signal.getsignal(signal.SIGINT) is before
