"""Checks of lesson 05: when early stopping says stop."""

from __future__ import annotations

import math

import numpy as np

from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

early_stopping = Ladder("EarlyStopping")

# Every rule that students mistake for the right one stops at another of these values, or at none.
UPS_AND_DOWNS = [5.0, 6.0, 4.0, 5.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]


def _stops(patience: int, values: list[float]) -> tuple[list[bool], list[float]]:
    """Return step's answers and best after each value."""
    best, since, answers, bests = math.inf, 0, [], []
    for value in values:
        best, since = (value, 0) if value < best else (best, since + 1)
        answers.append(since >= patience)
        bests.append(best)
    return answers, bests


def _answers(student: Student, patience: int | None, values: list[float]) -> tuple[list, list]:
    found = student.probe("lesson_05.stopping", patience=patience, values=values)
    return [_plain(item) for item in found["answers"]], found["bests"]


def _plain(answer: object) -> bool | int | str | None:
    """Return what step said as Python's own; what is no answer at all as the text that it is shown by."""
    if isinstance(answer, np.ndarray) and answer.ndim == 0 and answer.dtype.kind in "biuf":
        return bool(answer)
    return answer if isinstance(answer, int) or answer is None else expect.show(answer)


def _say_stop(answers: list) -> str:
    # Training ends at the first True, so what step would say after that is left open.
    stop = answers.index(True) + 1 if True in answers else 0
    before = answers[: stop - 1] if stop else answers
    # None is "go on" to whoever asks `if step(value)`, and so is 0; that these are no bools is told by another rung.
    if any(isinstance(answer, str) for answer in before):
        return f"step: {answers[: stop or None]}"
    return f"the first True at call {stop}" if stop else f"no True in {len(answers)} calls"


def _expect_stops(student: Student, patience: int | None, values: list[float], about: bool = False) -> None:
    """Expect a stop at the right call; where only ``about`` there, a call earlier or later will do."""
    answers, right = _answers(student, patience, values)[0], _stops(patience or 5, values)[0]
    came, wanted = _say_stop(answers), _say_stop(right)
    near = True in right and True in answers and abs(right.index(True) - answers.index(True)) == 1
    if about and near and "step" not in came:
        return
    hint = "Write down, value by value, the best so far and how many calls have gone by since it came."
    # As many digits as tell the values apart.
    digits = 3 if len({round(value, 3) for value in values}) == len(set(values)) else 6
    shown = [round(value, digits) for value in values]
    expect.true(came == wanted, wanted, came, f"patience {patience or '5 (the default)'}, values {shown}", hint)


@early_stopping.rung("type", points=1)
def says_bool(student: Student, rng: np.random.Generator) -> None:
    """step answers True or False."""
    hint = "Every path through step must end in a return."
    # The last call says stop: who answers True or nothing is told from who never answers.
    values = [3.0, 2.0, 4.0, 5.0, 6.0]
    answers, _ = _answers(student, 3, values)
    only_bools = all(isinstance(answer, bool) for answer in answers)
    expect.true(only_bools, "True or False at every call", f"{answers}", f"patience 3, values {values}", hint)


@early_stopping.rung("values", points=3)
def stops_after_patience(student: Student, rng: np.random.Generator) -> None:
    """True once patience calls in a row brought no new best; a new best starts the count again."""
    hint = "What belongs to one object is kept in self, and made in __init__."
    apart = student.probe("lesson_05.two_stoppings")["apart"]
    got = "one that knows the values that another one was given"
    expect.true(apart, "an EarlyStopping that knows its own values alone", got, hint=hint)
    _expect_stops(student, 3, UPS_AND_DOWNS)
    for patience in (1, 2, 3):
        down = np.sort(rng.uniform(2, 4, 4))[::-1]
        worse = [float(down[-1] + step) for step in rng.uniform(0.1, 1, 8)]
        values = [float(down[0]), *[float(down[0] + 1)] * (patience - 1), *map(float, down[1:]), *worse]
        _expect_stops(student, patience, values)


@early_stopping.rung("values", points=3)
def compares_with_the_best(student: Student, rng: np.random.Generator) -> None:
    """A value that is better than the one before, but not than the best, does not count."""
    # Who counts one call too many or too few, or waits for the default alone, has lost the points of the rung before.
    _expect_stops(student, 5, [4.0, 7.0, 6.0, 5.5, 5.0, 4.75, 4.5, 4.25], about=True)
    low = float(rng.uniform(1, 2))
    _expect_stops(student, 5, [low, *(low + more for more in (4, 3, 2, 1.5, 1)), *[low + 0.5] * 4], about=True)


@early_stopping.rung("values", points=1)
def keeps_the_best(student: Student, rng: np.random.Generator) -> None:
    """best is the lowest value so far."""
    for values in ([3.0, 4.0, 2.0, 5.0], [float(value) for value in rng.uniform(1, 5, 6)]):
        # What step says of them is another rung's.
        bests = student.probe("lesson_05.stopping", patience=10, values=values, to_the_end=True)["bests"]
        for index, want in enumerate(_stops(10, values)[1]):
            seen = [round(value, 3) for value in values[: index + 1]]
            expect.close(bests[index], want, what=f".best after {seen}", rtol=1e-6)


@early_stopping.rung("edge cases", points=2)
def equal_is_not_new(student: Student, rng: np.random.Generator) -> None:
    """An equal value is not a new best, one a little lower is; values may be negative; patience is 5 by default."""
    value = float(rng.uniform(1, 2))
    _expect_stops(student, 3, [2.0] * 9)
    _expect_stops(student, 2, [value] * 9)
    _expect_stops(student, 2, [-1.0, -2.0, -3.0, -2.5, -2.9])
    _expect_stops(student, 2, [value - 2e-5 * step for step in range(6)])
    _expect_stops(student, None, [value, *[value + 1] * 5])


@early_stopping.rung("edge cases", points=1)
def the_first_value_is_a_best(student: Student, rng: np.random.Generator) -> None:
    """The first value is a new best, however large it is."""
    # The largest first: whoever starts from a number taken for large fails there, whichever it is.
    for size in (3e30, 3e6, 3e3, 30.0):
        large = size * float(rng.uniform(1, 2))
        _expect_stops(student, 5, [large, 0.5 * large, 2 * large, *[3 * large] * 5], about=True)
