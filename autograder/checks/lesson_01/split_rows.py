"""Checks of split_rows: sizes, disjoint and exhaustive parts, the shuffle, the seed."""

from __future__ import annotations

import numpy as np

from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student
from autograder.worker.plain import type_name

split_rows = Ladder("split_rows")


def _answers(student: Student, *calls: tuple) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the student's (train, val) for each of the calls' arguments, made in this order."""
    splits = []
    for arguments, answer in zip(calls, student.probe("lesson_01.splits", calls=list(calls)), strict=True):
        pair = isinstance(answer, list) and len(answer) == 2
        expected = "split_rows returns two arrays: train, val"
        expect.true(pair, expected, expect.show(answer), hint="End with: return train, val")
        example = f"split_rows({', '.join(map(str, arguments))})"
        hint = "The row numbers are to index other arrays. Return them as arrays of integers."
        for rows, what in zip(answer, ("train", "val"), strict=True):
            # The type alone: which rows there are depends on the generator that was chosen.
            expect.true(isinstance(rows, np.ndarray), f"{what}: a numpy.ndarray", type_name(rows), example, hint)
            expect.true(rows.dtype.kind in "iu", f"{what}: dtype integer", f"dtype {rows.dtype.name}", example, hint)
            expect.array(rows, shape=(None,), what=what)
        splits.append((answer[0], answer[1]))
    return splits


def _split(student: Student, n_rows: int, val_fraction: float, *seeds: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the student's (train, val) for each of the seeds, asked for in this order."""
    return _answers(student, *((n_rows, val_fraction, seed) for seed in seeds))


def _draw_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1, 2**31))


@split_rows.rung("type", points=1, gate=True)
def split_returns_two_arrays(student: Student, rng: np.random.Generator) -> None:
    """It returns two arrays of row numbers, train and val."""
    _split(student, 50, 0.2, 3)


def _expect_disjoint(train: np.ndarray, val: np.ndarray, example: str) -> None:
    """Expect no row twice. What is said about it does not depend on which rows the student's generator drew."""
    hint = "Each row number goes into one of the two parts, and into that part once."
    twice = any(len(np.unique(rows)) < len(rows) for rows in (train, val))
    expect.true(not twice, "every row at most once", "a row that is twice in the same part", example, hint)
    shared = np.isin(val, train)
    got = f"{'every row' if shared.all() else 'some rows'} of val also in train"
    expect.true(not shared.any(), "no row in both parts", got, example, hint)


@split_rows.rung("values", points=4)
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


@split_rows.rung("values", points=3)
def split_rounds_the_size(student: Student, rng: np.random.Generator) -> None:
    """len(val) == round(n_rows * val_fraction)."""
    cases = [(10, 0.2), (9, 0.2), (11, 0.2), (11, 0.5), (10, 0.25), (7049, 0.2), (int(rng.integers(50, 500)), 0.33)]
    for n_rows, val_fraction in cases:
        ((train, val),) = _split(student, n_rows, val_fraction, _draw_seed(rng))
        want = round(n_rows * val_fraction)
        hint = "val is the share that is held back, and round() goes to the nearest whole number."
        expect.equal(len(val), want, what="len(val)", example=f"split_rows({n_rows}, {val_fraction})", hint=hint)


@split_rows.rung("values", points=3)
def split_shuffles(student: Student, rng: np.random.Generator) -> None:
    """Any row may be held back, whatever its place in the file."""
    n_rows, seeds = 30, [int(seed) for seed in rng.choice(2**31, 150, replace=False)]
    splits = _split(student, n_rows, 0.3, *seeds)
    example = "split_rows(30, 0.3, seed) with many seeds"
    expected = "each of 30 rows is now in val, now in train"
    hint = "Shuffle all row numbers together, with a generator that the seed starts, and cut them then."
    # Nine of thirty rows are neighbors with every one of 150 seeds only where they were never shuffled.
    if all(len(val) and np.ptp(val) == len(val) - 1 for _, val in splits):
        late = any(np.any(np.diff(rows) < 0) for split in splits for rows in split)
        order = "each part shuffled in itself" if late else "in file order"
        got = f"rows that are neighbors in the file, with every seed, {order}"
        raise expect.Mismatch(expected, got, example, hint)
    chosen = np.sum([np.isin(np.arange(n_rows), val) for _, val in splits], axis=0)
    # A row is held back with probability 0.3; never in 150 splits happens with 0.7^150 = 6e-24.
    never, always = np.count_nonzero(chosen == 0), np.count_nonzero(chosen == len(seeds))
    got = f"in {len(seeds)} splits, {never} rows never came into val, {always} always did"
    expect.true(never == 0 and always == 0, expected, got, example, hint)


@split_rows.rung("values", points=2)
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
    changed = student.probe("lesson_01.random_states_changed", n_rows=40, val_fraction=0.2, seed=_draw_seed(rng))
    expected = "the whole program's random states as they were"
    hint = (
        f"Some functions share one state with the whole program. Here it was {' and '.join(changed)}. Make a "
        "generator of your own from the seed."
    )
    expect.true(not changed, expected, "your code changed one of them", "split_rows(40, 0.2, seed)", hint)
