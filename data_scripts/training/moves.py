"""Crops of faces that are mirrored, turned, scaled and shifted, and 68 points that move with them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from data_scripts.training.motion import Motion, move_images, move_points

# Which point lies where, in the mirror: the left corner of the mouth becomes the right one.
_PAIRS = [
    *((number, 16 - number) for number in range(8)),  # jaw
    *((17 + number, 26 - number) for number in range(5)),  # eyebrows
    (31, 35), (32, 34),  # nostrils
    (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46),  # eyes
    (48, 54), (49, 53), (50, 52), (55, 59), (56, 58), (60, 64), (61, 63), (65, 67),  # lips
]  # fmt: skip


def _partners() -> tuple[int, ...]:
    partners = list(range(68))
    for one, other in _PAIRS:
        partners[one], partners[other] = other, one
    return tuple(partners)


PARTNERS = _partners()


@dataclass(frozen=True)
class Limits:
    """How far faces are moved, to either side.

    Attributes:
        degrees: turned about the middle of the crop.
        scale: made larger or smaller, as a share.
        shift: moved in x and in y, as a share of the crop's size.
    """

    degrees: float = 15.0
    scale: float = 0.1
    shift: float = 0.04


def mirror_crops(images: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Mirror crops and points from left to right; a point and its partner exchange their numbers.

    Args:
        images: (B, 1, size, size).
        points: (B, 68, 2) pixels of the crop.
    """
    return images.flip(-1), mirror_points(points, images.shape[-1])


def mirror_points(points: Tensor, size: int) -> Tensor:
    """(B, 68, 2) pixels of a crop of this size -> the same points of the mirrored face."""
    mirrored = points[:, list(PARTNERS)].clone()
    mirrored[..., 0] = size - 1 - mirrored[..., 0]
    return mirrored


def move_crops(
    images: Tensor, points: Tensor, generator: torch.Generator, limits: Limits | None = None
) -> tuple[Tensor, Tensor]:
    """Mirror every second face by chance, and turn, scale and shift all of them, each by its own chance.

    Args:
        images: (B, 1, size, size) float32; left alone. What comes into the crop from outside repeats its rim.
        points: (B, 68, 2) float32 pixels of the crop; left alone. They may leave the crop.
        generator: every random number comes from it.
        limits: None takes those of the class.
    """
    limits = limits or Limits()
    count, size = len(images), images.shape[-1]
    chance = 2 * torch.rand(count, 5, generator=generator) - 1
    scale = torch.exp(chance[:, 2] * math.log1p(limits.scale))
    motion = Motion(chance[:, 0] < 0, chance[:, 1] * limits.degrees, scale, chance[:, 3:] * limits.shift * size)
    return move_images(images, motion), move_points(points, motion, PARTNERS, (size, size))
