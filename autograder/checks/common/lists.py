"""A list in place of an array: it costs the rung of types, and nothing more."""

from __future__ import annotations

from typing import Any

import numpy as np


def unlisted(value: Any) -> Any:
    """Return a list of numbers, of such lists or of arrays of one shape as an array; anything else as it is."""
    if not isinstance(value, list) or not value:
        return value
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        return value
    return array if array.dtype.kind in "biuf" else value
