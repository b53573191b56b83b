"""The two sides of a comparison of arrays, cut down to the part around the first difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_AXIS = 256
DIGITS, MAX_DIGITS = 7, 17


@dataclass(frozen=True, eq=False)
class ArrayDifference:
    """Expected beside got, in the last two axes (of a vector: its one axis) that hold the first difference.

    ``whole`` is the shape of the arrays that were compared, ``origin`` the index in them of the part's first entry.
    """

    want: np.ndarray
    got: np.ndarray
    differs: np.ndarray
    whole: tuple[int, ...]
    origin: tuple[int, ...]

    @property
    def first(self) -> tuple[int, ...]:
        """The index of the first difference within the part."""
        return tuple(int(i) for i in np.argwhere(self.differs)[0])

    @property
    def place(self) -> tuple[int, ...]:
        """The index of the part in the axes that it does not span, such as the number of an image."""
        return self.origin[: len(self.origin) - self.want.ndim]


def cut_difference(want: np.ndarray, got: np.ndarray, differs: np.ndarray) -> ArrayDifference:
    """Return the part of two arrays of one shape around their first difference; at most 256 entries an axis."""
    first = tuple(int(i) for i in np.argwhere(differs)[0])
    spanned = min(2, want.ndim)
    place = first[: want.ndim - spanned]
    starts = [
        max(0, min(index - MAX_AXIS // 2, size - MAX_AXIS))
        for index, size in zip(first[-spanned:], want.shape[-spanned:], strict=True)
    ]
    part = place + tuple(slice(start, start + MAX_AXIS) for start in starts)
    # Copies, so that a small part does not keep a large array alive.
    return ArrayDifference(
        want[part].copy(), got[part].copy(), differs[part].copy(), whole=want.shape, origin=place + tuple(starts)
    )


def tell_apart(want: float, got: float, digits: int = DIGITS) -> tuple[str, str]:
    """Return both numbers with ``digits`` digits, or with as many more as it takes to see that they differ."""
    for shown in range(digits, MAX_DIGITS + 1):
        texts = f"{want + 0.0:.{shown}g}", f"{got + 0.0:.{shown}g}"
        if texts[0] != texts[1]:
            break
    return texts
