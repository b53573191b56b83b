"""Checks of split_rows: sizes, disjoint and exhaustive parts, the shuffle, the seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.lesson_01.shuffling import Splits, odd_choice, odd_order
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student
from autograder.worker.plain import type_name

split_rows = Ladder("split_rows")


def _as_rows(rows: Any, what: str, example: str, strict: bool) -> np.ndarray:
    """Return one part as an array. Where not ``strict``, a list of integers will do: it costs the rung of types."""
    hint = "The row numbers are to index other arrays. Return them as arrays of integers."
    if not strict and isinstance(rows, list) and all(type(row) is int for row in rows):
        return np.array(rows, dtype=int)
    # The type alone: which rows there are depends on the generator that was chosen.
    expect.true(isinstance(rows, np.ndarray), f"{what}: a numpy.ndarray", type_name(rows), example, hint)
    expect.true(rows.dtype.kind in "iu", f"{what}: dtype integer", f"dtype {rows.dtype.name}", example, hint)
    # Unsigned row numbers could not be subtracted from each other.
    return expect.array(rows, shape=(None,), what=what).astype(np.int64)


def _as_split(answer: Any, example: str, strict: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return (train, val) of one answer."""
    pair = isinstance(answer, list) and len(answer) == 2
    came = f"{len(answer)} things" if isinstance(answer, list) else type_name(answer)
    expected = "split_rows returns two arrays: train, val"
    expect.true(pair, expected, came, example, hint="End with: return train, val")
    train, val = (_as_rows(rows, what, example, strict) for rows, what in zip(answer, ("train", "val"), strict=True))
    return train, val


def _answers(student: Student, *calls: tuple, strict: bool = False) -> Splits:
    """Return the student's (train, val) for each of the calls' arguments, made in this order."""
    answers = student.probe("lesson_01.splits", calls=list(calls))
    return [
        _as_split(answer, f"split_rows({', '.join(map(str, arguments))})", strict)
        for arguments, answer in zip(calls, answers, strict=True)
    ]


def _split(student: Student, n_rows: int, val_fraction: float, *seeds: int) -> Splits:
    """Return the student's (train, val) for each of the seeds, asked for in this order."""
    return _answers(student, *((n_rows, val_fraction, seed) for seed in seeds))


def _draw_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1, 2**31))


@split_rows.rung("type", points=1)
def split_returns_two_arrays(student: Student, rng: np.random.Generator) -> None:
    """It returns two arrays of row numbers, train and val."""
    _answers(student, (50, 0.2, 3), strict=True)


def _expect_disjoint(train: np.ndarray, val: np.ndarray, example: str) -> None:
    """Expect no row twice. What is said about it does not depend on which rows the student's generator drew."""
    hint = "Each row number goes into one of the two parts, and into that part once."
    twice = any(len(np.unique(rows)) < len(rows) for rows in (train, val))
    expect.true(not twice, "every row at most once", "a row that is twice in the same part", example, hint)
    shared = np.isin(val, train)
    got = f"{'every row' if shared.all() else 'some rows'} of val also in train"
    expect.true(not shared.any(), "no row in both parts", got, example, hint)


@split_rows.rung("shape", points=3)
def split_uses_every_row_once(student: Student, rng: np.random.Generator) -> None:
    """Every row is in exactly one of the two parts."""
    # Of two halves drawn independently, or with replacement, chance alone makes no clean split.
    for n_rows, val_fraction in ((100, 0.5), (10, 0.2), (97, 0.25), (int(rng.integers(100, 400)), 0.3)):
        ((train, val),) = _split(student, n_rows, val_fraction, _draw_seed(rng))
        example = f"split_rows({n_rows}, {val_fraction})"
        _expect_disjoint(train, val, example)
        hint = "The rows are 0 to n_rows - 1, and each belongs to one of the parts."
        both = np.sort(np.concatenate([train, val]))
        expect.equal(both, np.arange(n_rows), "all rows of both parts, sorted", example, hint)


@split_rows.rung("shape", points=2)
def split_rounds_the_size(student: Student, rng: np.random.Generator) -> None:
    """len(val) == round(n_rows * val_fraction)."""
    cases = [(10, 0.2), (9, 0.2), (11, 0.2), (11, 0.5), (10, 0.25), (7049, 0.2), (int(rng.integers(50, 500)), 0.33)]
    for n_rows, val_fraction in cases:
        ((train, val),) = _split(student, n_rows, val_fraction, _draw_seed(rng))
        want = round(n_rows * val_fraction)
        hint = "val is the share that is held back, and round() goes to the nearest whole number."
        expect.equal(len(val), want, what="len(val)", example=f"split_rows({n_rows}, {val_fraction})", hint=hint)


SHUFFLE_HINT = "Shuffle all row numbers together, with a generator that the seed starts, and cut them then."


def _draw_seeds(rng: np.random.Generator) -> list[int]:
    """Return 100 seeds, small ones among them: whoever moves the rows by as many places shows it there."""
    return [*range(1, 21), *(int(seed) for seed in rng.choice(2**31, 80, replace=False))]


