"""Faces mirrored, turned, scaled and shifted with their points in one step, and points read out of maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


@dataclass(frozen=True)
class Motion:
    """How each of B faces moves: mirrored first, then turned and scaled about the image's centre, then shifted.

    Attributes:
        mirrored: (B,) bool.
        degrees: (B,) float32, positive from x towards y.
        scale: (B,) float32.
        shift: (B, 2) float32 pixels, x then y.
    """

    mirrored: Tensor
    degrees: Tensor
    scale: Tensor
    shift: Tensor


def partners(names: Sequence[str]) -> list[int]:
    """Return the place of each keypoint's mirror image: ``left_…`` and ``right_…`` exchanged, others themselves.

    Raises:
        ValueError: a name whose partner is missing.
    """
    swapped = {"left": "right", "right": "left"}
    places = {name: place for place, name in enumerate(names)}
    found = []
    for name in names:
        partner = "_".join(swapped.get(word, word) for word in name.split("_"))
        if partner not in places:
            raise ValueError(f"{name}: expected its partner {partner} among the names, found none; name both sides")
        found.append(places[partner])
    return found


def _matrices(motion: Motion) -> Tensor:
    """Return what a motion does to an offset from the centre, (B, 2, 2), its shift left out."""
    angle = torch.deg2rad(motion.degrees)
    cos, sin = torch.cos(angle) * motion.scale, torch.sin(angle) * motion.scale
    side = torch.where(motion.mirrored, -1.0, 1.0)
    return torch.stack([torch.stack([cos * side, -sin], 1), torch.stack([sin * side, cos], 1)], 1)


def move_images(images: Tensor, motion: Motion) -> Tensor:
    """Move images, (B, 1, H, W) float32; bilinear, the border repeated."""
    height, width = images.shape[2:]
    half = torch.tensor([(width - 1) / 2, (height - 1) / 2])
    # A pixel of the result asks where it came from: the way back. In units of half an image, as `affine_grid` has them.
    back = torch.linalg.inv(_matrices(motion))
    came_from = -(back @ motion.shift[:, :, None])
    theta = torch.cat([back * half[None, None, :] / half[None, :, None], came_from / half[None, :, None]], 2)
    grid = F.affine_grid(theta, list(images.shape), align_corners=True)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=True)


def move_points(points: Tensor, motion: Motion, swap: Sequence[int], size: tuple[int, int]) -> Tensor:
    """Move points, (B, K, 2) pixels with NaN, as ``move_images`` moves the images of ``size`` (height, width).

    ``swap`` holds the place of each keypoint's mirror image; a mirrored face has its left and right points exchanged.
    """
    centre = torch.tensor([(size[1] - 1) / 2, (size[0] - 1) / 2])
    points = torch.where(motion.mirrored[:, None, None], points[:, list(swap)], points)
    return (points - centre) @ _matrices(motion).transpose(1, 2) + centre + motion.shift[:, None]


def draw_motion(count: int, rng: np.random.Generator, degrees: float, scale: float, shift: float) -> Motion:
    """Draw a motion for each of ``count`` faces: half of them mirrored, angles of this standard deviation.

    Args:
        count: how many.
        rng: where the numbers come from.
        degrees, scale, shift: standard deviations of the angle, of the logarithm of the scale, of the shift.
    """

    def normal(*shape: int) -> Tensor:
        # Beyond two standard deviations a face would leave the image.
        return torch.from_numpy(rng.standard_normal((count, *shape), np.float32).clip(-2, 2))

    mirrored = torch.from_numpy(rng.random(count) < 0.5)
    return Motion(mirrored, degrees * normal(), torch.exp(scale * normal()), shift * normal(2))


def soft_argmax(maps: Tensor, stride: float) -> Tensor:
    """Return the mean of the cells' centres, weighted with the softmax over the cells.

    Args:
        maps: (..., h, w) logits.
        stride: pixels from one cell to the next.

    Returns:
        (..., 2) pixels, x then y: the centre of the cell in row r and column c is at
        (stride · (c + 1/2) - 1/2, stride · (r + 1/2) - 1/2).
    """
    height, width = maps.shape[-2:]
    weights = maps.flatten(-2).softmax(-1).unflatten(-1, (height, width))
    x = weights.sum(-2) @ (stride * (torch.arange(width) + 0.5) - 0.5)
    y = weights.sum(-1) @ (stride * (torch.arange(height) + 0.5) - 0.5)
    return torch.stack([x, y], -1)
