"""Name a mistake by what it makes of the very input of the check."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def hint_for(
    got: object, mistakes: Iterable[tuple[object, str]], otherwise: str | None = None, rtol: float = 1e-5
) -> str | None:
    """Return the hint of the first mistake whose result is ``got``.

    Args:
        got: the answer, an array or a number.
        mistakes: pairs of what a mistaken implementation returns for the same input, and the hint that names it.
        otherwise: the hint where no mistake fits.
        rtol: relative tolerance of the comparison; NaN equals NaN.
    """
    found = np.asarray(got, dtype=float)
    for wrong, hint in mistakes:
        candidate = np.asarray(wrong, dtype=float)
        if candidate.shape == found.shape and np.allclose(found, candidate, rtol=rtol, atol=1e-6, equal_nan=True):
            return hint
    return otherwise
