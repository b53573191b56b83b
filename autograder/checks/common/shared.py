"""One answer for several rungs: what takes most of an exercise's time is asked once."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from autograder.ladder.student import Student

T = TypeVar("T")


class Shared(Generic[T]):
    """Calls ``ask(student, rng)`` once a student and returns its value to every rung.

    The hidden inputs depend on the run's seed and on ``name`` alone, so that they are the same whichever rung asks
    first: a diagnosis begins with the rung that failed.
    """

    def __init__(self, name: str, ask: Callable[[Student, np.random.Generator], T]) -> None:
        self._key, self._ask = zlib.crc32(name.encode()), ask
        self._answers: WeakKeyDictionary[Student, T] = WeakKeyDictionary()

    def __call__(self, student: Student, rng: np.random.Generator) -> T:
        if student not in self._answers:
            seeds = rng.bit_generator.seed_seq
            assert isinstance(seeds, np.random.SeedSequence)
            # A rung's generator is made of the run's seed and the rung's name.
            run_seed = int(np.atleast_1d(np.asarray(seeds.entropy, dtype=object))[0])
            self._answers[student] = self._ask(student, np.random.default_rng([run_seed, self._key]))
        return self._answers[student]
