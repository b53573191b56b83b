"""Little "faces" that a network learns in seconds: three blobs, labelled by two sources of which one is off."""

from __future__ import annotations

from pathlib import Path

import numpy as np

NAMES = ("left_eye_center", "right_eye_center", "nose_tip")
OFF = np.array([3.0, 0.0], np.float32)  # what the sparse source adds to its labels, pixels


def draw(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """-> images (N, 96, 96) uint8 and keypoints (N, 3, 2) float32; a face is nearly a mirror image of itself."""
    rng = np.random.default_rng(seed)
    middle = rng.uniform(40, 55, (count, 1, 2)).astype(np.float32)
    keypoints = middle + np.array([[18, -12], [-18, -12], [0, 8]], np.float32) + rng.normal(0, 1, (count, 3, 2))
    rows, columns = np.mgrid[:96, :96]
    far = (columns - keypoints[..., 0, None, None]) ** 2 + (rows - keypoints[..., 1, None, None]) ** 2
    images = 60 + 150 * np.exp(-far / (2 * 4.0**2)).sum(1) + rng.normal(0, 5, (count, 96, 96))
    return images.clip(0, 255).astype(np.uint8), keypoints.astype(np.float32)


def with_sources(count: int, seed: int) -> dict[str, np.ndarray]:
    """-> the arrays of a file of faces: every second one is labelled by the sparse source, nose alone, and off."""
    images, keypoints = draw(count, seed)
    keypoints[1::2] += OFF
    keypoints[1::2, :2] = np.nan
    # The sparse source's pictures are darker, so that it can be told from a picture.
    images[1::2] = images[1::2] // 2
    return {"train_images": images, "train_keypoints": keypoints, "names": np.array(NAMES)}


def write(path: Path, count: int = 24, seed: int = 0, **other: np.ndarray) -> Path:
    """Write such a file; ``other`` arrays replace or join it."""
    np.savez(path, **{**with_sources(count, seed), **other})  # type: ignore[arg-type]  # numpy's stub knows no names
    return path
