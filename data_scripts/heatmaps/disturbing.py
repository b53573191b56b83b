"""What else may happen to a picture: other light, another lens, things before the face, blur and noise.

A network that learned from drawn faces alone knows how a program draws. What is disturbed here is what a photograph has
otherwise; where the points are stays as it was, so that shapes are what is left to learn from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

LARGEST = 7  # cells a side of a random filter
REACH = 6  # how far a blur reaches, pixels
BOXES = 2


@dataclass(frozen=True)
class Disturbance:
    """How much the pictures of a training are disturbed; 0 leaves one thing out.

    Attributes:
        light: standard deviation of the logarithm of how much brighter one side of a picture is made.
        filtered: share of the pictures that are mixed with what a filter of random numbers makes of them.
        covered: chance of each of two boxes, with one gray or a piece of another face in it.
        blurred: share of the pictures that are blurred.
        noise: mean of the noise's standard deviation, where there is noise; pictures run from 0 to 1.
    """

    light: float = 0.25
    filtered: float = 0.15
    covered: float = 0.1
    blurred: float = 0.25
    noise: float = 0.015


def disturb(images: Tensor, rng: np.random.Generator, how: Disturbance) -> Tensor:
    """(B, 1, H, W) float32, 0 to 1 -> disturbed copies of the same shape, which may leave that range."""
    images = _relight(images, rng, how.light)
    images = _filter(images, rng, how.filtered)
    images = _cover(images, rng, how.covered)
    images = _blur(images, rng, how.blurred)
    return _add_noise(images, rng, how.noise)


def _relight(images: Tensor, rng: np.random.Generator, spread: float) -> Tensor:
    """Multiply by smooth light: slopes and curves in both directions."""
    height, width = images.shape[2:]
    x, y = torch.linspace(-1, 1, width), torch.linspace(-1, 1, height)[:, None]
    shapes = torch.stack([x + 0 * y, y + 0 * x, x * y, x**2 - 1 / 3 + 0 * y, y**2 - 1 / 3 + 0 * x])
    weights = spread * torch.from_numpy(rng.standard_normal((len(images), len(shapes)), np.float32))
    return images * torch.exp(torch.einsum("bs,shw->bhw", weights, shapes))[:, None]


def _filter(images: Tensor, rng: np.random.Generator, share: float) -> Tensor:
    """Mix with what a filter of random numbers makes of a picture, at the picture's own brightness and contrast."""
    chosen = rng.random(len(images)) < share
    kernels = np.zeros((len(images), 1, LARGEST, LARGEST), np.float32)
    for row in np.flatnonzero(chosen):
        rim = int(rng.integers(0, LARGEST // 2 + 1))
        size = LARGEST - 2 * rim
        kernel = rng.standard_normal((size, size)) / size
        # A kernel that looks the same upside down moves nothing: edges stay where the points are.
        kernels[row, 0, rim : rim + size, rim : rim + size] = kernel + kernel[::-1, ::-1]
    made = _convolve(images, torch.from_numpy(kernels))
    spread, mean = torch.std_mean(images, (2, 3), keepdim=True)
    other_spread, other_mean = torch.std_mean(made, (2, 3), keepdim=True)
    made = (made - other_mean) / (other_spread + 1e-4) * spread + mean
    share_of_it = torch.from_numpy((chosen * rng.random(len(images))).astype(np.float32))[:, None, None, None]
    return images.lerp(made, share_of_it)


def _cover(images: Tensor, rng: np.random.Generator, chance: float) -> Tensor:
    """Lay boxes over the pictures, of one gray or with a piece of another face."""
    covered, (height, width) = images.clone(), images.shape[2:]
    for picture in covered[:, 0]:
        for _ in range(BOXES):
            if rng.random() < chance:
                high, wide = rng.integers(height // 12, 3 * height // 8, 2).tolist()
                top, left = int(rng.integers(-8, height - 8)), int(rng.integers(-8, width - 8))
                rows, columns = slice(max(top, 0), max(top + high, 0)), slice(max(left, 0), max(left + wide, 0))
                other = images[int(rng.integers(len(images))), 0, rows, columns]
                picture[rows, columns] = other if rng.random() < 0.5 else float(rng.random())
    return covered


def _blur(images: Tensor, rng: np.random.Generator, share: float) -> Tensor:
    """Blur some of the pictures by 0.3 to 2.5 pixels."""
    count = len(images)
    soft = np.where(rng.random(count) < share, rng.uniform(0.3, 2.5, count), 0.01).astype(np.float32)
    away = torch.arange(-REACH, REACH + 1) / torch.from_numpy(soft)[:, None]
    weights = torch.softmax(-0.5 * away**2, 1)
    return _convolve(_convolve(images, weights[:, None, None, :]), weights[:, None, :, None])


def _add_noise(images: Tensor, rng: np.random.Generator, mean: float) -> Tensor:
    """Add noise of single pixels to some pictures, and blotches of eight pixels to some."""
    count, size = len(images), images.shape[2:]

    def amounts(share: float, mean: float) -> Tensor:
        drawn = rng.exponential(mean, count) * (rng.random(count) < share)
        return torch.from_numpy(drawn.astype(np.float32))[:, None, None, None]

    fine = torch.from_numpy(rng.standard_normal(images.shape, np.float32))
    coarse = torch.from_numpy(rng.standard_normal((count, 1, size[0] // 8, size[1] // 8), np.float32))
    blotches = F.interpolate(coarse, size=size, mode="bicubic", align_corners=False)
    return images + amounts(0.6, mean) * fine + amounts(0.5, 2 * mean) * blotches


def _convolve(images: Tensor, kernels: Tensor) -> Tensor:
    """Each picture, (B, 1, H, W), with a kernel of its own, (B, 1, h, w) of odd sides; the border is repeated."""
    high, wide = (side // 2 for side in kernels.shape[2:])
    padded = F.pad(images, (wide, wide, high, high), mode="replicate")
    return F.conv2d(padded.transpose(0, 1), kernels, groups=len(images)).transpose(0, 1)
