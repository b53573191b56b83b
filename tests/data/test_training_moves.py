"""Rates and moved faces of the trainings: against PyTorch's own schedule, and by spots that move with their points."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from data_scripts.training.crops import Crops, error_by_eyes
from data_scripts.training.keypoints import start_at_mean
from data_scripts.training.landmarks import predict
from data_scripts.training.moves import PARTNERS, Limits, mirror_crops, mirror_points, move_crops
from data_scripts.training.rates import one_cycle_rate

SIZE = 64


@pytest.mark.parametrize(("steps", "warmup"), [(7, 0.25), (40, 0.25), (100, 0.3)])
def test_the_rate_is_pytorchs_cycle(steps: int, warmup: float) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=2e-3, total_steps=steps, pct_start=warmup, cycle_momentum=False
    )
    for step in range(steps):
        assert one_cycle_rate(step, steps, 2e-3, warmup) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        if step < steps - 1:
            cycle.step()


@pytest.mark.parametrize("step", [-1, 5])
def test_no_rate_for_a_step_that_is_not_there(step: int) -> None:
    with pytest.raises(ValueError, match="expected 0 to 4"):
        one_cycle_rate(step, 5, 1e-3)


def spots(points: Tensor) -> Tensor:
    """Draw a soft spot at each place: (B, 2) pixels -> (B, 1, SIZE, SIZE)."""
    line = torch.arange(float(SIZE))
    off = [line[None, :, None] - points[:, 1, None, None], line[None, None, :] - points[:, 0, None, None]]
    return torch.exp(-(off[0] ** 2 + off[1] ** 2) / 8)[:, None]


def middles(images: Tensor) -> Tensor:
    """Find the spots again: (B, 1, SIZE, SIZE) -> (B, 2) pixels."""
    weights, line = images[:, 0] / images.sum(dim=(1, 2, 3))[:, None, None], torch.arange(float(SIZE))
    return torch.stack([(weights.sum(dim=1) * line).sum(dim=1), (weights.sum(dim=2) * line).sum(dim=1)], dim=1)


@pytest.mark.parametrize("number", [0, 30, 36, 48])
def test_points_move_with_their_pixels(number: int) -> None:
    generator = torch.Generator().manual_seed(number)
    points = 24 + 16 * torch.rand(40, 68, 2, generator=generator)
    images, before = spots(points[:, number]), points.clone()
    moved_images, moved = move_crops(images, points, generator)
    assert torch.equal(points, before)
    found = middles(moved_images)
    # A mirrored face has the spot under the partner's number.
    off = [(found - moved[:, which]).norm(dim=1) for which in (number, PARTNERS[number])]
    # Scaled spots are cut into pixels anew: a tenth of a pixel.
    assert float(torch.minimum(*off).max()) < 0.1
    assert float((found - points[:, number]).norm(dim=1).min()) > 0.01
    if PARTNERS[number] != number:
        flips = off[1] < off[0]
        assert 8 < int(flips.sum()) < 32


def test_nothing_moves_without_limits_but_every_second_face_is_mirrored() -> None:
    generator = torch.Generator().manual_seed(0)
    points = 24 + 16 * torch.rand(40, 68, 2, generator=generator)
    images = torch.rand(40, 1, SIZE, SIZE, generator=generator)
    moved_images, moved = move_crops(images, points, generator, Limits(0.0, 0.0, 0.0))
    mirrored_images, mirrored = mirror_crops(images, points)
    flips = (moved - mirrored).abs().amax(dim=(1, 2)) < 1e-3
    assert 8 < int(flips.sum()) < 32
    assert torch.allclose(moved[~flips], points[~flips], atol=1e-3)
    assert torch.allclose(moved_images[flips], mirrored_images[flips], atol=1e-4)
    assert torch.allclose(moved_images[~flips], images[~flips], atol=1e-4)


def test_the_same_seed_moves_alike() -> None:
    points, images = torch.rand(5, 68, 2) * SIZE, torch.rand(5, 1, SIZE, SIZE)
    one, other = (move_crops(images, points, torch.Generator().manual_seed(3)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_mirrored_twice_is_the_face_itself() -> None:
    points = torch.rand(3, 68, 2) * SIZE
    assert torch.allclose(mirror_points(mirror_points(points, SIZE), SIZE), points, atol=1e-4)
    # By hand: 17 points of the jaw, 10 of the brows, 9 of the nose, 12 of the eyes, 20 of the mouth; on the axis lie
    # the chin, four of the bridge, the tip's middle, two of each pair of lips.
    alone = [number for number, partner in enumerate(PARTNERS) if number == partner]
    assert alone == [8, 27, 28, 29, 30, 33, 51, 57, 62, 66]
    assert [PARTNERS[number] for number in (0, 17, 36, 41, 48, 60, 67)] == [16, 26, 45, 46, 54, 64, 65]


class LooksLeft(nn.Module):
    """Answers 0 everywhere but for the first point's x: the mean of the left half of the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(1, 136)

    def forward(self, images: Tensor) -> Tensor:
        answer = torch.zeros(len(images), 136)
        answer[:, 0] = images[:, 0, :, : SIZE // 2].mean(dim=(1, 2))
        return answer


def test_the_answer_for_the_mirrored_copy_is_mirrored_back() -> None:
    images = torch.zeros(1, 1, SIZE, SIZE)
    images[..., : SIZE // 2] = 0.25
    crops = Crops(images, None, ((0, 0, SIZE, SIZE),), None)
    alone, both = predict(LooksLeft(), crops), predict(LooksLeft(), crops, mirrored=True)
    # (x + 0.5) of the crop. The mirrored copy is dark on the left: all of its points are in the middle column, 32,
    # which lies at 63 - 32 = 31 in the mirror.
    assert alone[0, 0, 0] == pytest.approx(0.75 * SIZE)
    assert both[0, 0, 0] == pytest.approx((0.75 * SIZE + 31) / 2)
    assert both[0, 1, 0] == pytest.approx((32 + 31) / 2)
    assert both[0, 1, 1] == pytest.approx(32)


def test_the_error_by_eyes_by_hand() -> None:
    truth = np.zeros((2, 68, 2))
    truth[:, 45] = [[100, 0], [0, 50]]
    found = truth + np.array([3, 4])
    assert error_by_eyes(found, truth) == pytest.approx((5 / 100 + 5 / 50) / 2)
    with pytest.raises(ValueError, match="true points"):
        error_by_eyes(found, None)


def test_a_network_begins_at_the_mean() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 4))
    before = model[1].bias.clone()
    keypoints = np.random.default_rng(0).random((5, 2, 2)).astype(np.float32)
    start_at_mean(model, keypoints)
    np.testing.assert_allclose(model[3].bias.detach().numpy(), keypoints.mean(axis=0).reshape(-1), rtol=1e-6)
    assert torch.equal(model[1].bias, before)
