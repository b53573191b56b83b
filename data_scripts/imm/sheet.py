"""The pictures of some persons side by side, with their points."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from data_scripts.imm.reading import ImmFaces

_GREEN = (0, 255, 0)


def imm_sheet(faces: ImmFaces, persons: Sequence[int]) -> np.ndarray:
    """All pictures of some persons, a row for each, with their points: one picture, blue-green-red uint8."""
    rows: list[np.ndarray] = []
    height, width = faces.images.shape[1:]
    for person in persons:
        tiles: list[np.ndarray] = []
        for number in np.flatnonzero(faces.persons == person)[:6]:
            gray = np.round(faces.images[number] * 255).astype(np.uint8)
            tile = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
            for x, y in faces.keypoints[number].astype(float) * (width, height) - 0.5:
                cv2.circle(tile, (round(x * 16), round(y * 16)), 20, _GREEN, -1, cv2.LINE_AA, 4)
            tiles.append(tile)
        tiles += [np.zeros_like(tiles[0])] * (6 - len(tiles))
        rows.append(np.hstack(tiles))
    return np.vstack(rows)
