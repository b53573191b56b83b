"""Checks of split_rows: sizes, disjoint and exhaustive parts, the shuffle, the seed."""

from __future__ import annotations

import numpy as np

from autograder import expect
from autograder.ladder import Ladder
from autograder.student import Student

split_rows = Ladder("split_rows")


def _split(student: Student, n_rows: int, val_fraction: float, *seeds: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the student's (train, val) for each of the seeds, asked for in this order."""
    answers = student.probe("pixel_parsing.splits", n_rows=n_rows, val_fraction=val_fraction, seeds=list(seeds))
    splits = []
    for answer in answers:
        expect.true(isinstance(answer, list) and len(answer) == 2, "split_rows returns two arrays: train, val",
                    expect.show(answer), hint="End with: return train, val")
        train, val = (expect.array(rows, shape=(None,), dtype="integer", what=what)
                      for rows, what in zip(answer, ("train", "val"), strict=True))
        splits.append((train, val))
    return splits


def _draw_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1, 2**31))


@split_rows.rung("type", points=1, gate=True)
def split_returns_two_arrays(student: Student, rng: np.random.Generator) -> None:
    """It returns two arrays of row numbers, train and val."""
    _split(student, 50, 0.2, 3)


@split_rows.rung("values", points=4)
def split_uses_every_row_once(student: Student, rng: np.random.Generator) -> None:
    """Every row is in exactly one of the two parts."""
    for n_rows, val_fraction in ((10, 0.2), (97, 0.25), (int(rng.integers(100, 400)), 0.3)):
        ((train, val),) = _split(student, n_rows, val_fraction, _draw_seed(rng))
        both = np.concatenate([train, val])
        example = f"split_rows({n_rows}, {val_fraction})"
        shared = np.intersect1d(train, val)
        expect.true(len(shared) == 0, "no row in both parts", f"{len(shared)} rows in both, such as {shared[:3]}",
                    example, "A model that has trained on a validation row has seen the answer. Were the two parts "
                             "drawn independently of each other?")
        expect.true(len(np.unique(both)) == len(both), "no row twice", "repeated rows", example,
                    "A draw with replacement takes some rows twice and others never. Shuffle instead.")
        expect.equal(np.sort(both), np.arange(n_rows), what="all rows of both parts, sorted", example=example,
                     hint="The rows are 0 to n_rows - 1, and each belongs to one of the parts.")


@split_rows.rung("values", points=3)
def split_rounds_the_size(student: Student, rng: np.random.Generator) -> None:
    """len(val) == round(n_rows * val_fraction)."""
    cases = [(10, 0.2), (9, 0.2), (8, 0.2), (11, 0.5), (10, 0.25), (7049, 0.2), (int(rng.integers(50, 500)), 0.33)]
    for n_rows, val_fraction in cases:
        ((train, val),) = _split(student, n_rows, val_fraction, _draw_seed(rng))
        want = round(n_rows * val_fraction)
        if len(train) == want != len(val):
            hint = "The two parts are exchanged: train comes first, and val is the share that is held back."
        else:
            hint = ("round() goes to the nearest whole number; int() and // always go down, and adding 0.5 goes up "
                    "where round() goes to the even neighbor.")
        expect.equal(len(val), want, what="len(val)", example=f"split_rows({n_rows}, {val_fraction})", hint=hint)


@split_rows.rung("values", points=3)
def split_shuffles(student: Student, rng: np.random.Generator) -> None:
    """Any row may be held back, whatever its place in the file."""
    n_rows, seeds = 30, [int(seed) for seed in rng.choice(2**31, 150, replace=False)]
    held_back = np.array([np.isin(np.arange(n_rows), val) for _, val in _split(student, n_rows, 0.3, *seeds)])
    chosen = held_back.sum(axis=0)
    # A row is held back with probability 0.3; never in 150 splits happens with 0.7^150 = 6e-24.
    never, always = np.count_nonzero(chosen == 0), np.count_nonzero(chosen == len(seeds))
    hint = ("Which rows are held back depends on their place in the file. Files are seldom in random order: shuffle "
            "the row numbers before you cut, not afterwards.")
    if never + always == n_rows and np.count_nonzero(np.diff(held_back[0].astype(int))) > 2:
        hint = "Every seed gives the same split. Does the seed reach the generator?"
    expect.true(never == 0 and always == 0, "each of 30 rows is now in val, now in train",
                f"in {len(seeds)} splits, {never} rows never came into val, {always} always did",
                "split_rows(30, 0.3, seed) with many seeds", hint)


@split_rows.rung("values", points=2)
def split_repeats_with_a_seed(student: Student, rng: np.random.Generator) -> None:
    """The same seed gives the same split, seed 0 included."""
    for seed in (0, _draw_seed(rng)):
        first, between, again = _split(student, 200, 0.2, seed, seed + 1, seed)
        same = all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
        expect.true(same, f"the same split each time with seed={seed}", "two different splits",
                    f"split_rows(200, 0.2, seed={seed}), twice",
                    "The result depends on something besides the seed. Does the generator get the seed, and a new "
                    "one in every call? Is seed 0 treated like 'no seed'?")
        expect.true(set(first[1].tolist()) != set(between[1].tolist()),
                    f"another split with seed={seed + 1} than with seed={seed}", "the same rows in val",
                    f"split_rows(200, 0.2, seed={seed}) and seed={seed + 1}",
                    "Every seed gives the same split. Does the seed reach the generator?")


@split_rows.rung("edge cases", points=1)
def split_has_defaults(student: Student, rng: np.random.Generator) -> None:
    """Without further arguments, a fifth is held back, and the seed is 0."""
    n_rows = int(rng.integers(100, 300))
    short, full = student.call("split_rows", n_rows), student.call("split_rows", n_rows, 0.2, 0)
    hint = "The signature says val_fraction=0.2, seed=0."
    for part, what in ((0, "train"), (1, "val")):
        expect.equal(short[part], full[part], what=f"{what} of split_rows({n_rows})",
                     example=f"split_rows({n_rows}) beside split_rows({n_rows}, 0.2, 0)", hint=hint)


@split_rows.rung("edge cases", points=1)
def split_may_hold_nothing_back(student: Student, rng: np.random.Generator) -> None:
    """Where the share rounds to 0, every row is for training."""
    for n_rows, val_fraction in ((2, 0.2), (1, 0.3), (4, 0.1)):
        ((train, val),) = _split(student, n_rows, val_fraction, _draw_seed(rng))
        want = round(n_rows * val_fraction)
        expect.true((len(train), len(val)) == (n_rows - want, want), f"{n_rows - want} rows in train, {want} in val",
                    f"{len(train)} and {len(val)}", f"split_rows({n_rows}, {val_fraction})",
                    "A slice such as rows[:-n] means 'all but the last n', except where n is 0: then it is empty.")


@split_rows.rung("side effects", points=2)
def split_leaves_global_state_alone(student: Student, rng: np.random.Generator) -> None:
    """Global random states are as before."""
    changed = student.probe("pixel_parsing.random_states_changed", n_rows=40, val_fraction=0.2, seed=_draw_seed(rng))
    expect.true(not changed, "no global random state is touched", f"changed: {', '.join(changed)}",
                "split_rows(40, 0.2, seed)",
                "Functions such as np.random.seed and np.random.shuffle share one state with the whole program. Make "
                "a generator of your own from the seed.")
