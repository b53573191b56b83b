"""Right answers to ``to_unit_targets`` and ``to_pixels`` in other styles."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.lessons.answers import Answer


def unit_by_loop(keypoints: np.ndarray) -> np.ndarray:
    rows = []
    for face in keypoints:
        rows.append([float(value) / 96 for x, y in face for value in (x, y)])
    return np.array(rows, dtype="float32")


def pixels_by_loop(outputs: np.ndarray) -> np.ndarray:
    return np.array([[[row[2 * k] * 96, row[2 * k + 1] * 96] for k in range(15)] for row in outputs], np.float32)


def unit_by_columns(keypoints: np.ndarray) -> np.ndarray:
    out = np.empty((keypoints.shape[0], 30), keypoints.dtype)
    out[:, 0::2] = keypoints[:, :, 0] / 96.0
    out[:, 1::2] = keypoints[:, :, 1] / 96.0
    return out


def pixels_by_columns(outputs: np.ndarray) -> np.ndarray:
    return np.stack([outputs[:, 0::2], outputs[:, 1::2]], axis=-1) * 96


def unit_by_tensorflow(keypoints: np.ndarray) -> np.ndarray:
    return tf.reshape(tf.constant(keypoints, tf.float32) / 96.0, (-1, 30)).numpy()


def pixels_by_tensorflow(outputs: np.ndarray) -> np.ndarray:
    return (tf.reshape(tf.constant(outputs, tf.float32), (-1, 15, 2)) * 96.0).numpy()


RIGHT = [
    Answer("to_unit_targets", to_targets.__name__, {"to_unit_targets": to_targets, "to_pixels": to_pixels})
    for to_targets, to_pixels in (
        (unit_by_loop, pixels_by_loop),
        (unit_by_columns, pixels_by_columns),
        (unit_by_tensorflow, pixels_by_tensorflow),
    )
]
