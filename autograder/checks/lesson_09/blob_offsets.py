"""How far what is bright in an image comes to lie from where it belongs in an enlarged crop, as many blobs tell."""

from __future__ import annotations

import numpy as np

from autograder.checks.lesson_09.crop_coordinates import Box, find_blob, to_crop

# So large that half a pixel of the image is more than a pixel of the crop.
ENLARGED = 320
# In pixels of the crop, on average: taking the nearest pixel as OpenCV does moves everything by half of one.
OFF = 0.65
# How well a mistake explains the offsets, in pixels of the crop.
EXPLAINED = 0.6


def draw_centers(rng: np.random.Generator, box: Box) -> np.ndarray:
    """Draw the centers of nine blobs all over the box, (9, 2) pixels of the image."""
    shares = np.array([(x, y) for x in (0.15, 0.5, 0.85) for y in (0.15, 0.5, 0.85)])
    return np.array(box[:2]) + (shares + rng.uniform(-0.03, 0.03, shares.shape)) * np.array(box[2:])


class Offsets:
    """The offsets of blobs (x, y), in pixels of the crop, and what common mistakes would make of them."""

    def __init__(self) -> None:
        self.places: list[np.ndarray] = []
        self.found: list[np.ndarray] = []
        self.mistaken: dict[str, list[np.ndarray]] = {}

    def add(self, crop: np.ndarray, box: Box, centers: np.ndarray) -> None:
        """Measure the blobs of one crop (ENLARGED, ENLARGED), whose centers are (N, 2) pixels of the image."""
        corner, sides = np.array(box[:2], float), np.array(box[2:], float)
        mistakes = {
            "half a pixel lost: the crop begins at the center of the box's first pixel": ENLARGED / sides,
            "outermost centers laid on each other: the crop covers half a pixel less on each side": (ENLARGED - 1)
            / (sides - 1),
        }
        for center, place in zip(centers, to_crop(centers, box, ENLARGED), strict=True):
            self.places.append(place)
            self.found.append(find_blob(crop, place, ENLARGED // 7) - place)
            for words, scale in mistakes.items():
                self.mistaken.setdefault(words, []).append((center - corner) * scale - place)

    def say(self) -> str | None:
        """Return in words what is wrong with where the blobs lie, None where they are in their places."""
        places, found = np.array(self.places), np.array(self.found)
        ends = []
        for axis in (0, 1):
            slope, start = np.polyfit(places[:, axis], found[:, axis], 1)
            ends += [start + share * ENLARGED * slope for share in (0.15, 0.85)]
        if np.abs(ends).max() <= OFF:
            return None
        for words, mistaken in self.mistaken.items():
            if np.sqrt(np.mean((found - np.array(mistaken)) ** 2)) < EXPLAINED:
                return words
        texts = [
            f"in {name} {low:+.1f} to {high:+.1f}" for name, low, high in zip("xy", ends[::2], ends[1::2], strict=True)
        ]
        return f"off by so many pixels of the crop, from one rim to the other: {', '.join(texts)}"
