"""Points move with the pixels, whatever the motion; maps are read where their weight is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from data_scripts.heatmaps.geometry import draw_motion, partners, soft_argmax
from data_scripts.training.motion import Motion, move_images, move_points
from tests.data import heatmap_faces

SWAP = partners(heatmap_faces.NAMES)


def blob(x: float, y: float) -> torch.Tensor:
    """An image, (1, 1, 96, 96), with one soft spot."""
    rows, columns = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    return torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 18)[None, None]


def middle(image: torch.Tensor) -> list[float]:
    """Where the spot is, x and y."""
    weights = image[0, 0] / image.sum()
    return [float((weights.sum(0) * torch.arange(96.0)).sum()), float((weights.sum(1) * torch.arange(96.0)).sum())]


def motion(mirrored: bool = False, degrees: float = 0, scale: float = 1, shift: tuple[float, float] = (0, 0)) -> Motion:
    one = torch.tensor
    return Motion(one([mirrored]), one([float(degrees)]), one([float(scale)]), one([shift], dtype=torch.float32))


@pytest.mark.parametrize(
    "moved",
    [
        motion(mirrored=True),
        motion(degrees=20),
        motion(scale=1.2),
        motion(shift=(5, -3)),
        motion(True, -15, 0.9, (2, 4)),
    ],
    ids=["mirrored", "turned", "scaled", "shifted", "all"],
)
def test_points_move_with_the_pixels(moved: Motion) -> None:
    image = blob(60, 40)
    point = torch.tensor([[[60.0, 40.0]]])
    expected = move_points(point, moved, [0], (96, 96))
    assert middle(move_images(image, moved)) == pytest.approx(expected.flatten().tolist(), abs=0.05)


def test_turning_goes_from_x_towards_y() -> None:
    turned = move_points(torch.tensor([[[57.5, 47.5]]]), motion(degrees=90), [0], (96, 96))
    assert turned.flatten().tolist() == pytest.approx([47.5, 57.5], abs=1e-4)


def test_a_mirrored_face_has_its_sides_exchanged() -> None:
    points = torch.tensor([[[66.0, 38.0], [30.0, 39.0], [float("nan"), 48.0]]])
    mirrored = move_points(points, motion(mirrored=True), SWAP, (96, 96))
    np.testing.assert_allclose(mirrored[0], [[65, 39], [29, 38], [np.nan, np.nan]], atol=1e-4)


def test_nothing_moves_without_a_motion() -> None:
    image, points = blob(20, 70), torch.tensor([[[20.0, 70.0]]])
    torch.testing.assert_close(move_images(image, motion()), image, atol=1e-5, rtol=0)
    torch.testing.assert_close(move_points(points, motion(), [0], (96, 96)), points)


def test_a_motion_depends_on_its_generator_alone() -> None:
    one, other = (draw_motion(5, np.random.default_rng(3), 6, 0.1, 2) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(vars(one).values(), vars(other).values(), strict=True))
    assert float(draw_motion(1000, np.random.default_rng(0), 6, 0.1, 2).degrees.abs().max()) <= 12


def test_a_partner_is_missing() -> None:
    with pytest.raises(ValueError, match="left_eye: expected its partner right_eye"):
        partners(["left_eye", "nose"])


@pytest.mark.parametrize("stride", [2, 4])
def test_a_map_is_read_at_the_centre_of_its_cell(stride: int) -> None:
    maps = torch.zeros(1, 1, 96 // stride, 96 // stride)
    maps[0, 0, 3, 7] = 1e4
    expected = [stride * 7.5 - 0.5, stride * 3.5 - 0.5]
    assert soft_argmax(maps, stride).flatten().tolist() == pytest.approx(expected, abs=1e-4)
    assert soft_argmax(torch.zeros(1, 1, 24, 24), 4).flatten().tolist() == pytest.approx([47.5, 47.5], abs=1e-4)
