"""The drawn faces: the real set's statistics, labels that lie on what was drawn, drawing in several processes."""

import dataclasses
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data_scripts.drawing import workers
from data_scripts.drawing.camera import draw_pose, frame_head, rotation
from data_scripts.drawing.face import draw_face
from data_scripts.drawing.head import build_head
from data_scripts.drawing.shape import KEYPOINT_NAMES, draw_shape
from data_scripts.drawing.sheet import face_sheet
from data_scripts.drawing.workers import draw_faces
from data_scripts.face_sheet import main as sheet_main
from data_scripts.kaggle.labels import asked_keypoints

# Mean and spread, x then y, over Kaggle's labels, in pixels.
KAGGLE_SPREAD = {
    "left_eye_center": ((66.4, 37.7), (3.4, 3.2)),
    "right_eye_center": ((30.3, 38.0), (3.1, 3.0)),
    "nose_tip": ((48.4, 62.7), (4.3, 5.7)),
    "mouth_center_bottom_lip": ((48.6, 79.0), (4.3, 5.4)),
}


@pytest.fixture(scope="module")
def faces() -> tuple[np.ndarray, np.ndarray]:
    return draw_faces(800, 0, workers=min(2, os.cpu_count() or 1))


def test_a_face_does_not_depend_on_how_many_are_drawn() -> None:
    few, few_points = draw_faces(2, 5)
    more, more_points = draw_faces(5, 5)
    np.testing.assert_array_equal(few, more[:2])
    np.testing.assert_array_equal(few_points, more_points[:2])


@pytest.mark.parametrize("name", list(KAGGLE_SPREAD))
def test_keypoints_are_placed_and_spread_as_in_the_real_set(name: str, faces: tuple[np.ndarray, np.ndarray]) -> None:
    mean, spread = KAGGLE_SPREAD[name]
    points = faces[1][:, KEYPOINT_NAMES.index(name)]
    np.testing.assert_allclose(points.mean(axis=0), mean, atol=0.7)
    np.testing.assert_allclose(points.std(axis=0), spread, rtol=0.2)


def test_a_constant_mean_face_scores_as_on_the_real_set(faces: tuple[np.ndarray, np.ndarray]) -> None:
    keypoints = faces[1]
    asked = asked_keypoints(len(keypoints), np.random.default_rng(0))
    errors = (keypoints - keypoints.mean(axis=0))[asked]
    assert math.sqrt(np.mean(errors**2)) == pytest.approx(3.88, abs=0.3)


def test_pictures_have_the_gray_levels_of_photographs(faces: tuple[np.ndarray, np.ndarray]) -> None:
    images = faces[0].astype(np.float32)
    assert images.shape == (800, 96, 96)
    # Photographs framed this way, measured once: mean 106 ± 28, contrast within a picture 46 ± 13.
    assert images.mean() == pytest.approx(106, abs=16)
    assert images.mean(axis=(1, 2)).std() == pytest.approx(28, abs=8)
    assert images.std(axis=(1, 2)).mean() == pytest.approx(46, abs=8)


def test_labels_lie_on_what_is_drawn(faces: tuple[np.ndarray, np.ndarray]) -> None:
    images, keypoints = faces

    def brightness(points: np.ndarray) -> np.ndarray:
        at = np.clip(np.round(points), 2, 93).astype(int)
        return np.array([image[y - 2 : y + 3, x - 2 : x + 3].mean() for image, (x, y) in zip(images, at, strict=True)])

    left_eye, right_eye, left_corner = (keypoints[:, i] for i in (0, 1, 11))
    cheek = 0.55 * left_eye + 0.45 * left_corner + (left_eye - right_eye) * 0.06
    assert (brightness(left_eye) < brightness(cheek)).mean() > 0.8
    bridge = 0.5 * (left_eye + right_eye)
    assert (brightness(right_eye) < brightness(bridge)).mean() > 0.8


def test_left_is_the_persons_left_and_features_keep_their_order(faces: tuple[np.ndarray, np.ndarray]) -> None:
    points = dict(zip(KEYPOINT_NAMES, faces[1].transpose(1, 0, 2), strict=True))
    assert (points["left_eye_center"][:, 0] > points["right_eye_center"][:, 0]).all()
    assert (points["left_eye_outer_corner"][:, 0] > points["left_eye_inner_corner"][:, 0]).all()
    eyes = 0.5 * (points["left_eye_center"] + points["right_eye_center"])
    assert (eyes[:, 1] < points["nose_tip"][:, 1]).all()
    assert (points["mouth_center_top_lip"][:, 1] < points["mouth_center_bottom_lip"][:, 1]).all()


def test_turning_the_head_moves_the_nose_most() -> None:
    rng = np.random.default_rng(0)
    head = build_head(draw_shape(rng))
    still = dataclasses.replace(draw_pose(rng), yaw=0.0, pitch=0.0, roll=0.0)
    _, front = frame_head(head, still)
    camera, turned = frame_head(head, dataclasses.replace(still, yaw=0.3))
    # The person turns to the viewer's right: the nose, which stands out, moves farther than the eyes.
    assert (turned - front)[10, 0] > (turned - front)[:2, 0].mean() + 2
    np.testing.assert_allclose(camera.turn @ camera.turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation(still)) == pytest.approx(1)
    _, rolled = frame_head(head, dataclasses.replace(still, roll=0.2, stretch=1.0))
    eye_line = rolled[0] - rolled[1]
    assert math.atan2(eye_line[1], eye_line[0]) == pytest.approx(0.2, abs=0.03)


def test_a_script_without_a_main_guard_may_draw_in_several_processes(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from data_scripts.drawing.workers import draw_faces\n"
        "print('started')\n"
        "print(draw_faces(40, 0, workers=2)[0].shape)\n",
        encoding="utf-8",
    )
    run = subprocess.run(
        [sys.executable, script],
        cwd=workers.ROOT,
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
    )
    assert run.stdout.splitlines() == ["started", "(40, 96, 96)"], run.stderr


def test_drawing_leaves_the_global_random_state_alone() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002  the state itself is what is tested
    draw_face(np.random.default_rng(0))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_sheet_shows_every_face(tmp_path: Path) -> None:
    images, keypoints = draw_faces(3, 0)
    plain, marked = face_sheet(images, columns=2), face_sheet(images, keypoints, columns=2)
    assert plain.shape == marked.shape == (2 * 192, 2 * 192, 3)
    assert plain[:192, :192].any()
    assert not plain[192:, 192:].any()
    assert not np.array_equal(plain[:192, :192], marked[:192, :192])
    with pytest.raises(ValueError, match="at least one face"):
        face_sheet(images[:0])
    assert sheet_main(["--out", str(tmp_path / "sheet.png"), "--faces", "2"]) == 0
    assert (tmp_path / "sheet.png").read_bytes()[:4] == b"\x89PNG"
