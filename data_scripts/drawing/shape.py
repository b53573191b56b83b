"""The measures of a face with its expression, and where its 15 keypoints lie.

Head frame: x to the viewer's right, y down, z toward the viewer. One unit is one pixel of a face of average size.
The origin lies between the eyes, at the depth of the ears. `left` is the person's left, positive x, as in Kaggle's.
"""

from dataclasses import dataclass

import numpy as np

from data_scripts.drawing.numbers import clamp

KEYPOINT_NAMES = (
    "left_eye_center",
    "right_eye_center",
    "left_eye_inner_corner",
    "left_eye_outer_corner",
    "right_eye_inner_corner",
    "right_eye_outer_corner",
    "left_eyebrow_inner_end",
    "left_eyebrow_outer_end",
    "right_eyebrow_inner_end",
    "right_eyebrow_outer_end",
    "nose_tip",
    "mouth_left_corner",
    "mouth_right_corner",
    "mouth_center_top_lip",
    "mouth_center_bottom_lip",
)
IMAGE_SIZE = 96


@dataclass(frozen=True)
class FaceShape:
    """Measures of one face with its expression, in units of the head frame (angles and fractions without unit)."""

    eye_x: float
    eye_half_width: float
    eye_open: float
    eye_tilt: float
    brow_y: float
    brow_inner_x: float
    brow_outer_x: float
    brow_frown: float
    brow_arch: float
    brow_thickness: float
    nose_y: float
    nose_half_width: float
    nose_height: float
    mouth_y: float
    mouth_half_width: float
    upper_lip: float
    lower_lip: float
    mouth_open: float
    smile: float
    mouth_shift: float
    chin_y: float
    width: float
    jaw: float
    cheek: float
    depth: float
    ears: float
    tip_lift: float = 0.0  # how much higher above the nostrils the nose's tip stands than in Kaggle's labels
    eye_reach: float = 0.0  # how much further than to the outer corner of the eye its lids are drawn
    brow_drop: float = 1.2  # how much lower than its middle the brow's outer end lies
    brow_fade: float = 0.0  # how much of the brow's inner end is too thin to be seen
    bow: float = 0.0  # how high the upper lip's two peaks rise above its middle

    @property
    def nose_base(self) -> float:
        """Where nostrils and wings of the nose are measured from: its tip, by Kaggle's labels."""
        return self.nose_y + self.tip_lift


def draw_shape(rng: np.random.Generator) -> FaceShape:
    """Draw the measures of one face; `rng` is advanced."""

    def around(mean: float, spread: float) -> float:
        return float(mean + spread * clamp(rng.standard_normal(), -2.5, 2.5))

    mood = rng.random()
    if mood < 0.35:  # a smile that mostly shows teeth
        smile, mouth_open = rng.uniform(0.4, 1.3), max(rng.uniform(-2.5, 7.0), 0.0)
    elif mood < 0.65:  # talking, laughing, shouting
        smile, mouth_open = around(0.1, 0.4), rng.gamma(1.4, 3.5)
    else:
        smile, mouth_open = around(0.0, 0.35), 0.0
    smile, mouth_open = clamp(smile, -0.7, 1.3), float(min(mouth_open, 17.0))
    stretch = around(1.0, 0.06)
    frown = around(0.0, 1.0)
    lift = around(0.0, 1.2)
    # Short noses over low mouths, as many photographs show them, and long ones, so that the means are Kaggle's.
    short = rng.random() < 0.27
    nose_y = (around(18.2, 2.0) if short else around(26.0, 2.8)) * stretch
    upper_lip = clamp(around(3.0, 0.9), 1.0, 5.5)
    # The upper lip never reaches the nose.
    mouth_y = max(around(35.3 if short else 31.8, 2.8) * stretch, nose_y + 5.1 + upper_lip)
    return FaceShape(
        eye_x=around(18.25, 1.1),
        eye_half_width=around(7.3, 0.6),
        eye_open=clamp(around(0.8, 0.3) - 0.25 * max(smile, 0) * rng.random(), 0.04, 1.5),
        eye_tilt=around(0.3, 0.5),
        brow_y=around(-9.6, 1.3) - lift,
        brow_inner_x=around(7.4, 1.9),
        brow_outer_x=around(33.2, 1.3),
        brow_frown=frown,
        brow_arch=around(2.4, 1.0),
        brow_thickness=clamp(around(3.0, 1.0), 1.2, 5.5),
        nose_y=nose_y,
        nose_half_width=around(6.8, 1.0),
        nose_height=around(12.0, 1.8),
        mouth_y=mouth_y,
        mouth_half_width=around(15.1, 1.6) + 2.4 * smile - 0.1 * mouth_open,
        upper_lip=upper_lip,
        lower_lip=clamp(around(5.0 if short else 4.4, 1.5), 1.5, 8.5),
        mouth_open=mouth_open,
        smile=smile,
        mouth_shift=around(0.0, 0.7),
        chin_y=max(around(60.5, 3.5) * stretch, mouth_y + 16.0) + 0.8 * mouth_open,
        width=around(39.0, 2.0),
        jaw=around(0.0, 2.6),
        cheek=around(0.0, 1.5),
        depth=around(1.0, 0.06),
        ears=clamp(around(4.0, 1.6), 0.5, 8.0),
    )


def frontal_keypoints(shape: FaceShape) -> np.ndarray:
    """Keypoints of the unturned head: (15, 2) float64, x and y in the head frame."""
    s = shape
    outer_y = -s.eye_tilt
    brow_in = s.brow_y + s.brow_frown
    brow_out = s.brow_y + s.brow_drop
    corner_y = s.mouth_y - 3.0 * s.smile + 0.4 * s.mouth_open
    eye, width, mouth = s.eye_x, s.eye_half_width, s.mouth_shift
    return np.array(
        [
            (eye, 0.0),
            (-eye, 0.0),
            (eye - width, 0.5),
            (eye + width, outer_y),
            (-eye + width, 0.5),
            (-eye - width, outer_y),
            (s.brow_inner_x, brow_in),
            (s.brow_outer_x, brow_out),
            (-s.brow_inner_x, brow_in),
            (-s.brow_outer_x, brow_out),
            (0.0, s.nose_y),
            (mouth + s.mouth_half_width, corner_y),
            (mouth - s.mouth_half_width, corner_y),
            (mouth, s.mouth_y - s.upper_lip - 0.12 * s.mouth_open - 0.5 * s.smile),
            (mouth, s.mouth_y + s.lower_lip + 0.88 * s.mouth_open),
        ]
    )
