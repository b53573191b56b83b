"""The 58 points of the IMM Face Database on a head of `drawing.head`: where each lies, and where a camera sees it.

The order is that of the real files: 13 along the jaw from the person's right ear to the left, 8 around the left eye, 8
around the right, 5 on the upper edge of each eyebrow, 8 around the mouth, 11 down and up the nose.
"""

import numpy as np

from data_scripts.drawing.camera import Camera
from data_scripts.drawing.head import Head
from data_scripts.drawing.shape import FaceShape, frontal_keypoints
from data_scripts.drawing.texture import arc, arc_between
from data_scripts.drawing.whole_head import see_jaw

IMM_POINTS = 58
NOSE_TIP = 52  # the lowest point of the nose, between the nostrils
_FINE = 41  # steps of the curves that points are taken from


def see_points(head: Head, camera: Camera) -> np.ndarray:
    """The 58 points of a bare head in the camera's picture: (58, 2) float64, in the camera's pixels."""
    jaw = _jaw(head, camera)
    features = camera.project(head.lift(_features(head.shape)))
    return np.concatenate([jaw, features])


def _jaw(head: Head, camera: Camera) -> np.ndarray:
    """(13, 2): the jaw line, or the outline of the cheek where the turned head hides the jaw line."""
    chin = head.shape.chin_y
    # Heights (head units) and how far around the head the jaw line lies there, from the ear to the chin.
    at_height = np.array([0.42 * chin, 0.56 * chin, 0.69 * chin, chin - 8.5, chin - 2.5, chin - 2.0, chin - 2.0])
    around = np.radians([98.0, 96.0, 92.0, 86.0, 62.0, 28.0, 0.0])
    return see_jaw(head, camera, at_height, around)


def _features(s: FaceShape) -> np.ndarray:
    """Points 13 … 57 of the unturned head: (45, 2), x and y in the head frame, on what `drawing.features` paints."""
    eye, brow = _eye(s), _brow(s)
    mirror = np.array([-1.0, 1.0])
    return np.concatenate([eye, eye * mirror, brow, brow * mirror, _mouth(s), _nose(s)])


def _eye(s: FaceShape) -> np.ndarray:
    """(8, 2): from the outer corner over the upper lid to the inner corner, and back under the lower lid."""
    inner, outer = (s.eye_x - s.eye_half_width, 0.5), (s.eye_x + s.eye_half_width, -s.eye_tilt)
    upper = arc(*outer, *inner, -3.1 * s.eye_open + 0.6 * max(0.5 - s.eye_open, 0), 0.8, 5)
    lower = arc(*inner, *outer, 2.1 * s.eye_open**0.7 + 0.4, 0.9, 5)
    return np.concatenate([upper, lower[1:-1]])


def _brow(s: FaceShape) -> np.ndarray:
    """(5, 2): the upper edge from the inner end to the outer."""
    start, end = frontal_keypoints(s)[6:8]
    middle = arc_between(start, end, -s.brow_arch, 1.0, _FINE)
    along = np.linspace(0, 1, _FINE)
    top = middle[:, 1] - 0.5 * s.brow_thickness * np.interp(along, [0, 0.15, 0.5, 1], [0.5, 1.0, 0.95, 0.2])
    at = np.array([0.0, 0.24, 0.6, 0.83, 1.0])
    return np.stack([np.interp(at, along, middle[:, 0]), np.interp(at, along, top)], axis=1)


def _mouth(s: FaceShape) -> np.ndarray:
    """(8, 2): the person's right corner, the upper lip's two peaks and its dip between them, and the lower lip."""
    left, right, (center, top), (_, bottom) = frontal_keypoints(s)[11:15]
    upper = arc_between(right, left, top - right[1], 0.75, _FINE)
    lower = arc_between(right, left, bottom - right[1], 0.85, _FINE)
    upper_x, lower_x = center + np.array([-4.0, 0.0, 4.0]), center + np.array([5.5, 0.0, -5.5])
    upper_y = np.interp(upper_x, *upper.T) + np.array([-0.4, 0.7, -0.4])
    lower_y = np.interp(lower_x, *lower.T)
    return np.concatenate([[right], np.stack([upper_x, upper_y], 1), [left], np.stack([lower_x, lower_y], 1)])


def _nose(s: FaceShape) -> np.ndarray:
    """(11, 2): down the person's right side from between the eyes, under the nostrils, and up the left side."""
    wide, tip = s.nose_half_width, s.nose_y
    right = np.array(
        [
            (-0.48 * wide, 1.5),
            (-0.58 * wide, 0.61 * tip),
            (-0.97 * wide, tip - 3.6),
            (-wide, tip + 1.2),
            (-0.55 * wide, tip + 3.4),
        ]
    )
    return np.concatenate([right, [(0.0, tip + 4.0)], right[::-1] * (-1, 1)])
