"""The 68 points of the 300-W faces on a head of `drawing.head`: where each lies, and where a camera sees it.

The order is that of the real files, left and right as the viewer sees them: 17 along the jaw from left to right, 5 on
each eyebrow, 4 down the nose and 5 below it, 6 around each eye, 12 around the lips and 8 around the mouth's opening.
"""

import numpy as np

from data_scripts.drawing.camera import Camera
from data_scripts.drawing.head import Head
from data_scripts.drawing.shape import FaceShape, frontal_keypoints
from data_scripts.drawing.texture import arc, arc_between
from data_scripts.drawing.whole_head import see_jaw

_FINE = 101  # steps of the curves that points are taken from
_MIRROR = np.array([-1.0, 1.0])


def see_points(head: Head, camera: Camera) -> np.ndarray:
    """The 68 points of a bare head in the camera's picture: (68, 2) float64, in the camera's pixels."""
    features = camera.project(head.lift(_features(head.shape)))
    return np.concatenate([_jaw(head, camera), features])


def _jaw(head: Head, camera: Camera) -> np.ndarray:
    """(17, 2): the jaw line, or the outline of the cheek where the turned head hides the jaw line."""
    chin = head.shape.chin_y
    # Heights (head units) and how far around the head the jaw line lies there, from the ear to the chin.
    heights = np.array(
        [
            0.02 * chin,
            0.17 * chin,
            0.32 * chin,
            0.47 * chin,
            0.62 * chin,
            0.77 * chin,
            chin - 6.5,
            chin - 2.5,
            chin - 1.5,
        ]
    )
    around = np.radians([96.0, 96.0, 95.0, 94.0, 92.0, 88.0, 72.0, 38.0, 0.0])
    return see_jaw(head, camera, heights, around)


def _features(s: FaceShape) -> np.ndarray:
    """Points 17 … 67 of the unturned head: (51, 2), x and y in the head frame, on what `drawing.features` paints."""
    brow, eye = _brow(s), _eye(s)
    # Mirrored, what runs outward from the nose runs inward, and a lid stays above.
    left_eye = (eye * _MIRROR)[[3, 2, 1, 0, 5, 4]]
    return np.concatenate([(brow * _MIRROR)[::-1], brow, _nose(s), left_eye, eye, _mouth(s)])


def _brow(s: FaceShape) -> np.ndarray:
    """(5, 2): the middle of the eyebrow at the viewer's right, from its inner end to its outer."""
    start, end = frontal_keypoints(s)[6:8]
    return arc_between(start, end, -s.brow_arch, 1.0, 5)


def _eye(s: FaceShape) -> np.ndarray:
    """(6, 2): the eye at the viewer's right: inner corner, upper lid, outer corner, and back along the lower lid."""
    inner, outer = (s.eye_x - s.eye_half_width, 0.5), (s.eye_x + s.eye_half_width, -s.eye_tilt)
    upper = arc(*inner, *outer, -3.1 * s.eye_open + 0.6 * max(0.5 - s.eye_open, 0), 0.8, 4)
    lower = arc(*outer, *inner, 2.1 * s.eye_open**0.7 + 0.4, 0.9, 4)
    return np.concatenate([upper, lower[1:3]])


def _nose(s: FaceShape) -> np.ndarray:
    """(9, 2): down the ridge to the tip, then below it from left to right."""
    wide, tip = s.nose_half_width, s.nose_y
    ridge = np.stack([np.zeros(4), np.linspace(0.0, tip, 4)], axis=1)
    right = np.array([(0.45 * wide, tip + 3.6), (0.85 * wide, tip + 2.9)])
    return np.concatenate([ridge, right[::-1] * _MIRROR, [(0.0, tip + 4.2)], right])


def _mouth(s: FaceShape) -> np.ndarray:
    """(20, 2): the lips' outline from the left corner over the upper lip and back, then the opening in the same way."""
    right, left, (_, top), (_, bottom) = frontal_keypoints(s)[11:15]
    seam = s.mouth_y - 0.12 * s.mouth_open - 0.2 * s.smile
    corner = right[1]

    def curve(middle: float, power: float, at: list[float]) -> np.ndarray:
        line = arc_between(left, right, middle - corner, power, _FINE)
        return line[np.round(np.array(at) * (_FINE - 1)).astype(int)]

    return np.concatenate(
        [
            curve(top, 0.75, [0, 0.17, 0.36, 0.5, 0.64, 0.83, 1]),
            curve(bottom, 0.85, [0.83, 0.66, 0.5, 0.34, 0.17]),
            curve(seam, 0.9, [0.07, 0.34, 0.5, 0.66, 0.93]),
            curve(seam + s.mouth_open, 0.8, [0.66, 0.5, 0.34]),
        ]
    )
