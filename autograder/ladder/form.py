"""Rungs that follow a formula: what an answer is, its shape, its dtype, and that nothing else was changed.

Such a rung is declared by what to ask of the student; how the answer is judged is the same for every exercise::

    @form(forward_fill, "shape", points=1, gate=True, shape=(9, 30))
    def fill_keeps_the_shape(student, rng):
        \"\"\"No row is dropped: (N, D) stays (N, D).\"\"\"
        yield "forward_fill of an array (9, 30)", student.call("forward_fill", draw_targets(rng, 9, 30))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import numpy as np

from . import expect
from .ladder import Ladder
from .student import Student

Shape = tuple[int | None, ...]
# What an answer is called in a report, the answer and, where it has a shape of its own, that. What is not right ends
# the rung, so that nothing further is asked.
Answers = Iterable[tuple[str, Any] | tuple[str, Any, Shape]]
# What a thing is called, as it was before and as it is afterwards.
Kept = Iterable[tuple[str, Any, Any]]
Ask = Callable[[Student, np.random.Generator], Answers]
AskKept = Callable[[Student, np.random.Generator], Kept]


def form(
    ladder: Ladder,
    kind: str,
    *,
    points: float,
    gate: bool = False,
    of: str = "numpy",
    shape: Shape | None = None,
    dtype: str | tuple[str, ...] | None = None,
    hint: str | None = None,
) -> Callable[[Ask], Ask]:
    """Make a rung of the decorated function: each answer that it yields is ``of`` this kind, shape and dtype.

    ``of`` is ``numpy`` or ``torch`` for an array, or ``number``; without a shape or dtype any will do, see
    ``expect.array``. The function's name and docstring are the rung's.
    """

    def declare(ask: Ask) -> Ask:
        @wraps(ask)
        def check(student: Student, rng: np.random.Generator) -> None:
            for what, value, *own in ask(student, rng):
                try:
                    if of == "number":
                        expect.number(value, what)
                    else:
                        expect.array(value, own[0] if own else shape, dtype, of, what)
                except expect.Mismatch as found:
                    found.hint = found.hint or hint
                    raise

        ladder.rung(kind, points, gate)(check)
        return ask

    return declare


def kept(ladder: Ladder, *, points: float, hint: str | None = None) -> Callable[[AskKept], AskKept]:
    """Make a rung of kind ``side effects`` of the decorated function: what it yields is afterwards as it was before."""

    def declare(ask: AskKept) -> AskKept:
        @wraps(ask)
        def check(student: Student, rng: np.random.Generator) -> None:
            for what, before, after in ask(student, rng):
                expect.equal(after, before, what=f"{what} afterwards", hint=hint)

        ladder.rung("side effects", points)(check)
        return ask

    return declare
