"""Faces that are measured as people are, for networks that are to find keypoints on photographs.

The faces of `draw_face` have the mean and the spread of Kaggle's labels, where one group of people put the nose's tip
near the nostrils: their noses are too long and too narrow, and their tips too near the lips. Here the tip is the point
that stands out furthest, as other sets label it, and poses and places vary more.
"""

from dataclasses import replace

import numpy as np

from data_scripts.drawing.camera import Pose, draw_pose
from data_scripts.drawing.look import Look, draw_look
from data_scripts.drawing.numbers import clamp
from data_scripts.drawing.scene import background, lay_shape
from data_scripts.drawing.shape import FaceShape, draw_shape
from data_scripts.drawing.texture import ellipse


def lifelike_shape(rng: np.random.Generator) -> FaceShape:
    """Draw the measures of one face; `rng` is advanced."""
    shape = draw_shape(rng)
    gauss = np.clip(rng.standard_normal(5), -2.5, 2.5).tolist()
    # Men and women measure 32 to 37 mm from the eyes to the nose's tip, 45 to 50 to the base, and 35 across its wings;
    # with 63 mm between the eyes, a millimeter is 0.58 units.
    nose_y, tip_lift = 20.6 + 2.0 * gauss[0], clamp(2.4 + 0.9 * gauss[1], 0.3, 5.0)
    lowest_lip = nose_y + tip_lift + 5.1 + shape.upper_lip
    return replace(
        shape,
        nose_y=nose_y,
        tip_lift=tip_lift,
        eye_x=0.97 * shape.eye_x,
        eye_half_width=0.95 * shape.eye_half_width,
        eye_reach=1.2,
        brow_inner_x=shape.brow_inner_x - 0.5,
        bow=0.7,
        nose_half_width=(9.2 + 1.2 * gauss[2]) * (1.12 if shape.smile > 0.4 else 1.0),
        nose_height=11.0 + 2.2 * gauss[3],
        mouth_y=max(35.5 + 2.8 * gauss[4], lowest_lip),
        chin_y=shape.chin_y + 2.0,
    )


def lifelike_look(rng: np.random.Generator) -> Look:
    """Draw colors and choices of one face; `rng` is advanced. Some lips are no darker than the skin around them."""
    look = draw_look(rng)
    return replace(look, lips=float(look.skin * rng.uniform(0.4, 1.1)))


def lifelike_pose(rng: np.random.Generator) -> Pose:
    """Draw pose and framing of one face; `rng` is advanced."""
    pose = draw_pose(rng)
    return replace(
        pose,
        yaw=1.2 * pose.yaw,
        pitch=1.2 * pose.pitch,
        stretch=0.98 * pose.stretch,
        scale=pose.scale * float(np.exp(0.03 * rng.standard_normal())),
    )


def cluttered(rng: np.random.Generator) -> np.ndarray:
    """A place with other things in it, near and far: (CANVAS, CANVAS) float32 of linear light."""
    canvas = background(rng)
    for _ in range(rng.integers(0, 3)):
        other, size = background(rng), len(canvas)
        x, y, across, down = rng.uniform(0, size, 2).tolist() + rng.uniform(15, 80, 2).tolist()
        lay_shape(canvas, ellipse(x, y, across, down), other, rng.uniform(0.3, 2.0))
    return canvas
