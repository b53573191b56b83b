"""What plain data is made of beside Python's own types, and how much of it one frame may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

MAX_HEADER = 16 * 2**20
MAX_BLOCKS = 256 * 2**20
MAX_DEPTH = 40
MAX_ITEMS = 1_000_000
# Each array costs its reader far more time than a value: a frame of empty ones must not hold up who decides.
MAX_ARRAYS = 100_000
# A cell goes over in one piece, so as long as the longest that is read.
MAX_TEXT = 1_000_000
MAX_INTEGER = 2**63
# Signs of a header that stand for values; a number takes three of them.
MAX_SIGNS = 4 * MAX_ITEMS
NPY_HEADER = 128


class WireError(Exception):
    """What came over the wire is not a frame."""


class TooMuchData(Exception):
    """An answer is larger than what one frame may hold."""


@dataclass(frozen=True)
class TensorValue:
    """A torch tensor: its numbers, and whether it requires a gradient."""

    array: np.ndarray
    requires_grad: bool


@dataclass(frozen=True)
class TableValue:
    """A pandas DataFrame: its columns in order, each as an array or a list, and its index."""

    columns: list[str]
    data: dict[str, Any]
    index: list


@dataclass(frozen=True)
class Opaque:
    """Something that is not plain data: the name of its type and a short text."""

    type_name: str
    text: str
