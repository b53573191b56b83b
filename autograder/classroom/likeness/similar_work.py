"""Similar work in a class: all answers read, every two of an exercise compared, telling pairs beside each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
from nbgrader.coursedir import CourseDirectory
from tqdm import tqdm

from ...course.manifest import Lesson
from ...isolation.cores import cores
from ..folders.handed_in import Submitted, find_submitted
from .answers import Written, fingerprinted, read_answers
from .background import background_of
from .fingerprints import winnow
from .pairs import WHOLE_LESSON, Comparison, Pair, compare, compare_lessons, without
from .structure import tokens

# Submissions that one process reads at a time; for fewer than twice as many, starting processes would take longer.
AT_A_TIME = 50
# Gives the student, the exercise and the fingerprints of every answer in some submissions.
Read = Callable[[], list[tuple[str, str, np.ndarray]]]


@dataclass(frozen=True)
class Side:
    """One student's answer as it is shown: its lines, and which of them, counted from 0, stand in the other as well."""

    student: str
    lines: tuple[str, ...]
    shared: frozenset[int]


@dataclass(frozen=True)
class SimilarWork:
    """What was compared, by lesson and in the order of its exercises, last all of them together.

    ``unread`` submissions were left out.
    """

    comparisons: tuple[tuple[Lesson, Comparison], ...]
    unread: int

    def pairs(self) -> list[tuple[Lesson, Pair]]:
        """Return all pairs, the most telling first."""
        found = [(lesson, pair) for lesson, comparison in self.comparisons for pair in comparison.pairs]
        return sorted(found, key=lambda each: (-each[1].likeness * each[1].bits, each[1].first, each[1].second))


def _fail(error: BrokenExecutor) -> list[tuple[str, str, np.ndarray]]:
    raise error


@contextmanager
def _readers(submissions: int) -> Iterator[Callable[[Sequence[Submitted]], Read]]:
    """Yield what begins to read some submissions and returns how to get their answers, for many by several processes.

    Getting them raises BrokenExecutor where a process broke.
    """
    if submissions < 2 * AT_A_TIME:
        yield lambda some: partial(fingerprinted, some)
        return
    pool = ProcessPoolExecutor(cores())

    def begin(some: Sequence[Submitted]) -> Read:
        try:
            return pool.submit(fingerprinted, some).result
        except BrokenExecutor as error:
            return partial(_fail, error)

    try:
        yield begin
    finally:
        # Whoever interrupts this waits for what is at work, not for all that is waiting.
        pool.shutdown(cancel_futures=True)


def compare_answers(lesson: Lesson, answers: Mapping[str, Mapping[str, np.ndarray]]) -> list[Comparison]:
    """Compare a lesson's answers, fingerprints by exercise and student: each exercise's, and last all together.

    All together tell only those pairs that no single exercise tells. Raises CourseError for a lesson never built.
    """
    ignored = background_of(lesson)
    own = [compare(each.name, answers.get(each.name, {}), ignored[each.name]) for each in lesson.exercises]
    told = [pair for comparison in own for pair in comparison.pairs]
    return [*own, without(compare_lessons(answers, ignored), told)]


def find_similar_work(coursedir: CourseDirectory, lessons: Iterable[Lesson]) -> SimilarWork:
    """Compare the answers that were handed in, exercise by exercise. Raises CourseError for a lesson never built."""
    found = {lesson: find_submitted(coursedir, lesson) for lesson in lessons}
    count, unread = sum(map(len, found.values())), 0
    comparisons: list[tuple[Lesson, Comparison]] = []
    # Shown where somebody watches, and where it takes long enough to be seen.
    bar = tqdm(total=count, desc="comparing", unit="notebook", disable=None, delay=2)
    with bar, _readers(count) as read:
        waiting = [
            (lesson, [(len(some), read(some)) for some in _portions(submissions)])
            for lesson, submissions in found.items()
        ]
        for lesson, portions in waiting:
            answers: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
            for size, get in portions:
                bar.update(size)
                try:
                    for student, exercise, prints in get():
                        answers[exercise][student] = prints
                except BrokenExecutor:
                    unread += size
            comparisons += [(lesson, comparison) for comparison in compare_answers(lesson, answers)]
    return SimilarWork(tuple(comparisons), unread)


def _portions(submissions: Sequence[Submitted]) -> list[Sequence[Submitted]]:
    return [submissions[start : start + AT_A_TIME] for start in range(0, len(submissions), AT_A_TIME)]


def _side(student: str, answers: Sequence[Written], shared: Mapping[str, set[int]]) -> Side:
    """Return a student's answers, one below the other."""
    lines: list[str] = []
    both: set[int] = set()
    for written in answers:
        text = written.source.rstrip().split("\n")
        found = winnow(tokens(written.nodes))
        places = {
            line - 1
            for hash, (first, last) in found.items()
            if hash in shared[written.exercise]
            for line in range(first, last + 1)
        }
        start = len(lines) + bool(lines)
        both |= {start + place for place in places if place < len(text) and text[place].strip()}
        lines += [*([""] if lines else []), *text]
    return Side(student, tuple(lines), frozenset(both))


def _beside(
    pair: Pair, read: Sequence[Sequence[Written]], ignored: Mapping[str, np.ndarray]
) -> tuple[Side, Side] | None:
    one, other = ({written.exercise: written for written in answers} for answers in read)
    asked = [name for name in ignored if name in one and name in other and pair.exercise in (name, WHOLE_LESSON)]
    if not asked:
        return None
    shared = {
        name: (set(winnow(tokens(one[name].nodes))) & set(winnow(tokens(other[name].nodes))))
        - set(ignored[name].tolist())
        for name in asked
    }
    first, second = (
        _side(student, [found[name] for name in asked], shared)
        for student, found in ((pair.first, one), (pair.second, other))
    )
    return first, second


def beside_each_other(
    coursedir: CourseDirectory, lesson: Lesson, pairs: Sequence[Pair]
) -> list[tuple[Side, Side] | None]:
    """Return both answers of each pair, with the lines that they share but for what everybody has.

    The result is None for a pair of which an answer was taken away since it was compared.
    """
    places, ignored = {each.student: each for each in find_submitted(coursedir, lesson)}, background_of(lesson)
    return [
        _beside(
            pair, [read_answers(places[name]) if name in places else [] for name in (pair.first, pair.second)], ignored
        )
        for pair in pairs
    ]
