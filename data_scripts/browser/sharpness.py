"""How sharp maps are, and from where on they are those of a face: a network's own limit, measured on drawn faces.

A network that sees no face still answers: its maps are flat, and their means lie somewhere in the middle. How flat
depends on how it was trained, so the limit is its own.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from data_scripts.drawing.scene import background
from data_scripts.drawing.workers import draw_faces

COUNT = 48


def sharpness(maps: np.ndarray) -> np.ndarray:
    """Return how much of each map lies in and around its brightest cell, averaged over a face's keypoints.

    Args:
        maps: (N, K, h, w), each adds up to 1.

    Returns:
        (N,) in (0, 1]: the mean share of the 3 × 3 cells about the maximum.
    """
    count, keypoints, height, width = maps.shape
    padded = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)))
    around = sum(padded[:, :, r : r + height, c : c + width] for r in range(3) for c in range(3))
    brightest = maps.reshape(count, keypoints, -1).argmax(2)[..., None]
    shares = np.take_along_axis(np.asarray(around).reshape(count, keypoints, -1), brightest, 2)
    return shares[..., 0].mean(1)


def faces_and_others() -> tuple[np.ndarray, np.ndarray]:
    """Draw what is a face and what is none: places, noise, and faces cut into shuffled pieces; (N, 96, 96) uint8 both."""
    faces = draw_faces(COUNT, 19)[0]
    rng = np.random.default_rng(19)
    size = faces.shape[1]
    places = [cv2.resize(np.sqrt(background(rng)), (size, size)) * 200 for _ in range(COUNT // 2)]
    noise = [np.full((size, size), 120.0) + rng.normal(0, 1 + 4 * n, (size, size)) for n in range(COUNT // 6)]
    shuffled = []
    for face in faces[: COUNT // 3]:
        pieces = face.reshape(4, size // 4, 4, size // 4).swapaxes(1, 2).reshape(16, size // 4, size // 4)
        pieces = pieces[rng.permutation(16)].reshape(4, 4, size // 4, size // 4)
        shuffled.append(pieces.swapaxes(1, 2).reshape(size, size).astype(float))
    return faces, np.stack([*places, *noise, *shuffled]).clip(0, 255).astype(np.uint8)


def sharpness_limit(maps: Callable[[np.ndarray], np.ndarray]) -> float:
    """Return from where on maps are those of a face: between the flat ones of a face and the sharp ones of others.

    Args:
        maps: (N, 96, 96) uint8 -> (N, K, h, w), each adds up to 1.
    """
    faces, others = (sharpness(maps(images)) for images in faces_and_others())
    # Where both overlap, as a little trained network's do, a face found too often is the lesser evil.
    return float(min(0.5 * (np.quantile(faces, 0.1) + np.quantile(others, 0.9)), np.quantile(faces, 0.1)))
