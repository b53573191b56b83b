"""Small examples whose whole answer is shown: one number alone is soon met by another mistake as well."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autograder.ladder import expect
from autograder.ladder.array_difference import tell_apart


def expect_numbers(
    got: Sequence[float], want: Sequence[float], what: str, examples: Sequence[str], rtol: float, hint: str
) -> None:
    """Expect a number of each example; where one differs, all of them are told."""
    if all(np.isclose(g, w, rtol=rtol, atol=1e-6, equal_nan=True) for g, w in zip(got, want, strict=True)):
        return
    texts = [tell_apart(float(w), float(g)) for g, w in zip(got, want, strict=True)]
    expected, came = (" and ".join(pair[side] for pair in texts) for side in (0, 1))
    raise expect.Mismatch(f"{what}: {expected}", came, "; and ".join(examples), hint)


def expect_vector(got: np.ndarray, want: np.ndarray, what: str, example: str, rtol: float, hint: str) -> None:
    """Expect the values of a short vector; where one differs, all of them are told."""
    try:
        expect.close(got, want, rtol=rtol, what=what, example=example, hint=hint)
    except expect.Mismatch as found:
        if np.shape(got) == np.shape(want):
            found.expected, found.got = f"{what}: {_listed(want)}", _listed(got)
        raise


def _listed(values: np.ndarray) -> str:
    # Not padded to one width as NumPy does: the last digits of one number must not move the others.
    return f"[{', '.join(f'{float(value) + 0.0:.6g}' for value in values)}]"
