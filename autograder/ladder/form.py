"""Rungs that follow a formula: what an answer is, its shape, its dtype, and that nothing else was changed.

Such a rung is declared by what to ask of the student; how the answer is judged is the same for every exercise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import expect
from .ladder import Ladder, Rung
from .student import Student

# Returns the answers to look at, each under the words that name it in a report.
Ask = Callable[[Student, np.random.Generator], Mapping[str, Any]]
# Returns what each thing is called, as it was before and as it is afterwards.
AskKept = Callable[[Student, np.random.Generator], Iterable[tuple[str, Any, Any]]]


@dataclass(frozen=True)
class Form:
    """What an answer must be: an array of ``numpy`` or ``torch``, of a shape and dtype, or a ``number``.

    ``None`` for a shape or dtype means any; see ``expect.array``.
    """

    of: str = "numpy"
    shape: tuple[int | None, ...] | None = None
    dtype: str | tuple[str, ...] | None = None

    def check(self, value: Any, what: str) -> None:
        """Raise Mismatch where ``value``, which a report calls ``what``, is something else."""
        if self.of == "number":
            expect.number(value, what)
        else:
            expect.array(value, self.shape, self.dtype, self.of, what)


def declare_form(
    ladder: Ladder,
    kind: str,
    name: str,
    looked_at: str,
    ask: Ask,
    *,
    points: float,
    gate: bool = False,
    hint: str | None = None,
    **form: Any,
) -> None:
    """Add the rung ``name`` that expects each answer of ``ask`` to be of the ``form`` (the fields of ``Form``)."""
    wanted = Form(**form)

    def check(student: Student, rng: np.random.Generator) -> None:
        for what, value in ask(student, rng).items():
            try:
                wanted.check(value, what)
            except expect.Mismatch as found:
                found.hint = found.hint or hint
                raise

    ladder.add(Rung(kind, points, gate, name, looked_at, check))


def declare_kept(
    ladder: Ladder, name: str, looked_at: str, ask: AskKept, *, points: float, hint: str | None = None
) -> None:
    """Add the rung ``name`` of kind ``side effects``: what ``ask`` names is afterwards as it was before."""

    def check(student: Student, rng: np.random.Generator) -> None:
        for what, before, after in ask(student, rng):
            expect.equal(after, before, what=f"{what} afterwards", hint=hint)

    ladder.add(Rung("side effects", points, False, name, looked_at, check))
