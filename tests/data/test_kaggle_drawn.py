"""Drawn faces in Kaggle's files: the format to the byte, whole or not at all, whatever the number of processes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_scripts import synthetic_faces
from data_scripts.drawing import workers
from data_scripts.drawing.shape import KEYPOINT_NAMES
from data_scripts.drawing.workers import draw_faces
from data_scripts.kaggle import folder as kaggle_folder
from data_scripts.kaggle.folder import FILE_NAMES, write_kaggle_folder
from data_scripts.kaggle.lookup import read_lookup
from data_scripts.kaggle.tables import read_test, read_training

COLUMNS = [f"{name}_{axis}" for name in KEYPOINT_NAMES for axis in "xy"]


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


def test_an_interruption_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(kaggle_folder, "_write_lookup", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_kaggle_folder(tmp_path / "faces", n_train=2, n_test=1, workers=1)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_fails_is_told_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken" / "data_scripts" / "drawing"
    broken.mkdir(parents=True)
    # Without these the installed package would be found in its place.
    for folder in (broken, broken.parent):
        (folder / "__init__.py").touch()
    (broken / "workers.py").write_text("raise SystemExit(3)", encoding="utf-8")
    monkeypatch.setattr(workers, "ROOT", broken.parents[1])
    with pytest.raises(RuntimeError, match="exit status 3"):
        write_kaggle_folder(tmp_path / "faces", n_train=40, n_test=1, workers=2)
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


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


def test_command_line_writes_a_folder_and_explains_a_refusal(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    arguments = ["--out", str(tmp_path / "faces"), "--train", "3", "--test", "2", "--workers", "1"]
    assert synthetic_faces.main(arguments) == 0
    assert "3 training faces and 2 test faces" in capsys.readouterr().out
    assert synthetic_faces.main(arguments) == 1
    assert "not empty" in capsys.readouterr().err
