"""Answers to mirror_faces as students write them."""

from __future__ import annotations

import numpy as np

from tests.lessons.answers import Answer


def by_loop(values: np.ndarray) -> np.ndarray:
    # FILL IN another way to write it that is right.
    return np.array([value + value for value in values], dtype=np.float32)


def in_place(values: np.ndarray) -> np.ndarray:
    # FILL IN a way to write it that is wrong.
    values *= 2
    return values


RIGHT = [Answer("mirror_faces", "by-loop", {"mirror_faces": by_loop})]

# What is quoted stands in what the student is told.
WRONG = [Answer("mirror_faces", "in-place", {"mirror_faces": in_place}, said="values afterwards")]
