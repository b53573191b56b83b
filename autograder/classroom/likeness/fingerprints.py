"""Winnowing: a few fingerprints of a sequence that any long enough part shared with another one leaves in both.

Schleimer, Wilkerson and Aiken, "Winnowing: local algorithms for document fingerprinting", SIGMOD 2003. Of every
``WINDOW`` neighboring hashes of ``GRAM`` tokens the smallest is kept: a common part of ``GRAM + WINDOW - 1`` tokens is
always found, one of fewer than ``GRAM`` never.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from .structure import Token

GRAM, WINDOW = 6, 2
# An odd number with well-mixed bits, and one to mix them again.
_BASE, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


def _gram_hashes(tokens: Sequence[Token]) -> np.ndarray:
    """Return a hash for each run of ``GRAM`` tokens, the same in every process: uint64 of shape (grams,)."""
    if len(tokens) < GRAM:
        return np.empty(0, np.uint64)
    codes = np.array([zlib.crc32(token.text.encode("utf-8", "replace")) for token in tokens], np.uint64)
    runs = np.lib.stride_tricks.sliding_window_view(codes, GRAM)
    hashes = np.zeros(len(runs), np.uint64)
    for column in range(GRAM):
        # Overflow is what a hash is made of.
        hashes = hashes * _BASE + runs[:, column]
    hashes = (hashes ^ (hashes >> np.uint64(31))) * _MIX
    return hashes ^ (hashes >> np.uint64(29))


def all_fingerprints(tokens: Sequence[Token]) -> np.ndarray:
    """Return every hash, to know again whatever is kept of the same text elsewhere: uint64, sorted, without doubles."""
    return np.unique(_gram_hashes(tokens))


def winnow(tokens: Sequence[Token]) -> dict[int, tuple[int, int]]:
    """Return the fingerprints of a sequence, each with the first and the last line of where it comes from."""
    hashes = _gram_hashes(tokens)
    if not len(hashes):
        return {}
    width = min(WINDOW, len(hashes))
    windows = np.lib.stride_tricks.sliding_window_view(hashes, width)
    # The last of equals, as the authors advise.
    chosen = np.unique(np.arange(len(windows)) + width - 1 - windows[:, ::-1].argmin(axis=1))
    found: dict[int, tuple[int, int]] = {}
    for place in chosen.tolist():
        lines = [token.line for token in tokens[place : place + GRAM]]
        found.setdefault(int(hashes[place]), (min(lines), max(lines)))
    return found
