"""What follows from the student's own mirror_faces and soft_argmax: a slip in one costs its share there, and once.

An exercise that calls them is judged by what they answer. Where they do nothing of their work, nothing follows from
them: then the hint says which of them to mend first.
"""

from __future__ import annotations

import numpy as np

from autograder.course.manifest import find_exercise
from autograder.ladder import expect
from autograder.ladder.student import Student, StudentError
from autograder.worker.plain import TensorValue

# Of a mirror's images in brightness, of its points in pixels: by how much they differ, on average, from what came in.
MOVED, AWAY = 0.02, 0.5
# Of the range of what came in: what comes out must have more, or it is much the same whatever comes in.
RANGE = 0.1
# What a place may be, in pixels: of larger numbers float32 keeps too few digits.
LARGEST = 1e5
# The same sum in float32, alone and as a part of a network.
RTOL = 1e-5
# On each side of a map of HeatmapNet.
CELLS = 24


def mend_first(found: expect.Mismatch, name: str, usable: bool) -> expect.Mismatch:
    """Return a mismatch whose hint says that the student's own ``name`` does not pass.

    Where it is not usable at all, what came is no mistake of the exercise that calls it, and is called by no name.
    """
    named = f"{name} ({find_exercise(name).id})"
    got = found.got if usable else f"{found.got}; the {named} that it may call does not pass yet"
    hint = f"Your {named} does not pass yet; mend it first." + (f" {found.hint}" if found.hint and usable else "")
    return expect.Mismatch(found.expected, got, found.example, hint, found.difference, found.where)


class OwnMirror:
    """The student's mirror_faces for these images, names and this axis: its answers, and where they may be followed."""

    def __init__(self, student: Student, images: np.ndarray, names: list[str], axis: float) -> None:
        self._student, self._images, self._names, self._axis = student, images, names, axis
        # Whether it answers as it should, and whether it does its work at all, rightly or not.
        self.right = self.usable = True

    def _ask(self, images: np.ndarray, points: np.ndarray, part: int) -> np.ndarray | None:
        """Return the images or the points that it answers; None where it raises, or answers in another form."""
        given = images.astype(np.float32), points.astype(np.float32)
        try:
            value = self._student.call("mirror_faces", *given, self._names, self._axis)
        except StudentError:
            return None
        found = value[part] if isinstance(value, list) and len(value) == 2 else None
        if not isinstance(found, np.ndarray) or found.shape != given[part].shape or found.dtype.kind != "f":
            return None
        return found.astype(float) if np.isfinite(found).all() else None

    def _judge(self, given: np.ndarray, found: np.ndarray | None, right: np.ndarray, least: float) -> list[np.ndarray]:
        """Return what came where it can be followed and is not right; else nothing."""
        if found is not None and np.allclose(found, right, rtol=1e-5, atol=1e-3):
            return []
        self.right = False
        axes = tuple(range(given.ndim - 1)) if given.shape[-1] == 2 else None
        if (
            found is None
            or np.abs(found).max() > LARGEST
            or np.abs(found - given).mean() < least
            or np.any(np.ptp(found, axis=axes) < RANGE * np.ptp(given, axis=axes))
        ):
            self.usable = False
            return []
        return [found]

    def copies(self) -> list[np.ndarray]:
        """Return the mirrored images (N, 96, 96) that may be meant: the right ones, and the student's own."""
        right = self._images[:, :, ::-1].astype(float)
        blank = np.zeros((len(self._images), len(self._names), 2))
        return [right, *self._judge(self._images, self._ask(self._images, blank, 0), right, MOVED)]

    def back(self, copies: np.ndarray, points: np.ndarray, right: np.ndarray) -> list[np.ndarray]:
        """Return what answers of models to copies (models, N, K, 2) may become: ``right``, and the student's own."""
        each = [self._ask(copies, answers, 1) for answers in points]
        own = None if any(found is None for found in each) else np.stack([found for found in each if found is not None])
        return [right, *self._judge(points, own, right, AWAY)]


class OwnPlaces:
    """The student's soft_argmax, for maps of the network: whether it is right, and whether it can be followed."""

    def __init__(self, student: Student) -> None:
        self._student = student
        self.right = self.usable = True

    def follow(self, places: np.ndarray, maps: np.ndarray, right: np.ndarray, atol: float, clear: bool) -> bool:
        """Return whether places (B, 2K) are what it makes of the maps, where these are not the right ones.

        With ``clear`` they also have to differ from image to image: what is the same for all follows from nothing. Of
        maps with another number of cells than was asked for nothing follows: the network's own slip made them.
        """
        if maps.shape[2:] != (CELLS, CELLS):
            return False
        try:
            value = self._student.probe("lesson_10.places", maps=maps.astype(np.float32), stride=None)["value"]
        except StudentError:
            value = None
        found = value.array if isinstance(value, TensorValue) else value
        if isinstance(found, np.ndarray) and found.size == right.size and found.dtype.kind == "f":
            own = found.astype(float).reshape(right.shape)
            if np.allclose(own, right, rtol=0, atol=atol):
                return False
            self.right = False
            if np.isfinite(own).all() and np.abs(own).max() <= LARGEST:
                near = atol + RTOL * np.abs(own).max(axis=0)
                if not clear or np.any(np.ptp(own, axis=0) > 4 * near):
                    return bool(np.allclose(places, own, rtol=RTOL, atol=atol))
        self.right = self.usable = False
        return False

    def cuts_the_gradient(self, maps: np.ndarray) -> bool:
        """Return whether nothing leads from its places back to the maps."""
        upstream = np.ones((*maps.shape[:2], 2), np.float32)
        try:
            found = self._student.probe("lesson_10.places_gradient", maps=maps, upstream=upstream)
        except StudentError:
            return False
        return found["error"] is not None or found["gradient"] is None
