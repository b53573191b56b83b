"""The reference code of lesson 09 against the contest's format, PyTorch's resizing and torchvision's list of names."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from autograder.checks.lesson_09.torchvision_resnet import draw_tile, run_network, state_shapes, weights_of
from autograder.course.manifest import ROOT
from data_scripts.ibug_drawing import write_folder
from data_scripts.ibug_faces import TEST, TEST_TRUTH, TRAIN, read_labels
from data_scripts.landmark_training import Recipe, load_recipe
from tests.lessons.lesson_09.torchvision_names import PARAMETERS, named_shapes
from tests.reference import reference_names

NAMES = reference_names("09_larger_dataset")
SOURCE = ROOT / "solutions" / "09_larger_dataset"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ibug")
    write_folder(out, train=4, test=3, seed=1)
    return out


@pytest.mark.parametrize("name", [TRAIN, TEST, TEST_TRUTH])
def test_reads_what_the_courses_own_reader_reads(name: str, folder: Path) -> None:
    for record, face in zip(NAMES["read_ibug_xml"](folder / name), read_labels(folder / name), strict=True):
        assert record[:2] == (face.file, face.box)
        if face.keypoints is None:
            assert record.keypoints is None
        else:
            np.testing.assert_array_equal(record.keypoints, face.keypoints)


def test_reads_the_real_files() -> None:
    real = ROOT.parent / "shared" / "data" / "ibug_300w"
    if not (real / TRAIN).is_file():
        pytest.skip("the 300-W faces are not on this machine")
    records = NAMES["read_ibug_xml"](real / TRAIN)
    assert len(records) == 900
    assert all(record.keypoints.shape == (68, 2) for record in records)
    assert all(record.keypoints is None for record in NAMES["read_ibug_xml"](real / TEST))


def test_a_missing_file_stays_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        NAMES["read_ibug_xml"](tmp_path / "none.xml")


@pytest.mark.parametrize("size", [48, 224, 300])
def test_points_go_where_pytorch_puts_pixels(size: int) -> None:
    # An image of its own coordinates, resized by another library, says where each place went.
    rows, columns = np.mgrid[:60, :90].astype(np.float32)
    box = (10, 5, 70, 50)
    cut = torch.from_numpy(np.stack([columns, rows])[None, :, 5:55, 10:80].copy())
    resized = torch.nn.functional.interpolate(cut, (size, size), mode="bilinear", align_corners=False)[0].numpy()
    inner = slice(size // 4, -size // 4)
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    crop_points = np.stack([x[inner, inner].ravel(), y[inner, inner].ravel()], axis=1).astype(np.float32)
    image_points = resized[:, inner, inner].reshape(2, -1).T
    np.testing.assert_allclose(NAMES["uncrop"](crop_points, box, size), image_points, atol=1e-3)
    _, moved = NAMES["crop_face"](np.zeros((60, 90), np.float32), box, image_points, size)
    np.testing.assert_allclose(moved, crop_points, atol=1e-2)


def test_a_whole_image_is_resized_as_opencv_does() -> None:
    image = np.random.default_rng(0).random((40, 60), dtype=np.float32)
    crop, _ = NAMES["crop_face"](image, (0, 0, 60, 40), None, 80)
    np.testing.assert_allclose(crop, cv2.resize(image, (80, 80), interpolation=cv2.INTER_LINEAR), atol=1e-6)


def test_a_box_far_outside_is_black() -> None:
    crop, _ = NAMES["crop_face"](np.ones((40, 60), np.float32), (100, 100, 20, 20), None, 32)
    assert not crop.any()


def test_names_and_shapes_are_torchvisions() -> None:
    network = NAMES["resnet18"](outputs=1000, in_channels=3)
    found = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert list(found.items()) == list(named_shapes().items())
    assert sum(parameter.numel() for parameter in network.parameters()) == PARAMETERS
    assert state_shapes(1000, 3) == named_shapes()


def test_torchvisions_weights_load() -> None:
    weights = {name: torch.zeros(shape) for name, shape in named_shapes().items()}
    NAMES["resnet18"](outputs=1000, in_channels=3).load_state_dict(weights, strict=True)


def test_the_answers_are_numpys() -> None:
    rng = np.random.default_rng(0)
    shapes, tile = state_shapes(4, 1), draw_tile(rng)
    weights = weights_of(shapes, tile)
    network = NAMES["resnet18"](4, 1).eval()
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in weights.items()})
    x = rng.standard_normal((2, 1, 40, 50)).astype(np.float32)
    with torch.no_grad():
        got = network(torch.from_numpy(x)).numpy()
    want = run_network(x, weights)
    np.testing.assert_allclose(got, want, atol=1e-5 * np.abs(want).max())


def test_error_by_hand() -> None:
    truth = np.array([[10.0, 20.0], [30.0, 40.0]])
    assert NAMES["mean_absolute_error"](truth + [[-3, 4], [0, 1]], truth) == 2.0


@pytest.mark.parametrize("name", ["quick", "full"])
def test_shipped_recipes_can_be_read(name: str) -> None:
    recipe = load_recipe(SOURCE / f"{name}.yaml")
    assert (recipe.epochs, recipe.one_cycle) == (10, name == "quick")


def test_the_full_recipe_is_the_sources() -> None:
    recipe = load_recipe(SOURCE / "full.yaml")
    assert recipe == Recipe()
    assert (recipe.epochs, recipe.batch_size, recipe.lr, recipe.val_fraction, recipe.size) == (10, 16, 3e-4, 0.2, 224)
