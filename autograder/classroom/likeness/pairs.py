"""Pairs of answers that share more than chance lets two answers of this class share.

Each fingerprint weighs as many bits as its rarity in the class: what a quarter of the class wrote weighs two. A pair's
likeness is the weight that it shares, of the weight that its smaller answer has. A pair is reported where most of the
smaller answer is shared, by more bits than chance lets one of so many pairs share, and few pairs are as alike.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

# In place of an exercise: all answers of a lesson together, of which each may be too short to tell.
WHOLE_LESSON = "all exercises"
# Answers that are imagined beside the class's own, so that in a class of two the rest of the world counts as well.
IMAGINED = 20
# ``python -m tests.bench_likeness`` prints what these let through and what they miss.
LEAST_LIKENESS, LEAST_SHARED = 0.6, 8
# Neighboring fingerprints overlap, so that so many of them say the same; and by chance a pair comes, if they do not
# lead each other's hand, once in 2 ** MARGIN exercises.
OVERLAP, MARGIN = 4, 7
# As many pairs as alike as this, of all, are the class's idiom and nobody's copy; a few always may be.
COMMON, FEW = 0.002, 20


@dataclass(frozen=True)
class Pair:
    """Two answers that are alike. ``likeness`` lies between 0 and 1, ``bits`` is the weight of what they share.

    ``alike`` of the exercise's ``pairs`` have at least this likeness, this one among them; ``usual`` is the likeness
    that one pair in twenty exceeds.
    """

    first: str
    second: str
    exercise: str
    likeness: float
    bits: float
    alike: int
    pairs: int
    usual: float


@dataclass(frozen=True)
class Comparison:
    """An exercise's answers compared: the ``pairs`` that are alike beyond chance, the most telling first.

    ``answers`` were long enough to be anybody's own, of ``written``; ``common`` pairs are as alike as those reported,
    but so many that they are an idiom of the class. ``usual`` is the likeness that one pair in twenty exceeds.
    """

    exercise: str
    written: int
    answers: int
    pairs: tuple[Pair, ...]
    common: int
    usual: float | None


def _likeness(prints: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return likeness, shared bits and how many fingerprints are shared, each of shape (answers, answers)."""
    known, counts = np.unique(np.concatenate(prints), return_counts=True)
    shared_ones, counts = known[counts > 1], counts[counts > 1]
    weights = np.log2((len(prints) + IMAGINED) / counts).astype(np.float32)
    has = np.zeros((len(prints), len(shared_ones)), np.float32)
    for row, each in enumerate(prints):
        has[row, np.searchsorted(shared_ones, np.intersect1d(each, shared_ones, assume_unique=True))] = 1
    # What nobody else has adds to an answer's weight, to no pair's.
    lonely = np.array([len(each) for each in prints]) - has.sum(axis=1)
    whole = has @ weights + np.log2(len(prints) + IMAGINED) * lonely
    bits, shared = (has * weights) @ has.T, has @ has.T
    return bits / np.minimum(whole[:, None], whole[None, :]), bits, shared


def least_bits(pairs: int) -> float:
    """Return how many bits a pair must share, where so many pairs were compared."""
    return OVERLAP * (float(np.log2(max(1, pairs))) + MARGIN)


def compare(exercise: str, answers: Mapping[str, np.ndarray], ignored: np.ndarray) -> Comparison:
    """Compare an exercise's answers, each with each.

    ``answers`` holds fingerprints by student, ``ignored`` those that tell nothing; both uint64, sorted, no doubles.
    """
    own = {name: np.setdiff1d(each, ignored, assume_unique=True) for name, each in sorted(answers.items())}
    students = [name for name, each in own.items() if len(each) >= LEAST_SHARED]
    if len(students) < 2:
        return Comparison(exercise, len(answers), len(students), (), 0, None)
    likeness, bits, shared = _likeness([own[name] for name in students])
    upper = np.triu_indices(len(students), 1)
    values = np.minimum(likeness[upper], 1.0)
    ranked = np.sort(values)
    # The likeness that one pair in twenty exceeds.
    usual = float(ranked[int(0.95 * (len(ranked) - 1))])
    most = max(FEW, int(COMMON * len(values)))
    enough = bits[upper] >= least_bits(len(values))
    found = np.flatnonzero((values >= LEAST_LIKENESS) & enough & (shared[upper] >= LEAST_SHARED))
    alike = len(ranked) - np.searchsorted(ranked, values[found] - 1e-6)
    rare = found[alike <= most]
    pairs = [
        Pair(
            first=students[upper[0][place]],
            second=students[upper[1][place]],
            exercise=exercise,
            likeness=float(values[place]),
            bits=float(bits[upper[0][place], upper[1][place]]),
            alike=int(count),
            pairs=len(values),
            usual=usual,
        )
        for place, count in zip(rare, alike[alike <= most], strict=True)
    ]
    common = len(found) - len(rare)
    pairs.sort(key=lambda pair: (-pair.likeness * pair.bits, pair.first, pair.second))
    return Comparison(exercise, len(answers), len(students), tuple(pairs), common, usual)


def _told_apart(exercise: str, prints: np.ndarray) -> np.ndarray:
    """Return an answer's fingerprints so that the same ones of another exercise differ."""
    return np.sort(prints ^ np.uint64(zlib.crc32(exercise.encode()) << 16))


def compare_lessons(answers: Mapping[str, Mapping[str, np.ndarray]], ignored: Mapping[str, np.ndarray]) -> Comparison:
    """Compare all that students wrote for a lesson, each with each; ``answers`` and ``ignored`` by exercise.

    Pairs share at least two exercises: one alone is compared by itself.
    """
    parts: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
    for exercise, by_student in answers.items():
        for student, prints in by_student.items():
            own = np.setdiff1d(prints, ignored[exercise], assume_unique=True)
            parts[student][exercise] = _told_apart(exercise, own)
    whole = {student: np.unique(np.concatenate(list(each.values()))) for student, each in parts.items()}
    found = compare(WHOLE_LESSON, whole, np.empty(0, np.uint64))

    def shared(pair: Pair) -> int:
        one, other = parts[pair.first], parts[pair.second]
        return sum(bool(np.intersect1d(one[name], other[name]).size) for name in one.keys() & other.keys())

    return replace(found, pairs=tuple(pair for pair in found.pairs if shared(pair) > 1))


def without(comparison: Comparison, pairs: Iterable[Pair]) -> Comparison:
    """Return a comparison without the pairs of students that stand in ``pairs`` as well."""
    known = {(pair.first, pair.second) for pair in pairs}
    left = tuple(pair for pair in comparison.pairs if (pair.first, pair.second) not in known)
    return replace(comparison, pairs=left)