@split_rows.rung("values", points=5)
def split_shuffles(student: Student, rng: np.random.Generator) -> None:
    """Any row may be held back, whatever its place in the file."""
    for n_rows, val_fraction in ((30, 0.3), (48, 0.25)):
        odd = odd_choice(_split(student, n_rows, val_fraction, *_draw_seeds(rng)), n_rows)
        expected = f"each of {n_rows} rows is now in val, now in train"
        example = f"split_rows({n_rows}, {val_fraction}, seed) with many seeds"
        expect.true(odd is None, expected, str(odd), example, SHUFFLE_HINT)


@split_rows.rung("edge cases", points=3)
def split_repeats_with_a_seed(student: Student, rng: np.random.Generator) -> None:
    """The same seed gives the same split, seed 0 included."""
    hint = "Make a new generator in every call, and start it from the seed, whatever number that is."
    for seed in (_draw_seed(rng), 0):
        first, between, again = _split(student, 200, 0.2, seed, seed + 1, seed)
        same = all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
        expected, example = f"the same split each time with seed={seed}", f"split_rows(200, 0.2, seed={seed}), twice"
        expect.true(same, expected, "two different splits", example, hint)
        expected = f"another split with seed={seed + 1} than with seed={seed}"
        example = f"split_rows(200, 0.2, seed={seed}) and seed={seed + 1}"
        other = set(first[1].tolist()) != set(between[1].tolist())
        expect.true(other, expected, "the same rows in val", example, hint)


@split_rows.rung("edge cases", points=1)
def split_has_defaults(student: Student, rng: np.random.Generator) -> None:
    """Without further arguments, a fifth is held back, and the seed is 0."""
    n_rows = int(rng.integers(100, 300))
    short, full = _answers(student, (n_rows,), (n_rows, 0.2, 0))
    hint = "The signature says val_fraction=0.2, seed=0."
    example = f"split_rows({n_rows}) beside split_rows({n_rows}, 0.2, 0)"
    for got, want, what in zip(short, full, ("train", "val"), strict=True):
        expect.equal(got, want, f"{what} of split_rows({n_rows})", example, hint)


@split_rows.rung("edge cases", points=1)
def split_may_hold_nothing_back(student: Student, rng: np.random.Generator) -> None:
    """Where the share rounds to 0, every row is for training."""
    for n_rows, val_fraction in ((2, 0.2), (1, 0.3), (4, 0.1)):
        ((train, val),) = _split(student, n_rows, val_fraction, _draw_seed(rng))
        want = round(n_rows * val_fraction)
        sizes = (len(train), len(val))
        expected, got = f"{n_rows - want} rows in train, {want} in val", f"{sizes[0]} and {sizes[1]}"
        example = f"split_rows({n_rows}, {val_fraction})"
        hint = "Where nothing is held back, train has all rows. What does each of your slices hold where n_val is 0?"
        expect.true(sizes == (n_rows - want, want), expected, got, example, hint)


@split_rows.rung("side effects", points=2)
def split_leaves_global_state_alone(student: Student, rng: np.random.Generator) -> None:
    """Global random states are as before."""
    answer = student.probe("lesson_01.random_states_changed", n_rows=40, val_fraction=0.2, seed=_draw_seed(rng))
    # Who does nothing changes nothing: the call must have made a split.
    train, val = _as_split(answer["split"], "split_rows(40, 0.2, seed)")
    both = np.sort(np.concatenate([train, val]))
    expect.equal(both, np.arange(40), "all rows of both parts, sorted", "split_rows(40, 0.2, seed)", SHUFFLE_HINT)
    changed = answer["changed"]
    expected = "the whole program's random states as they were"
    hint = (
        f"Some functions share one state with the whole program. Here it was {' and '.join(changed)}. Make a "
        "generator of your own from the seed."
    )
    expect.true(not changed, expected, "your code changed one of them", "split_rows(40, 0.2, seed)", hint)


@split_rows.rung("values", points=2)
def split_mixes_both_parts(student: Student, rng: np.random.Generator) -> None:
    """The rows within train, and those within val, are in a shuffled order."""
    hint = "Both parts come out of the shuffle as they are: what sorts one, or makes it of a set or a range, undoes it."
    # Each number of rows once, so that a split that does not depend on the seed shuffles here as well.
    sizes, seeds = [int(n) for n in rng.permutation(np.arange(30, 130))], _draw_seeds(rng)
    splits = _answers(student, *((n_rows, 0.3, seed) for n_rows, seed in zip(sizes, seeds, strict=True)))
    for part, what in enumerate(("train", "val")):
        odd = odd_order([split[part] for split in splits], sizes, what)
        example = "split_rows(n_rows, 0.3, seed) with many seeds"
        expect.true(odd is None, f"the rows of {what} in a shuffled order", str(odd), example, hint)
