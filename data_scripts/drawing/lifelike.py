"""Faces that are measured as people are, for networks that are to find keypoints on photographs.

The faces of `draw_face` have the mean and the spread of Kaggle's labels; one of two groups of people put the nose's tip
near the nostrils, which makes those noses too long, too narrow and too near to the lips. Here noses have people's
measures, with the tip between the places where the two groups put it; eyes and brows end where they seem to, not where
their paint does; brows, lips, poses and places vary more.
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
    gauss = np.clip(rng.standard_normal(8), -2.5, 2.5).tolist()
    # People measure some 35 mm from the height of the eyes to the point of the nose that stands out furthest, 45 to its
    # base, and 35 across its wings; with 63 mm between the eyes, a millimeter is 0.58 units.
    nose_y, tip_lift = 21.8 + 2.0 * gauss[0], clamp(1.2 + 0.8 * gauss[1], 0.0, 3.5)
    lowest_lip = nose_y + tip_lift + 5.1 + shape.upper_lip
    return replace(
        shape,
        nose_y=nose_y,
        tip_lift=tip_lift,
        eye_x=0.97 * shape.eye_x,
        eye_half_width=0.95 * shape.eye_half_width,
        eye_reach=1.2,
        brow_inner_x=shape.brow_inner_x - 0.5,
        brow_outer_x=shape.brow_outer_x + 1.8 * gauss[5],
        brow_drop=1.2 + 1.8 * gauss[6],
        brow_arch=shape.brow_arch + 1.0 * gauss[7],
        brow_fade=1.4,
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
