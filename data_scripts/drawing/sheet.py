"""Faces side by side in one picture, with their keypoints or without."""

import cv2
import numpy as np

from data_scripts.drawing.shape import IMAGE_SIZE

GREEN = (0, 200, 0)


def face_sheet(images: np.ndarray, keypoints: np.ndarray | None = None, columns: int = 8, zoom: int = 2) -> np.ndarray:
    """Lay faces side by side, row by row.

    `images`: (N, 96, 96) uint8. `keypoints`: (N, 15, 2) pixels, drawn as green rings, NaN left out; None draws none.
    -> one picture, blue-green-red uint8, `columns` faces wide, each `zoom` times as large. ValueError for no faces.
    """
    if len(images) == 0:
        raise ValueError("expected at least one face for the sheet, got none; draw some first")
    size = IMAGE_SIZE * zoom
    rows = -(-len(images) // columns)
    sheet = np.zeros((rows * size, columns * size, 3), np.uint8)
    for number, image in enumerate(images):
        tile = cv2.cvtColor(cv2.resize(image, (size, size), interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2BGR)
        points = [] if keypoints is None else keypoints[number][np.isfinite(keypoints[number]).all(axis=1)]
        for x, y in points:
            # A label of 0 means the center of the first pixel, which after zooming lies at half a zoom.
            center = (round((float(x) + 0.5) * zoom * 16 - 8), round((float(y) + 0.5) * zoom * 16 - 8))
            cv2.circle(tile, center, 16 * zoom, GREEN, 1, cv2.LINE_AA, 4)
        row, column = divmod(number, columns)
        sheet[row * size : (row + 1) * size, column * size : (column + 1) * size] = tile
    return sheet
