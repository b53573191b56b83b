"""``python -m tests.bench_likeness``: how many copies the class page finds among independent answers, how many falsely.

The answers are those of the batteries in ``tests/lessons``; each copy is an answer with its variables renamed, its
statements and methods in another order, laid out anew and commented.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from autograder.classroom.likeness.answers import prints_of
from autograder.classroom.likeness.background import background_of
from autograder.classroom.likeness.pairs import Pair, compare
from autograder.classroom.likeness.similar_work import compare_answers
from autograder.course.manifest import Lesson, find_exercise, find_lesson, load_course
from tests.classroom.disguised_answers import disguise, independent_answers

INDEPENDENT, COPIED = 95, 5
DRAWS = 20
Answers = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Count:
    """What was found: of ``copies``, and of ``pairs`` that are no copies. ``told`` are copies of answers that are long
    enough to be told at all; ``missed`` names those among them that were not found."""

    copies: int
    found: int
    told: int
    told_found: int
    pairs: int
    false: int
    missed: tuple[str, ...]


@cache
def _prints(code: str) -> np.ndarray:
    return prints_of(ast.parse(code).body)


def _background(exercise: str) -> np.ndarray:
    return background_of(find_lesson(find_exercise(exercise).lesson))[exercise]


def all_independent() -> dict[str, list[str]]:
    """Return the batteries' answers, by exercise."""
    return {
        exercise: codes for lesson in load_course().lessons for exercise, codes in independent_answers(lesson).items()
    }


def made_up_class(answers: Answers, seed: int) -> tuple[dict[str, dict[str, str]], set[frozenset[str]]]:
    """Return what a class handed in, by exercise and student, and which pairs copied.

    Of the exercises with the most answers come 95 independent ones and five more with a copy each.
    """
    chance = random.Random(seed)
    ranked = sorted(answers, key=lambda exercise: (-len(answers[exercise]), exercise))
    every = [(exercise, code) for exercise in ranked for code in answers[exercise]][: INDEPENDENT + COPIED]
    handed_in: dict[str, dict[str, str]] = {}
    for number, (exercise, code) in enumerate(every):
        handed_in.setdefault(exercise, {})[f"student{number}"] = code
    copied = set()
    for number in chance.sample(range(len(every)), COPIED):
        exercise, code = every[number]
        handed_in[exercise][f"copy{number}"] = disguise(code, seed)
        copied.add(frozenset({f"student{number}", f"copy{number}"}))
    return handed_in, copied


def _pairs(exercise: str, codes: Mapping[str, str]) -> Sequence[Pair]:
    return compare(exercise, {name: _prints(code) for name, code in codes.items()}, _background(exercise)).pairs


def _long_enough(exercise: str, code: str) -> bool:
    """Return whether a copy of an answer would be found if it were the same to the letter."""
    return bool(_pairs(exercise, {"one": code, "other": code}))


def count_in(handed_in: Mapping[str, Mapping[str, str]], copied: set[frozenset[str]]) -> Count:
    """Return what comparing a class finds."""
    found = {frozenset({pair.first, pair.second}) for each in handed_in for pair in _pairs(each, handed_in[each])}
    pairs = sum(len(codes) * (len(codes) - 1) // 2 for codes in handed_in.values())
    told = {
        pair
        for exercise, codes in handed_in.items()
        for pair in copied
        if pair <= set(codes) and _long_enough(exercise, codes[max(pair)])
    }
    missed = tuple(sorted(" ".join(sorted(pair)) for pair in told - found))
    hit = len(copied & found)
    return Count(len(copied), hit, len(told), len(told & found), pairs - len(copied), len(found - copied), missed)


def count_each(answers: Answers) -> Count:
    """Return what is found where each answer in turn has a copy among the others."""
    copies = found = told = told_found = false = pairs = 0
    missed = []
    for exercise, codes in answers.items():
        named = {f"student{number}": code for number, code in enumerate(codes)}
        pairs += len(codes) * (len(codes) - 1) // 2
        false += len(_pairs(exercise, named))
        for name, code in named.items():
            copied = frozenset({name, "copy"})
            pairs_found = _pairs(exercise, named | {"copy": disguise(code, copies)})
            hit = any({pair.first, pair.second} == copied for pair in pairs_found)
            long = _long_enough(exercise, code)
            copies, found, told, told_found = copies + 1, found + hit, told + long, told_found + (hit and long)
            missed += [f"{exercise} {name}"] if long and not hit else []
    return Count(copies, found, told, told_found, pairs, false, tuple(missed))


def count_lessons(answers: Answers) -> Count:
    """Return what is found where students each hand in one answer to every exercise of a lesson, as far as there are
    any, and each in turn has all of them copied. A pair counts once, whichever of its exercises tells it."""
    copies = found = pairs = false = 0
    missed = []
    for lesson in load_course().lessons:
        codes = {each.name: answers[each.name] for each in lesson.exercises if each.name in answers}
        students = range(max(map(len, codes.values())))
        prints = {name: [_prints(code) for code in each] for name, each in codes.items()}
        handed_in = {
            name: {f"student{n}": each for n, each in enumerate(found_in)} for name, found_in in prints.items()
        }
        false += len(_told(lesson, handed_in))
        pairs += len(students) * (len(students) - 1) // 2
        for number in students:
            more = {
                name: by_student
                | ({"copy": _prints(disguise(codes[name][number], number))} if number < len(codes[name]) else {})
                for name, by_student in handed_in.items()
            }
            hit = frozenset({f"student{number}", "copy"}) in _told(lesson, more)
            copies, found = copies + 1, found + hit
            missed += [] if hit else [f"{lesson.id} student{number}"]
    return Count(copies, found, copies, found, pairs, false, tuple(missed))


def _told(lesson: Lesson, handed_in: Mapping[str, Mapping[str, np.ndarray]]) -> set[frozenset[str]]:
    return {
        frozenset({pair.first, pair.second})
        for comparison in compare_answers(lesson, handed_in)
        for pair in comparison.pairs
    }


def main() -> None:
    """Print the figures of docs/measured.md."""
    answers = all_independent()
    draws = [count_in(*made_up_class(answers, seed)) for seed in range(DRAWS)]
    first = draws[0]
    print(
        f"{INDEPENDENT} independent answers and {COPIED} copied pairs: {first.found} of {first.copies} found, "
        f"{first.false} of {first.pairs:,} other pairs falsely"
    )
    said = [sum(getattr(draw, name) for draw in draws) for name in ("found", "copies", "told_found", "told", "false")]
    print(
        f"{DRAWS} such classes: {said[0]} of {said[1]} copies found, {said[2]} of the {said[3]} that are long enough "
        f"to be told; {said[4]} other pairs falsely"
    )
    each = count_each(answers)
    print(
        f"each of {each.copies} answers to {len(answers)} exercises copied: {each.found} found, {each.told_found} of "
        f"the {each.told} that are long enough; {each.false} of {each.pairs:,} pairs of independent answers falsely"
    )
    whole = count_lessons(answers)
    print(
        f"all answers of a lesson copied, by each of {whole.copies} students in turn: {whole.found} found; "
        f"{whole.false} of {whole.pairs:,} other pairs falsely"
    )
    print(f"missed of single answers: {', '.join(each.missed) or 'none'}")


if __name__ == "__main__":
    main()
