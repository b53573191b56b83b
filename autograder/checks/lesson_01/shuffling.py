"""What tells a shuffle from rows in some order, over many splits: which rows are held back, and in what order.

Every threshold lies so far out that a right shuffle, by whatever generator, meets it by chance less than once in
10^10 times.
"""

from __future__ import annotations

import numpy as np

Splits = list[tuple[np.ndarray, np.ndarray]]

# In standard deviations of a sum over many splits, which is close to normal.
FAR = 8.0


def _one_run(rows: np.ndarray, n_rows: int) -> bool:
    """Return whether the rows are one run of the file, which may go on at its beginning behind its end."""
    inside = np.isin(np.arange(n_rows), rows)
    return bool(np.count_nonzero(inside & ~np.roll(inside, 1)) <= 1)


def _falls(rows: np.ndarray) -> bool:
    return bool(np.any(np.diff(rows) < 0))


def _order(parts: list[np.ndarray]) -> str:
    steps = np.concatenate([np.diff(rows) for rows in parts])
    if np.all(steps > 0):
        return "in file order"
    return "from the end of the file" if np.all(steps < 0) else "each part shuffled in itself"


def odd_choice(splits: Splits, n_rows: int) -> str | None:
    """Return what is odd about the rows that val holds in many splits of as many rows, or None."""
    vals = [val for _, val in splits]
    # Neighbors with every seed: never shuffled. Wherever the run begins, chance makes one in a few splits at most.
    if all(len(val) and np.ptp(val) == len(val) - 1 for val in vals):
        order = _order([rows for both in splits for rows in both])
        return f"rows that are neighbors in the file, with every seed, {order}"
    if all(len(val) and _one_run(val, n_rows) for val in vals):
        return "rows that are neighbors in the file, with every seed; only where they begin differs"
    held = np.array([np.isin(np.arange(n_rows), val) for val in vals])
    chosen, share = held.sum(axis=0), held.mean()
    if np.any(chosen == 0) or np.any(chosen == len(vals)):
        never, always = np.count_nonzero(chosen == 0), np.count_nonzero(chosen == len(vals))
        same = ", in the same order each time" if all(np.array_equal(val, vals[0]) for val in vals) else ""
        return f"in {len(vals)} splits, {never} rows never came into val, {always} always did{same}"
    if np.any(np.abs(chosen - len(vals) * share) > FAR * np.sqrt(len(vals) * share * (1 - share))):
        return "some rows came into val far more often than others"
    size = share * n_rows
    for lag in range(1, n_rows // 2):
        # Of two rows at a fixed distance, both are held back with the same probability, whatever the distance.
        pairs = np.count_nonzero(held & np.roll(held, lag, axis=1)) / len(vals)
        if abs(pairs * (n_rows - 1) / (size * (size - 1)) - 1) > 0.4:
            return "rows at some distance in the file far more, or less, often together than chance has it"
    return None


def odd_order(parts: list[np.ndarray], n_rows: list[int], what: str) -> str | None:
    """Return what is odd about the order of rows within one part of many splits of so many rows, or None."""
    if not any(_falls(rows) for rows in parts):
        return f"{what} in file order, with every seed"
    # Of a shuffled part of m rows, (m - 1) / 2 are followed by a larger one; the variance is (m + 1) / 12.
    rises = sum(int(np.count_nonzero(np.diff(rows) > 0)) for rows in parts)
    sizes = np.array([len(rows) for rows in parts])
    if abs(rises - np.sum(sizes - 1) / 2) > FAR * np.sqrt(np.sum(sizes + 1) / 12):
        return f"much of {what} in file order, or in its reverse"
    # Steps from one row to the next, around the end of the file: in a shuffle few are equal.
    equal = 0.0
    for rows, size in zip(parts, n_rows, strict=True):
        counts = np.unique(np.diff(rows) % size, return_counts=True)[1]
        equal += float(np.sum(counts * (counts - 1)) / 2)
    expected = np.sum((sizes - 1) * (sizes - 2) / 2 / (np.array(n_rows) - 1))
    if equal > 2 * expected:
        return f"{what} in equal steps through the file"
    return None
