"""Faces with people's measures: what sets them apart from those with the measures of Kaggle's labels."""

import numpy as np
import pytest

from data_scripts.drawing.lifelike import lifelike_shape
from data_scripts.drawing.shape import KEYPOINT_NAMES, draw_shape
from data_scripts.drawing.workers import draw_faces


def test_processes_draw_what_one_draws_and_both_kinds_differ() -> None:
    images, keypoints = draw_faces(40, 3, workers=1, lifelike=True)
    side_by_side = draw_faces(40, 3, workers=2, lifelike=True)
    np.testing.assert_array_equal(images, side_by_side[0])
    np.testing.assert_array_equal(keypoints, side_by_side[1])
    assert keypoints.min() >= 0.5
    assert keypoints.max() <= 94.5
    assert (draw_faces(40, 3, workers=1)[0] != images).any(axis=(1, 2)).all()


@pytest.mark.parametrize(("lifelike", "share"), [(True, 0.68), (False, 0.79)])
def test_noses_are_shorter_than_by_kaggles_labels(lifelike: bool, share: float) -> None:
    """From the eyes to the tip it is about two thirds of the way to the upper lip."""
    keypoints = draw_faces(100, 0, workers=1, lifelike=lifelike)[1]
    eyes, tip, lip = (
        keypoints[:, [KEYPOINT_NAMES.index(name) for name in names], 1].mean()
        for names in (("left_eye_center", "right_eye_center"), ("nose_tip",), ("mouth_center_top_lip",))
    )
    assert (tip - eyes) / (lip - eyes) == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("seed", range(20))
def test_no_lip_reaches_the_nose(seed: int) -> None:
    shape = lifelike_shape(np.random.default_rng(seed))
    assert shape.mouth_y - shape.upper_lip >= shape.nose_y + shape.tip_lift + 5.0
    assert 0 <= shape.tip_lift <= 3.5
    assert draw_shape(np.random.default_rng(seed)).tip_lift == 0
