"""Faces mirrored, turned, scaled and shifted in one step, and points that move with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
