"""The heat-map network at full scale: it learns, goes on after an interruption, predicts, and refuses in a line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from data_scripts import predict_keypoints, train_heatmaps
from data_scripts.files.errors import DataError
from data_scripts.files.generated import REPOSITORY
from data_scripts.heatmaps import run
from data_scripts.heatmaps.faces import hold_out, infer_sources, read_faces
from data_scripts.heatmaps.network import HeatmapNet
from data_scripts.heatmaps.predicting import Trained, load_networks, predict
from data_scripts.heatmaps.run import train_network, unfinished
from data_scripts.heatmaps.scores import rmse
from data_scripts.heatmaps.training import Recipe, Training
from data_scripts.kaggle.folder import write_kaggle_folder
from tests.data import heatmap_faces

SMALL = Recipe(width=8, batch=8, degrees=3, scale=0.03, shift=1, average=0.9)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def known_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time is measured: every training has the same plan."""
    monkeypatch.setattr(run, "measure_speed", lambda _: (1.0, False))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A small network that has learned the blobs."""
    folder = tmp_path_factory.mktemp("trained")
    learned = Training(read_faces(heatmap_faces.write(folder / "faces.npz", 160)), SMALL, (0, 0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "measure_speed", lambda _: (1.0, False))
        train_network(learned, folder / "network_0.pt", minutes=1, steps=300)
    return load_networks(folder)[0]


def test_it_learns_the_points_and_what_a_source_adds(trained: Trained) -> None:
    arrays = heatmap_faces.with_sources(40, seed=1)
    images, truth = arrays["train_images"], arrays["train_keypoints"]
    assert rmse(predict([trained], images), truth) < 1.2
    # The sparse source's offset can't be told from a mirrored image: without it, its labels are missed by it.
    sparse = slice(1, None, 2)
    bare = predict([trained], images[sparse], offsets=False)
    assert np.nanmean((truth[sparse] - bare)[:, 2, 0]) == pytest.approx(heatmap_faces.OFF[0], abs=0.8)


def test_a_keypoint_that_a_source_never_labels_follows_the_other(trained: Trained) -> None:
    images, keypoints = heatmap_faces.draw(20, 2)
    found = predict([trained], images, np.ones(20))
    assert rmse(found[:, :2], keypoints[:, :2]) < 1.5
    assert rmse(found[:, 2], (keypoints + heatmap_faces.OFF)[:, 2]) < 1.5


def test_mirrored_faces_have_mirrored_answers(trained: Trained) -> None:
    images = heatmap_faces.draw(6, 3)[0]
    found = predict([trained], images, np.zeros(6), offsets=False)
    mirrored = predict([trained], images[:, :, ::-1], np.zeros(6), offsets=False)[:, [1, 0, 2]]
    np.testing.assert_allclose(95 - mirrored[..., 0], found[..., 0], atol=1e-3)
    np.testing.assert_allclose(mirrored[..., 1], found[..., 1], atol=1e-3)


def test_answers_do_not_depend_on_the_batch(trained: Trained) -> None:
    images = heatmap_faces.draw(7, 4)[0]
    np.testing.assert_allclose(predict([trained], images), predict([trained, trained], images, batch_size=3), atol=1e-3)


def test_every_corner_reaches_every_cell() -> None:
    network = HeatmapNet(3, 2, 8).eval()
    image = torch.rand(1, 1, 96, 96, generator=torch.Generator().manual_seed(0)).requires_grad_()
    for row, column in ((0, 0), (0, 95), (95, 0), (95, 95)):
        maps = network(image)[0]
        assert maps.shape == (1, 2, 3, 24, 24)
        far = maps[0, 0, 0, 23 if row == 0 else 0, 23 if column == 0 else 0]
        (gradient,) = torch.autograd.grad(far, image)
        assert float(gradient[0, 0, row, column].abs()) > 0


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)["weights"]


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = weights_of(one), weights_of(other)
    assert list(first) == list(second)
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


@pytest.mark.usefixtures("known_speed")
def test_a_killed_training_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faces = read_faces(heatmap_faces.write(tmp_path / "faces.npz"))
    train_network(Training(faces, SMALL, (0, 0)), tmp_path / "whole.pt", 1, steps=8)

    monkeypatch.setattr(run, "SAVE_SECONDS", 0.0)
    killed = Training(faces, SMALL, (0, 0))
    take_step = killed.take_step

    def until_the_fifth(rate: float) -> float:
        if killed.step == 5:
            raise MemoryError
        return take_step(rate)

    monkeypatch.setattr(killed, "take_step", until_the_fifth)
    with pytest.raises(MemoryError):
        train_network(killed, tmp_path / "parts.pt", 1, steps=8)
    assert not (tmp_path / "parts.pt").exists()

    said: list[str] = []
    # Another plan is asked for; that of the beginning is kept.
    train_network(Training(faces, SMALL, (0, 0)), tmp_path / "parts.pt", 1, said.append, steps=80)
    assert said == ["parts.pt: goes on behind step 5 of 8"]
    assert_same_weights(tmp_path / "whole.pt", tmp_path / "parts.pt")
    assert not unfinished(tmp_path / "parts.pt").exists()


@pytest.mark.usefixtures("known_speed")
def test_seeds_and_networks_differ(tmp_path: Path) -> None:
    faces = read_faces(heatmap_faces.write(tmp_path / "faces.npz"))
    for name, seed in {"one": (0, 0), "again": (0, 0), "other": (1, 0), "second": (0, 1)}.items():
        train_network(Training(faces, SMALL, seed), tmp_path / f"{name}.pt", 1, steps=2)
    assert_same_weights(tmp_path / "one.pt", tmp_path / "again.pt")
    for name in ("other", "second"):
        different = weights_of(tmp_path / f"{name}.pt")["head.weight"]
        assert not torch.equal(weights_of(tmp_path / "one.pt")["head.weight"], different)


@pytest.mark.usefixtures("known_speed")
def test_minutes_make_steps(tmp_path: Path) -> None:
    said: list[str] = []
    faces = read_faces(heatmap_faces.write(tmp_path / "faces.npz"))
    train_network(Training(faces, SMALL, (0, 0)), tmp_path / "network_0.pt", 0.21, said.append)
    assert said == ["network_0.pt: 1000 ms a step in single precision: 12 steps of 8 faces"]
    train_network(Training(faces, SMALL, (0, 0)), tmp_path / "network_0.pt", 0.21, said.append)
    assert said[1:] == ["network_0.pt: is there already"]


@pytest.mark.usefixtures("known_speed")
def test_a_checkpoint_of_other_faces_is_refused(tmp_path: Path) -> None:
    faces, others = (read_faces(heatmap_faces.write(tmp_path / f"{seed}.npz", seed=seed)) for seed in (0, 1))
    train_network(Training(faces, SMALL, (0, 0)), tmp_path / "network_0.pt", 1, steps=1)
    with pytest.raises(DataError, match=r"network_0\.pt: is of other faces"):
        train_network(Training(others, SMALL, (0, 0)), tmp_path / "network_0.pt", 1, steps=1)
    unfinished(tmp_path / "network_1.pt").write_bytes(b"no checkpoint")
    with pytest.raises(DataError, match="expected a checkpoint of this training"):
        train_network(Training(faces, SMALL, (0, 1)), tmp_path / "network_1.pt", 1, steps=1)


def test_sources_are_told_by_what_is_labelled() -> None:
    keypoints = np.zeros((4, 5, 2))
    assert infer_sources(keypoints).tolist() == [0, 0, 0, 0]
    keypoints[1, 1:] = keypoints[3, :3] = keypoints[0, :1] = np.nan
    assert infer_sources(keypoints).tolist() == [0, 1, 0, 1]


def test_groups_stay_together(tmp_path: Path) -> None:
    groups = np.repeat(np.arange(6), 4)
    sources = np.array(["a", "b"])[np.arange(24) % 2]
    faces = read_faces(heatmap_faces.write(tmp_path / "faces.npz", train_group=groups, train_source=sources))
    assert faces.sources.tolist() == [0, 1] * 12
    assert faces.labelled().tolist() == [[True, True, True], [False, False, True]]
    train, held = hold_out(faces, 1 / 3, np.random.default_rng(0))
    assert (len(train.images), len(held.images)) == (16, 8)
    assert not set(train.groups) & set(held.groups)


@pytest.mark.usefixtures("known_speed")
def test_commands_train_and_predict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_heatmaps, "Recipe", lambda: SMALL)
    faces, model = heatmap_faces.write(tmp_path / "faces.npz"), tmp_path / "model"
    assert train_heatmaps.main([f"--faces={faces}", f"--out={model}", "--networks=1", "--steps=2", "--validate"]) == 0
    shown = capsys.readouterr().out
    assert "24 faces, 3 keypoints; faces of each label source: 12, 12" in shown
    assert "no mirrored copy" in shown
    images = heatmap_faces.draw(5, 1)[0]
    np.savez(tmp_path / "ask.npz", images=images)
    out = tmp_path / "answers" / "out.npz"
    assert predict_keypoints.main([f"--model={model}", f"--faces={tmp_path / 'ask.npz'}", f"--out={out}"]) == 0
    with np.load(out) as answers:
        assert sorted(answers) == ["keypoints", "names"]
        assert answers["names"].tolist() == list(heatmap_faces.NAMES)
        assert answers["keypoints"].dtype == np.float32
        np.testing.assert_array_equal(answers["keypoints"], predict(load_networks(model), images))


def test_a_kaggle_folder_will_do(tmp_path: Path) -> None:
    write_kaggle_folder(tmp_path / "drawn", n_train=12, n_test=1, workers=1)
    faces = read_faces(tmp_path / "drawn")
    assert faces.images.shape == (12, 96, 96)
    assert faces.keypoints.shape == (12, 15, 2)


BAD = {
    "train_images": (np.zeros((24, 96, 96)), r"train_images: expected \(N, 96, 96\) uint8"),
    "train_keypoints": (np.zeros((24, 4, 2)), r"train_keypoints: expected \(24, 3, 2\)"),
    "names": (np.array(["left_eye", "nose", "lip"]), "expected its partner right_eye"),
    "train_group": (np.zeros(3), r"train_group: expected \(24,\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_faces_in_a_line(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    array, message = BAD[name]
    path = heatmap_faces.write(tmp_path / "faces.npz", **{name: array})
    with pytest.raises(DataError, match=message):
        read_faces(path)
    assert train_heatmaps.main([f"--faces={path}", f"--out={tmp_path / 'model'}"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("train_heatmaps: ")
    assert said.count("\n") == 1


def test_a_keypoint_without_a_label_in_a_line(tmp_path: Path) -> None:
    keypoints = heatmap_faces.with_sources(24, 0)["train_keypoints"]
    keypoints[:, 1] = np.nan
    with pytest.raises(DataError, match="right_eye_center is labelled in no face"):
        read_faces(heatmap_faces.write(tmp_path / "faces.npz", train_keypoints=keypoints))
    keypoints[0, 1] = np.inf
    with pytest.raises(DataError, match="infinite"):
        read_faces(heatmap_faces.write(tmp_path / "faces.npz", train_keypoints=keypoints))


def test_files_that_cannot_be_read_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.npz").write_text("no faces")
    np.save(tmp_path / "single.npy", np.zeros(3))
    np.savez(tmp_path / "other.npz", images=np.zeros((2, 90, 90), np.uint8))
    whole = heatmap_faces.write(tmp_path / "whole.npz").read_bytes()
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty").mkdir()
    for name in ("absent.npz", "text.npz", "single.npy", "other.npz", "half.npz", "empty"):
        assert train_heatmaps.main([f"--faces={tmp_path / name}", f"--out={tmp_path / 'model'}"]) == 1
        said = capsys.readouterr().err
        assert name in said, name
        assert said.count("\n") == 1, name
    assert not (tmp_path / "model").exists()


def test_models_that_cannot_be_read_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "ask.npz", images=heatmap_faces.draw(1, 0)[0])
    damaged, begun = tmp_path / "damaged", tmp_path / "begun"
    for folder, name in ((damaged, "network_0.pt"), (begun, "network_0.unfinished")):
        folder.mkdir()
        (folder / name).write_bytes(b"nothing")
    for folder, words in ((tmp_path / "absent", "found none"), (begun, "in training"), (damaged, "network_0.pt")):
        command = [f"--model={folder}", f"--faces={tmp_path / 'ask.npz'}", f"--out={tmp_path / 'out.npz'}"]
        assert predict_keypoints.main(command) == 1
        said = capsys.readouterr().err
        assert words in said
        assert said.count("\n") == 1


@pytest.mark.parametrize("option", ["--networks=0", "--minutes=-1", "--minutes=nan", "--seed=-1", "--steps=x"])
def test_options_out_of_range(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        train_heatmaps.main([f"--faces={tmp_path}", f"--out={tmp_path}", option])
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent in another way there")
def test_ctrl_c_saves_and_the_same_command_goes_on(tmp_path: Path) -> None:
    faces, model = heatmap_faces.write(tmp_path / "faces.npz"), tmp_path / "model"
    options = [f"--faces={faces}", f"--out={model}", "--networks=2", "--steps=60"]
    command = [sys.executable, "-m", "data_scripts.train_heatmaps", *options]
    running = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 120
    while len(list(model.glob("*.unfinished"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    # As a terminal does it: every process of the group hears it.
    os.killpg(running.pid, signal.SIGINT)
    said = running.communicate(timeout=120)[1]
    assert running.returncode == 130, said
    assert "the same command goes on from here" in said
    assert "Traceback" not in said
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "goes on behind step" in done.stdout
    assert len(load_networks(model)) == 2


@pytest.mark.long
def test_drawn_faces_in_two_minutes(tmp_path: Path) -> None:
    write_kaggle_folder(tmp_path / "drawn", n_train=2400, n_test=1)
    options = [f"--faces={tmp_path / 'drawn'}", f"--out={tmp_path / 'model'}", "--networks=1", "--steps=300"]
    assert train_heatmaps.main([*options, "--validate"]) == 0
    faces = read_faces(tmp_path / "drawn")
    _, held = hold_out(faces, 0.2, np.random.default_rng([0, 2]))
    assert rmse(predict(load_networks(tmp_path / "model"), held.images), held.keypoints) < 2.2
