"""A head that is seen whole, from the crown to the throat, and the line of its jaw."""

from dataclasses import replace

import numpy as np

from data_scripts.drawing.camera import Camera
from data_scripts.drawing.head import THETA, Head, build_head, heights
from data_scripts.drawing.shape import FaceShape
from data_scripts.drawing.texture import step


def build_whole_head(shape: FaceShape) -> Head:
    """Raise the bare surface of a head that is seen whole: a round crown, a jaw that runs up to the ears, a throat.

    `build_head`'s is made for faces cropped closely, with a crown and a throat that reach beyond the picture.
    """
    head = build_head(shape)
    points = head.points.copy()
    height = heights(shape)
    near_chin = step((height - shape.chin_y + 11) / 2.5)
    above, below = np.minimum(height + 20, 0), np.maximum(height - shape.chin_y + 1, 0)
    points[1] -= (0.3 * above + 0.7 * below)[:, None]
    points[1] -= 6.0 * near_chin[:, None] * np.sin(THETA) ** 2
    return replace(head, points=points)


def see_jaw(head: Head, camera: Camera, levels: np.ndarray, around: np.ndarray) -> np.ndarray:
    """Points of the jaw line in the camera's picture, or of the cheek's outline where the turned head hides that line.

    `levels` (M,), heights in head units, and `around` (M,), radians, say where the line lies on the surface, from an
    ear to the chin. -> (2M - 1, 2) float64, in the camera's pixels, from ear to ear.
    """
    levels, around = np.concatenate([levels, levels[-2::-1]]), np.concatenate([-around, around[-2::-1]])
    theta = around[:, None] * np.linspace(0.4, 1, 25)
    flat = camera.project(head.at(theta, levels))
    outermost = np.argmax(flat[..., 0] * np.sign(around)[:, None], axis=1)
    return flat[np.arange(len(flat)), outermost]
