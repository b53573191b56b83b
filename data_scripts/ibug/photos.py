"""Which photo a face was cut from, and the pictures themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_scripts.files.pictures import read_gray

# helen__trainset__2908549_1, afw__18489332_10 and ibug__image_003_1 end in the number of a face in its photo;
# lfpw__trainset__image_0476 does not.
_FACE_NUMBER = re.compile(r"(?<=\d)_\d{1,2}$")


def read_picture(path: Path) -> np.ndarray:
    """Read a picture in shades of gray: (H, W) float32 in [0, 1]; DataError where it cannot be read."""
    return read_gray(path).astype(np.float32) / 255


def photo_of(file: str) -> str:
    """Name the photo that a face was cut from: ``afw__18489332_10.jpg`` is face 10 of ``afw__18489332``."""
    return _FACE_NUMBER.sub("", Path(file).stem)


def split_by_photo(files: Sequence[str], val_fraction: float = 0.2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Split faces into training and validation; the faces of one photo all go to the same side.

    Args:
        files: names of the N pictures.
        val_fraction: share of the photos that validate.
        seed: of the shuffling; the global random state is left alone.

    Returns:
        Two sorted arrays of row numbers, disjoint, together all of 0 … N-1.
    """
    photos = np.array([photo_of(file) for file in files])
    shuffled = np.random.default_rng(seed).permutation(np.unique(photos))
    validates = np.isin(photos, shuffled[: round(len(shuffled) * val_fraction)])
    return np.flatnonzero(~validates), np.flatnonzero(validates)
