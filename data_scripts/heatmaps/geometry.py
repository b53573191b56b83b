"""Which keypoint is which in the mirror, how faces are moved by chance, and points read out of maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from data_scripts.training.motion import Motion


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
