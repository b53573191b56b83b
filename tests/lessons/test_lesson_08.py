"""The reference code of lesson 08 against sums by hand, finite differences and pictures whose motion is foreseen."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from autograder.checks.lesson_08 import face_network
from autograder.checks.lesson_08 import picture_motion as motion
from autograder.course.manifest import ROOT
from data_scripts.augmentation_effect import SETTINGS, split, summary
from data_scripts.imm_faces import ImmFaces
from data_scripts.keypoint_training import errors_of, predict, train_keypoints
from tests.reference import reference_names

NAMES = reference_names("08_full_keypoints")
SOURCE = ROOT / "solutions" / "08_full_keypoints"


def random_faces(count: int, shape: tuple[int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.random((count, *shape), dtype=np.float32), rng.uniform(0.2, 0.8, (count, 58, 2)).astype(np.float32)


def test_network_has_the_shapes_of_the_table() -> None:
    model = NAMES["FaceKeypointNet"]()
    assert Counter(tuple(p.shape) for p in model.parameters()) == Counter(face_network.TABLE.parameters)
    # By hand: each layer's weights and biases.
    convolutions = 416 + 12_832 + 9_248 + 18_496 + 36_928 + 36_928
    assert sum(p.numel() for p in model.parameters()) == convolutions + 512 * 4225 + 116 * 513
    shapes, x = [], torch.zeros(1, 1, 120, 160)
    for layer in model.features:
        x = layer(x)
        shapes.append(tuple(x.shape[1:]))
    assert list(dict.fromkeys(shapes))[1::2][:3] == [(16, 58, 78), (32, 27, 37), (32, 12, 17)]
    assert shapes[-1] == (64, 6, 11)


def test_gradient_of_the_network_is_that_of_finite_differences() -> None:
    torch.manual_seed(0)
    model = NAMES["FaceKeypointNet"]().double()
    x = torch.rand(1, 1, 120, 160, dtype=torch.double) - 0.5
    kernel = model.features[0].weight
    loss = model(x).square().sum()
    (slope,) = torch.autograd.grad(loss, kernel)
    step = 1e-6
    for place in [(0, 0, 0, 0), (7, 0, 2, 3), (15, 0, 4, 4)]:
        with torch.no_grad():
            kernel[place] += step
            above = model(x).square().sum()
            kernel[place] -= 2 * step
            below = model(x).square().sum()
            kernel[place] += step
        assert slope[place].item() == pytest.approx(((above - below) / (2 * step)).item(), rel=1e-4, abs=1e-8)


def test_translate_by_hand() -> None:
    image = np.zeros((3, 4), np.float32)
    image[0, 1] = 1
    moved, points = NAMES["translate"](image, np.array([[1.5 / 4, 0.5 / 3]], np.float32), 1, 1)
    want = np.zeros((3, 4), np.float32)
    want[1, 2] = 1
    np.testing.assert_array_equal(moved, want)
    np.testing.assert_allclose(points * [4, 3], [[2.5, 1.5]], rtol=1e-6)


def test_a_quarter_turn_moves_whole_pixels() -> None:
    image = np.zeros((5, 5), np.float32)
    image[2, 4] = 1  # in the middle of the right side
    turned, points = NAMES["rotate"](image, np.array([[0.9, 0.5]], np.float32), 90)
    assert turned[0, 2] == pytest.approx(1, abs=1e-3)  # counterclockwise: in the middle of the upper side
    np.testing.assert_allclose(points, [[0.5, 0.1]], atol=1e-6)


def test_turning_back_brings_the_points_back() -> None:
    image, keypoints = np.zeros((30, 50), np.float32), random_faces(1, (4, 4))[1][0]
    _, there = NAMES["rotate"](image, keypoints, 33)
    _, back = NAMES["rotate"](image, there, -33)
    assert np.abs(there - keypoints).max() > 0.05
    np.testing.assert_allclose(back, keypoints, atol=1e-6)


def test_oracle_turns_as_complex_numbers_do() -> None:
    rng = np.random.default_rng(1)
    points, shape, degrees = rng.random((6, 2)), (40, 70), 27.0
    places = points * [70, 40] - [35, 20]
    # Upwards is the imaginary axis.
    spun = (places[:, 0] - 1j * places[:, 1]) * np.exp(1j * np.radians(degrees))
    want = (np.stack([spun.real, -spun.imag], axis=1) + [35, 20]) / [70, 40]
    np.testing.assert_allclose(motion.turned_points(points, degrees, shape), want)


@pytest.mark.parametrize(("value", "want"), [(0.5, 0.6), (0.75, 1.0), (0.0, 0.0), (0.4, 0.4)])
def test_jitter_by_hand(value: float, want: float) -> None:
    assert NAMES["jitter"](np.full((2, 2), value, np.float32), 0.1, 2.0)[0, 0] == pytest.approx(want)


def test_items_follow_the_generator() -> None:
    images, keypoints = random_faces(3, (20, 30))
    draws = []
    for seed in (4, 4, 5):
        faces = NAMES["AugmentedFaces"](images, keypoints, 3, 10.0, 0.2, torch.Generator().manual_seed(seed))
        draws.append([faces[index] for index in (0, 1, 2, 0)])
    for (image, targets), (again, same) in zip(draws[0], draws[1], strict=True):
        assert torch.equal(image, again)
        assert torch.equal(targets, same)
    assert not torch.equal(draws[0][0][1], draws[2][0][1])
    assert not torch.equal(draws[0][0][1], draws[0][3][1])


def test_an_item_can_be_changed_without_harm() -> None:
    images, keypoints = random_faces(1, (20, 30))
    before = images.copy(), keypoints.copy()
    for part in NAMES["AugmentedFaces"](images, keypoints, max_shift=0)[0]:
        part.zero_()
    np.testing.assert_array_equal(images, before[0])
    np.testing.assert_array_equal(keypoints, before[1])


def test_errors_by_hand() -> None:
    truth = np.zeros((1, 2, 2))
    found = errors_of(np.array([[[0.03, 0.04], [0.0, 0.0]]]), truth, (100, 100))
    assert found.pixels == pytest.approx(2.5)
    assert found.mse == pytest.approx((0.03**2 + 0.04**2) / 4)


def test_prediction_is_that_of_single_pictures_and_keeps_the_mode() -> None:
    torch.manual_seed(0)
    model, (images, _) = NAMES["FaceKeypointNet"](), random_faces(3, (120, 160))
    model.train()
    together = predict(model, images, batch_size=2)
    assert together.shape == (3, 58, 2)
    assert model.training
    for image, points in zip(images, together, strict=True):
        np.testing.assert_allclose(predict(model, image[None])[0], points, atol=1e-5)


def test_training_learns_its_pictures_and_gives_the_same_twice() -> None:
    images, keypoints = random_faces(4, (120, 160))
    keypoints[:] = keypoints[:1]
    histories = []
    for _ in range(2):
        torch.manual_seed(0)
        train_set = NAMES["AugmentedFaces"](images, keypoints, 0, generator=torch.Generator().manual_seed(1))
        recipe = {"epochs": 6, "batch_size": 2, "lr": 1e-3, "seed": 0}
        histories.append(train_keypoints(NAMES["FaceKeypointNet"](), train_set, images, keypoints, **recipe))
    assert histories[0] == histories[1]
    assert [len(values) for values in histories[0].values()] == [6, 6, 6]
    assert histories[0]["train_mse"][-1] < histories[0]["train_mse"][0] / 4


def test_split_keeps_persons_apart() -> None:
    images, keypoints = random_faces(12, (4, 4))
    persons = np.repeat([1, 2, 7, 9], 3)
    train, val = split(ImmFaces(images, keypoints, persons, tuple(Path(f"{n}.asf") for n in range(12))), 2)
    assert persons[val].tolist() == [7] * 3 + [9] * 3
    assert persons[train].tolist() == [1] * 3 + [2] * 3


def test_summary_tells_mean_and_spread() -> None:
    runs = {
        f"shift / {seed}": {"val_mse": [9.0, mse], "val_pixels": [9.0, pixels]}
        for seed, (mse, pixels) in enumerate([(0.001, 4.0), (0.003, 6.0)])
    }
    text = summary(runs, (0.004, 10.0))
    assert "0.002000     5.00  2 (4.00 to 6.00 pixels)" in text
    assert "0.004000    10.00" in text


def test_full_settings_are_the_sources_and_those_of_the_measurement() -> None:
    full = yaml.safe_load((SOURCE / "full.yaml").read_text(encoding="utf-8"))
    assert (full["epochs"], full["batch_size"], full["lr"], full["max_shift"]) == (30, 2, 3e-4, 10)
    quick = yaml.safe_load((SOURCE / "quick.yaml").read_text(encoding="utf-8"))
    assert set(quick) == set(full)
    for name in ("max_shift", "max_degrees", "max_jitter"):
        assert {options[name] for options in SETTINGS.values() if options.get(name)} == {full[name]}
