"""Ask the student's translate, rotate and jitter of lesson 08, and take their answers apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.ladder import expect
from autograder.ladder.student import Student, StudentError
from autograder.worker.plain import type_name

PARTS = ("picture", "keypoints")


def pair(value: Any, what: str) -> list[np.ndarray]:
    """Expect two arrays, a picture and its keypoints."""
    got = f"{len(value)} values" if isinstance(value, list) else type_name(value)
    expected = f"{what}: a picture and its keypoints, two arrays"
    hint = f"What does {what.partition('(')[0]} return, and how many things does the docstring promise?"
    expect.true(isinstance(value, list) and len(value) == 2, expected, got, hint=hint)
    return [expect.array(part, what=f"{what}, {name}") for part, name in zip(value, PARTS, strict=True)]


def moved(
    student: Student, name: str, image: np.ndarray, points: np.ndarray, *more: float, what: str | None = None
) -> list[np.ndarray]:
    """Return the picture and the keypoints that translate or rotate makes of these."""
    try:
        value = student.call(name, image, points, *more)
    except StudentError as error:
        if "M0.type()" not in error.message:
            raise
        hint = "warpAffine computes with fractions, so its matrix is to be float: np.float32([[…], […]])."
        got = "a matrix of whole numbers, which warpAffine refuses"
        raise expect.Mismatch(f"{name}: a matrix that OpenCV takes", got, hint=hint, where=error.where) from None
    return pair(value, what or name)


def expect_size(picture: np.ndarray, shape: tuple[int, int], what: str) -> None:
    """Expect a picture of the size (H, W) that it had."""
    hint = "The frame stays as it is; what leaves it is lost."
    if picture.shape == shape[::-1]:
        hint = "Height and width are exchanged. A shape is height, width; OpenCV wants a size as width, height."
    got = f"shape {picture.shape}"
    expect.true(picture.shape == shape, f"{what}: a picture of shape {shape}, as it was", got, hint=hint)


def noise(rng: np.random.Generator, shape: tuple[int, int], points: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Draw a picture (H, W) and relative keypoints (points, 2), float32."""
    image = rng.uniform(0.05, 0.95, shape).astype(np.float32)
    return image, rng.uniform(0.2, 0.8, (points, 2)).astype(np.float32)
