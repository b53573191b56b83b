"""Similar work in a class: all answers read, every two of an exercise compared, telling pairs beside each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from nbgrader.coursedir import CourseDirectory
from tqdm import tqdm

from ...course.manifest import Lesson
from ..folders.handed_in import Submitted, find_submitted
from ..run.pool import cores
from .answers import Written, fingerprinted, read_answers
from .background import background_of
from .fingerprints import winnow
from .pairs import Comparison, Pair, compare
from .structure import tokens

# Submissions that one process reads at a time; of fewer than twice as many, starting processes would take longer.
AT_A_TIME = 50
FingerprintedAnswer = tuple[str, str, np.ndarray]


@dataclass(frozen=True)
class Side:
    """One student's answer as it is shown: its lines, and which of them, counted from 0, stand in the other as well."""

    student: str
    lines: tuple[str, ...]
    shared: frozenset[int]


@dataclass(frozen=True)
class SimilarWork:
    """What was compared, by lesson and in the order of its exercises; ``unread`` submissions were left out."""

    comparisons: tuple[tuple[Lesson, Comparison], ...]
    unread: int

    def pairs(self) -> list[tuple[Lesson, Pair]]:
        """Return all pairs, the most telling first."""
        found = [(lesson, pair) for lesson, comparison in self.comparisons for pair in comparison.pairs]
        return sorted(found, key=lambda each: (-each[1].likeness * each[1].bits, each[1].first, each[1].second))


def _read_all(submissions: Sequence[Submitted]) -> Iterator[tuple[list[FingerprintedAnswer], int]]:
    """Yield the answers in some submissions after the other, and how many were lost: a process broke over them."""
    if len(submissions) < 2 * AT_A_TIME:
        yield fingerprinted(submissions), 0
        return
    waiting = [submissions[start : start + AT_A_TIME] for start in range(0, len(submissions), AT_A_TIME)]
    with ProcessPoolExecutor(cores()) as pool:
        for some, future in [(some, pool.submit(fingerprinted, some)) for some in waiting]:
            try:
                yield future.result(), 0
            except BrokenExecutor:
                yield [], len(some)


def find_similar_work(coursedir: CourseDirectory, lessons: Iterable[Lesson]) -> SimilarWork:
    """Compare the answers that were handed in, exercise by exercise. Raises CourseError for a lesson never built."""
    found = {lesson: find_submitted(coursedir, lesson) for lesson in lessons}
    comparisons, unread = [], 0
    # Shown where somebody watches, and where it takes long enough to be seen.
    with tqdm(total=sum(map(len, found.values())), desc="comparing", unit="notebook", disable=None, delay=2) as bar:
        for lesson, submissions in found.items():
            answers: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
            for read, lost in _read_all(submissions):
                bar.update(min(AT_A_TIME, len(submissions)))
                unread += lost
                for student, exercise, prints in read:
                    answers[exercise][student] = prints
            ignored = background_of(lesson)
            comparisons += [
                (lesson, compare(exercise.name, answers[exercise.name], ignored[exercise.name]))
                for exercise in lesson.exercises
            ]
    return SimilarWork(tuple(comparisons), unread)


def _side(student: str, written: Written, shared: set[int]) -> Side:
    found = winnow(tokens(written.nodes))
    lines = {line - 1 for hash, (first, last) in found.items() if hash in shared for line in range(first, last + 1)}
    text = written.source.rstrip().split("\n")
    return Side(student, tuple(text), frozenset(line for line in lines if line < len(text) and text[line].strip()))


def beside_each_other(
    coursedir: CourseDirectory, lesson: Lesson, pairs: Sequence[Pair]
) -> list[tuple[Side, Side] | None]:
    """Return both answers of each pair, with the lines that they share but for what everybody has.

    The result is None for a pair of which an answer was taken away since it was compared.
    """
    places, ignored = {each.student: each for each in find_submitted(coursedir, lesson)}, background_of(lesson)
    found: list[tuple[Side, Side] | None] = []
    for pair in pairs:
        read = [
            (name, written)
            for name in (pair.first, pair.second)
            if name in places
            for written in read_answers(places[name])
            if written.exercise == pair.exercise
        ]
        if len(read) < 2:
            found.append(None)
            continue
        one, other = (set(winnow(tokens(written.nodes))) for _, written in read)
        shared = (one & other) - set(ignored[pair.exercise].tolist())
        first, second = (_side(name, written, shared) for name, written in read)
        found.append((first, second))
    return found
