"""The drawn faces: Kaggle's format to the byte, the real set's statistics, labels that lie on what was drawn."""

import dataclasses
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_scripts import carry_over, face_workers, synthetic_faces
from data_scripts.face_camera import draw_pose, frame_head, rotation
from data_scripts.face_drawing import draw_face
from data_scripts.face_shape import KEYPOINT_NAMES, build_head, draw_shape
from data_scripts.face_sheet import face_sheet
from data_scripts.face_sheet import main as sheet_main
from data_scripts.kaggle_csv import read_lookup, read_test, read_training
from data_scripts.label_pattern import DENSE_MISSING, SPARSE, asked_keypoints, missing_labels
from data_scripts.synthetic_faces import FILE_NAMES, draw_faces, write_kaggle_folder

REAL_PATTERN = Path(__file__).parents[3] / "shared" / "data" / "kaggle_missing_pattern.npz"
COLUMNS = [f"{name}_{axis}" for name in KEYPOINT_NAMES for axis in "xy"]

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("faces") / "kaggle"
    write_kaggle_folder(out, n_train=70, n_test=9, seed=3, workers=1)
    return out


def test_the_same_seed_gives_the_same_bytes_whatever_the_number_of_workers(folder: Path, tmp_path: Path) -> None:
    write_kaggle_folder(tmp_path / "again", n_train=70, n_test=9, seed=3, workers=3)
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILE_NAMES)
    for name in FILE_NAMES:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes(), name


def test_another_seed_gives_other_faces(folder: Path) -> None:
    first, _ = draw_faces(2, 0)
    second, _ = draw_faces(2, 1)
    assert not np.array_equal(first, second)
    images = read_training(folder / "training.csv").images
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == len(images)


def test_a_face_does_not_depend_on_how_many_are_drawn() -> None:
    few, few_points = draw_faces(2, 5)
    more, more_points = draw_faces(5, 5)
    np.testing.assert_array_equal(few, more[:2])
    np.testing.assert_array_equal(few_points, more_points[:2])


def test_training_file_is_in_kaggles_format(folder: Path) -> None:
    table = pd.read_csv(folder / "training.csv")
    assert list(table.columns) == [*COLUMNS, "Image"]
    assert len(table) == 70
    for pixels in table["Image"]:
        values = pixels.split(" ")
        assert len(values) == 96 * 96
        assert all(value == str(int(value)) and 0 <= int(value) <= 255 for value in values)
    assert np.nanmin(table[COLUMNS].to_numpy()) >= 0
    assert np.nanmax(table[COLUMNS].to_numpy()) <= 95


def test_files_hold_the_very_faces_that_were_drawn(folder: Path) -> None:
    train_seed, test_seed, _ = np.random.SeedSequence(3).spawn(3)
    images, keypoints = draw_faces(70, train_seed)
    training = read_training(folder / "training.csv")
    assert training.names == KEYPOINT_NAMES
    np.testing.assert_array_equal(np.round(training.images * 255), images)
    labeled = np.isfinite(training.keypoints)
    # The files keep four decimals.
    np.testing.assert_allclose(training.keypoints[labeled], keypoints[labeled], atol=6e-5)

    test_images, test_keypoints = draw_faces(9, test_seed)
    test = read_test(folder / "test.csv")
    np.testing.assert_array_equal(test.image_ids, np.arange(1, 10))
    np.testing.assert_array_equal(np.round(test.images * 255), test_images)
    lookup, truth = read_lookup(folder / "IdLookupTable.csv"), pd.read_csv(folder / "truth.csv")
    expected = [
        test_keypoints.reshape(9, 30)[image_id - 1, COLUMNS.index(feature)]
        for image_id, feature in zip(lookup["ImageId"], lookup["FeatureName"], strict=True)
    ]
    np.testing.assert_allclose(truth["Location"], expected, atol=6e-5)


def test_lookup_table_and_sample_submission_are_in_kaggles_format(folder: Path) -> None:
    lines = (folder / "IdLookupTable.csv").read_text(encoding="ascii").splitlines()
    assert lines[0] == "RowId,ImageId,FeatureName,Location"
    assert lines[1] == "1,1,left_eye_center_x,"
    sample = pd.read_csv(folder / "SampleSubmission.csv")
    truth = pd.read_csv(folder / "truth.csv")
    assert list(sample.columns) == list(truth.columns) == ["RowId", "Location"]
    assert list(sample["RowId"]) == list(truth["RowId"]) == list(range(1, len(lines)))
    assert (sample["Location"] == 0).all()
    assert truth["Location"].notna().all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_labels_are_missing_as_in_the_real_set(seed: int) -> None:
    missing = missing_labels(7049, np.random.default_rng(seed))
    complete = ~missing.any(axis=1)
    assert complete.sum() == 2140
    assert complete[:2284].sum() == 2140
    assert missing[2284:, ~SPARSE].all()
    assert missing[2284:, SPARSE].mean() < 0.002
    # Four standard errors of a share among 2,284 rows, and one row besides.
    slack = 4 * np.sqrt(DENSE_MISSING * (1 - DENSE_MISSING) / 2284) + 1 / 2284
    assert (np.abs(missing[:2284].mean(axis=0) - DENSE_MISSING) <= slack).all()


