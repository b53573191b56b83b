"""The places of maps, rightly and by common mistakes."""

from __future__ import annotations

import numpy as np

SIDE = 96


def mean_places(maps: np.ndarray) -> np.ndarray:
    """Return the mean place of maps (B, K, h, w) of 96 x 96 images, (B, K, 2) pixels, x then y."""
    logits = maps.astype(float)
    weights = np.exp(logits - logits.max(axis=(2, 3), keepdims=True))
    weights /= weights.sum(axis=(2, 3), keepdims=True)
    rows, columns = (SIDE / count * (np.arange(count) + 0.5) - 0.5 for count in maps.shape[2:])
    return np.stack([(weights.sum(axis=2) * columns).sum(axis=2), (weights.sum(axis=3) * rows).sum(axis=2)], axis=2)


def _best_places(maps: np.ndarray) -> np.ndarray:
    """Return the middle of the largest cell of each map, (B, K, 2) pixels."""
    height, width = maps.shape[2:]
    best = maps.reshape(*maps.shape[:2], -1).argmax(axis=2)
    return np.stack([SIDE / width * (best % width + 0.5), SIDE / height * (best // width + 0.5)], axis=2) - 0.5


def places_mistakes(maps: np.ndarray) -> dict[str, np.ndarray]:
    """Return in words what mistakes make of maps (B, K, h, w), each (B, 2K)."""
    right, batch = mean_places(maps), len(maps)
    best, stride = _best_places(maps), SIDE / maps.shape[3]
    mistakes = {
        "y before x of each keypoint": right[..., ::-1],
        "cells of the map, not pixels of the image": (right + 0.5) / stride - 0.5,
        "all x before all y": right.transpose(0, 2, 1),
        "the upper left corner of each cell in place of its middle": right - (stride - 1) / 2,
        "places half a pixel too far": right + 0.5,
        "shares of the image's width, not pixels": right / SIDE,
        "the place of the largest cell, from which no gradient comes": best,
    }
    return {words: places.reshape(batch, -1) for words, places in mistakes.items()}


def spread(places: np.ndarray) -> float:
    """Return how far the places (B, 2K) of a map lie apart from image to image, along x and y, at the most."""
    return float(np.ptp(places.reshape(len(places), -1, 2), axis=0).min(axis=1).max())
