"""Checks of one_cycle: the rates of a whole cycle, computed here by the formula."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from autograder.ladder import expect
from autograder.ladder.form import Answers, form
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student
from autograder.worker.plain import TensorValue

one_cycle = Ladder("one_cycle")

# Of the rate and of the peak: what a float32 cosine may differ by. The last rate is 4e-6 of the peak.
RTOL, ATOL = 1e-4, 5e-7
HIGHEST = "Count the steps of the climb from 0: which of them is the last, and is it always a whole number?"
ENDS = "Which rate does each part begin with and end with? The lesson gives both beside the peak."


def right_rate(step: int, steps: int, peak: float, warmup: float) -> float:
    """Return the rate of a step by the rule of PyTorch's OneCycleLR with cosine annealing."""
    start, top = peak / 25, warmup * steps - 1
    last = start / 1e4
    if step < top:
        return peak + (start - peak) * (1 + math.cos(math.pi * step / top)) / 2
    return last + (peak - last) * (1 + math.cos(math.pi * (step - top) / (steps - 1 - top))) / 2


def _plain(value: Any, what: str) -> float:
    """Return a rate as a number, also where it came as a tensor or array of one: that costs the rung of types."""
    found = value.array if isinstance(value, TensorValue) else value
    if isinstance(found, np.ndarray) and found.size == 1 and found.dtype.kind in "iuf":
        return float(found.reshape(()))
    return expect.number(found, what)


def _expect_rates(
    student: Student, steps: int, peak: float, warmup: float | None, of: Iterable[int], hint: str
) -> None:
    """Expect the right rates of some steps; ``None`` leaves the warm-up to its default."""
    share, asked = 0.25 if warmup is None else warmup, [int(step) for step in of]
    given = {} if warmup is None else {"warmup": warmup}
    rest = f"{steps}, {peak}" + ("" if warmup is None else f", {warmup}")
    for step in asked:
        call = f"one_cycle({step}, {rest})"
        got = _plain(student.call("one_cycle", step, steps, peak, **given), call)
        top = share * steps - 1
        example = f"{steps} steps, of which the climb takes {share:g}: its top is at step {top:g}"
        expect.close(got, right_rate(step, steps, peak, share), RTOL, ATOL * peak, call, example, hint)


def _draw_peak(rng: np.random.Generator) -> float:
    return round(float(rng.uniform(0.001, 0.02)), 4)


@form(one_cycle, "type", points=1, of="number", hint="An optimizer takes its rate as one number.")
def a_rate_is_a_number(student: Student, rng: np.random.Generator) -> Answers:
    """A rate is one number, a float."""
    peak = _draw_peak(rng)
    yield f"one_cycle(3, 40, {peak})", student.call("one_cycle", 3, 40, peak)
    yield f"one_cycle(30, 40, {peak})", student.call("one_cycle", 30, 40, peak)


@one_cycle.rung("values", points=3)
def begins_and_ends(student: Student, rng: np.random.Generator) -> None:
    """The first rate, the highest and the last."""
    _expect_rates(student, 40, 0.01, None, [0, 9, 39], ENDS)
    steps = 4 * int(rng.integers(12, 30))
    _expect_rates(student, steps, _draw_peak(rng), None, [0, steps // 4 - 1, steps - 1], ENDS)


@one_cycle.rung("values", points=3)
def climbs(student: Student, rng: np.random.Generator) -> None:
    """The steps of the climb, along half a wave of the cosine."""
    hint = "Half a wave of the cosine: flat at both ends, steepest in the middle. Where in the climb is this step?"
    _expect_rates(student, 40, 0.01, 0.25, range(1, 9), hint)
    steps = 2 * int(rng.integers(20, 30))
    _expect_rates(student, steps, _draw_peak(rng), 0.5, sorted(rng.choice(np.arange(1, steps // 2 - 1), 5)), hint)


@one_cycle.rung("values", points=3)
def falls(student: Student, rng: np.random.Generator) -> None:
    """The steps of the fall, along half a wave of the cosine."""
    hint = "Half a wave of the cosine from the highest rate to the last: how many steps are there between them?"
    _expect_rates(student, 40, 0.01, 0.25, [*range(10, 39, 4), 38], hint)
    steps = 4 * int(rng.integers(12, 30))
    _expect_rates(student, steps, _draw_peak(rng), 0.25, sorted(rng.choice(np.arange(steps // 4, steps - 1), 5)), hint)


@one_cycle.rung("values", points=2)
def takes_any_warm_up(student: Student, rng: np.random.Generator) -> None:
    """Any share of the steps climbs, also one that is no whole number of them."""
    for share in (0.3, 0.1, 0.65):
        # Never a whole number of steps: 10 n + 3 of them times 0.3, 0.1 or 0.65.
        steps = 10 * int(rng.integers(3, 9)) + 3
        near = math.floor(share * steps - 1)
        _expect_rates(student, steps, _draw_peak(rng), share, [0, near, near + 1, near + 4, steps - 1], HIGHEST)


@one_cycle.rung("edge cases", points=1)
def climbs_by_default_for_a_quarter(student: Student, rng: np.random.Generator) -> None:
    """Without a warm-up given, a quarter of the steps climbs."""
    hint = "What stands behind warmup in the first line of the function?"
    steps = 4 * int(rng.integers(10, 20))
    _expect_rates(student, steps, _draw_peak(rng), None, [steps // 8, steps // 4, steps // 2], hint)


@one_cycle.rung("edge cases", points=1)
def takes_few_steps(student: Student, rng: np.random.Generator) -> None:
    """Training may be so short that the climb is over before its first step."""
    hint = "The top of the climb may lie before step 0: then every step is one of the fall."
    _expect_rates(student, 3, _draw_peak(rng), 0.25, range(3), hint)
    _expect_rates(student, 2, _draw_peak(rng), 0.25, range(2), hint)


@one_cycle.rung("edge cases", points=2)
def refuses_other_steps(student: Student, rng: np.random.Generator) -> None:
    """A step before 0 or after the last one ends in a ValueError, and the last one does not."""
    steps, peak = 4 * int(rng.integers(5, 15)), _draw_peak(rng)
    hint = "Which numbers do you count where there are so many steps and the first is 0?"
    outside = [-1, -int(rng.integers(2, 9)), steps, steps + int(rng.integers(2, 9))]
    told = []
    for step in outside:
        try:
            expect.raises(student, ValueError, "one_cycle", step, steps, peak)
        except expect.Mismatch as found:
            told.append((step, found))
    if told:
        got = "; ".join(f"step {step}: {found.got}" for step, found in told)
        where = told[0][1].where
        expected = f"a ValueError for each of the steps {', '.join(map(str, outside))}"
        raise expect.Mismatch(expected, got, f"one_cycle({told[0][0]}, {steps}, {peak})", hint, where=where)
    _expect_rates(student, steps, peak, None, [0, steps - 1], hint)