@pytest.mark.skipif(not REAL_PATTERN.is_file(), reason="the real pattern of missing labels is not on this machine")
def test_rates_of_missing_labels_are_those_of_the_real_set() -> None:
    real = np.load(REAL_PATTERN)
    assert tuple(real["names"]) == KEYPOINT_NAMES
    np.testing.assert_allclose(real["missing"][:2284].mean(axis=0), DENSE_MISSING, atol=6e-5)
    np.testing.assert_array_equal(real["missing"][2284:].mean(axis=0) > 0.5, ~SPARSE)


@pytest.mark.parametrize("n_rows", [0, 1, 3, 50, 700])
def test_other_sizes_keep_the_proportion_of_complete_rows(n_rows: int) -> None:
    missing = missing_labels(n_rows, np.random.default_rng(0))
    assert missing.shape == (n_rows, 15)
    assert (~missing.any(axis=1)).sum() == min(round(n_rows * 2140 / 7049), round(n_rows * 2284 / 7049))


def test_lookup_table_asks_as_much_as_kaggles() -> None:
    asked = asked_keypoints(1783, np.random.default_rng(0))
    assert 2 * asked.sum() == 27124
    assert asked[:, SPARSE].all()
    assert set(asked[(~asked[:, ~SPARSE]).all(axis=1)].sum(axis=1)) == {4}


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


def test_an_interruption_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(synthetic_faces, "_write_lookup", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_kaggle_folder(tmp_path / "faces", n_train=2, n_test=1, workers=1)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_fails_is_told_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken" / "data_scripts"
    broken.mkdir(parents=True)
    (broken / "face_workers.py").write_text("raise SystemExit(3)", encoding="utf-8")
    monkeypatch.setattr(face_workers, "ROOT", broken.parent)
    with pytest.raises(RuntimeError, match="exit status 3"):
        write_kaggle_folder(tmp_path / "faces", n_train=40, n_test=1, workers=2)
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


def test_a_script_without_a_main_guard_may_draw_in_several_processes(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from data_scripts.synthetic_faces import draw_faces\n"
        "print('started')\n"
        "print(draw_faces(40, 0, workers=2)[0].shape)\n",
        encoding="utf-8",
    )
    run = subprocess.run(
        [sys.executable, script],
        cwd=face_workers.ROOT,
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
    )
    assert run.stdout.splitlines() == ["started", "(40, 96, 96)"], run.stderr


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="not empty"):
        write_kaggle_folder(tmp_path, n_train=2, n_test=1)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(("n_train", "n_test"), [(0, 1), (1, 0), (-1, 5)])
def test_sizes_below_one_are_refused(n_train: int, n_test: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be 1 or more"):
        write_kaggle_folder(tmp_path / "faces", n_train, n_test)
    assert list(tmp_path.iterdir()) == []


def test_drawing_leaves_the_global_random_state_alone() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002  the state itself is what is tested
    draw_face(np.random.default_rng(0))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_command_line_writes_a_folder_and_explains_a_refusal(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    arguments = ["--out", str(tmp_path / "faces"), "--train", "3", "--test", "2", "--workers", "1"]
    assert synthetic_faces.main(arguments) == 0
    assert "3 training faces and 2 test faces" in capsys.readouterr().out
    assert synthetic_faces.main(arguments) == 1
    assert "not empty" in capsys.readouterr().err


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


def test_carry_over_scores_the_asked_keypoints(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(0, 96, (5, 15, 2)).astype(np.float32)
    asked = asked_keypoints(5, rng)
    path = tmp_path / "real.npz"
    arrays = {"test_images": np.zeros((5, 96, 96), np.uint8), "test_keypoints": keypoints, "test_asked": asked}
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="lacks train_keypoints"):
        carry_over.load_real(path)
    others = np.stack([np.full((15, 2), 40.0), np.full((15, 2), np.nan), np.full((15, 2), 50.0)])
    np.savez(path, **arrays, train_keypoints=others)
    real = carry_over.load_real(path)
    np.testing.assert_array_equal(real.mean_face, np.full((15, 2), 45.0))
    squares = [(45.0 - float(value)) ** 2 for row, use in zip(keypoints, asked, strict=True) for value in row[use].flat]
    assert len(squares) == 2 * asked.sum()
    assert carry_over.asked_rmse(real.mean_face, real) == pytest.approx(math.sqrt(np.mean(squares)), rel=1e-5)
