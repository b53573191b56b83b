"""The network: a U-shaped ResNet that answers with a map for each keypoint, once for each source of labels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from data_scripts.heatmaps.geometry import soft_argmax


class Block(nn.Module):
    """Two 3 × 3 convolutions and a shortcut, as in lesson 03."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) -> (B, outputs, h / stride, w / stride)."""
        inner = F.relu(self.first_norm(self.first(x)))
        return F.relu(self.second_norm(self.second(inner)) + self.shortcut(x))


def _twice(x: Tensor) -> Tensor:
    """Repeat every cell in both directions."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class HeatmapNet(nn.Module):
    """Maps for each keypoint and each source of labels, and which source a face seems to come from.

    Down from 96 × 96 to 3 × 3, where two convolutions reach from corner to corner, and up again with what was seen on
    the way down; the maps have ``96 / stride`` cells a side.

    Attributes:
        offsets: (sources, keypoints, 2) pixels, learned: how far the labels of a source are off, in a direction that
            the network can't know. Training mirrors faces, and a mirrored image moves its features to 95 - x; what a
            source adds to its labels in x does not turn round with them.
    """

    def __init__(self, keypoints: int, sources: int, width: int, stride: int = 4) -> None:
        super().__init__()
        if stride not in (2, 4):
            raise ValueError(f"stride: expected 2 or 4, got {stride}")
        self.keypoints, self.sources, self.width, self.stride = keypoints, sources, width, stride
        half, wide, widest = max(width // 2, 8), 2 * width, 4 * width
        self.stem = nn.Sequential(nn.Conv2d(1, half, 5, 2, 2, bias=False), nn.BatchNorm2d(half), nn.ReLU())
        self.down_24 = Block(half, width, 2)
        self.down_12 = Block(width, wide, 2)
        self.down_6 = Block(wide, widest, 2)
        self.down_3 = Block(widest, widest, 2)
        self.bottom = Block(widest, widest)
        self.up_6 = Block(widest, widest)
        self.narrow_12 = nn.Conv2d(widest, wide, 1)
        self.up_12 = Block(wide, wide)
        self.narrow_24 = nn.Conv2d(wide, width, 1)
        self.up_24 = Block(width, width)
        if stride == 2:
            self.narrow_48 = nn.Conv2d(width, half, 1)
            self.up_48 = Block(half, half)
        self.head = nn.Conv2d(width if stride == 4 else half, sources * keypoints, 1)
        self.source_head = nn.Linear(widest, sources)
        self.offsets = nn.Parameter(torch.zeros(sources, keypoints, 2))
        nn.init.normal_(self.head.weight, std=0.01)
        # The order of the numbers in memory that convolutions on a processor like best. With 8 channels PyTorch 2.13
        # writes beyond its memory on the way back, so a narrow network keeps the usual order.
        self.order = torch.channels_last if width >= 32 else torch.contiguous_format
        self.to(memory_format=self.order)  # type: ignore[call-overload]  # torch's annotation lacks it

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Answer maps and sources.

        Args:
            images: (B, 1, 96, 96), any range: each is normalized by its own mean and spread.

        Returns:
            Logits (B, sources, keypoints, h, w) and (B, sources), float32.
        """
        spread, mean = torch.std_mean(images, (1, 2, 3), keepdim=True)
        x48 = self.stem((images - mean) / (spread + 0.02))
        x24 = self.down_24(x48)
        x12 = self.down_12(x24)
        x6 = self.down_6(x12)
        bottom = self.bottom(self.down_3(x6))
        x6 = self.up_6(x6 + _twice(bottom))
        x12 = self.up_12(x12 + _twice(self.narrow_12(x6)))
        top = self.up_24(x24 + _twice(self.narrow_24(x12)))
        if self.stride == 2:
            top = self.up_48(x48 + _twice(self.narrow_48(top)))
        # Half precision has no digits to spare where a map is read to a hundredth of a cell.
        with torch.autocast("cpu", enabled=False):
            maps = self.head(top.float()).unflatten(1, (self.sources, self.keypoints))
            return maps, self.source_head(bottom.float().mean((2, 3)))

    def points(self, maps: Tensor) -> Tensor:
        """(B, sources, keypoints, h, w) logits -> (B, sources, keypoints, 2) pixels, ``offsets`` not added."""
        return soft_argmax(maps, self.stride)
