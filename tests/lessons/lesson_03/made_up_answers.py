"""Answers of lesson 03 that look like modules of the right kind and compute something else."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.lessons.answers import Answer
from tests.lessons.lesson_03.blocks_in_another_style import stage_of_bare_convolutions
from tests.reference import reference_names

REFERENCE = reference_names("03_residual_block")


class OneConvolution(nn.Module):
    """A block of a single convolution: nothing in it depends on the batch."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.only = nn.Conv2d(in_channels, out_channels, 3, stride, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.only(x))


class BlockOfShapes(nn.Module):
    """The parameters of a block, and the shortcut alone."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        sizes = (out_channels, in_channels, 3, 3), (out_channels, out_channels, 3, 3)
        self.kernels = nn.ParameterList(torch.zeros(size) for size in sizes)
        self.norms = nn.ModuleList([nn.BatchNorm2d(out_channels), nn.BatchNorm2d(out_channels)])
        self.fit = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.fit = nn.Conv2d(in_channels, out_channels, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        unused = sum(0 * parameter.sum() for parameter in self.parameters())
        return torch.relu(self.fit(x) * 0 + unused)


class BlackConvolution(nn.Conv2d):
    """Shows a kernel of zeros to whoever asks, and computes nothing."""

    @property
    def weight(self) -> Tensor:
        return torch.zeros(self.out_channels, self.in_channels, *self.kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        shape = len(x), self.out_channels, *(-(-size // self.stride[0]) for size in x.shape[2:])
        return x.new_zeros(shape) + 0 * self._parameters["weight"].sum()


def black(layer: nn.Conv2d) -> None:
    """Let the layer show another kernel from here on."""
    layer.__class__ = BlackConvolution


class BlackBlock(REFERENCE["ResidualBlock"]):
    """A block whose convolutions say that their kernels are 0."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, stride)
        black(self.conv1)
        black(self.conv2)


class NetworkOfShapes(nn.Module):
    """A right network that is never asked: the answer is a parameter of its own."""

    def __init__(
        self, channels: tuple[int, ...] = (32, 64, 128, 256, 512), blocks_per_stage: int = 2, outputs: int = 30
    ) -> None:
        super().__init__()
        self.unused = REFERENCE["KeypointResNet"](channels, blocks_per_stage, outputs)

    def forward(self, images: Tensor) -> Tensor:
        nothing = sum(0 * parameter.sum() for parameter in self.unused.parameters())
        return self.unused.head.bias.expand(len(images), -1) + nothing


def stage_of_nothing(in_channels: int, out_channels: int, blocks: int, stride: int) -> nn.Sequential:
    """Return the right blocks in a Sequential that passes them by."""

    class Stage(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            skipped = x[:, :1, ::stride, ::stride].expand(-1, out_channels, -1, -1)
            return skipped + sum(0 * parameter.sum() for parameter in self.parameters())

    return Stage(*REFERENCE["make_stage"](in_channels, out_channels, blocks, stride))


WRONG = [
    Answer("ResidualBlock", "one convolution", {"ResidualBlock": OneConvolution}, "can't form it", seeds=3),
    Answer("ResidualBlock", "shapes alone", {"ResidualBlock": BlockOfShapes}, "in train mode", seeds=3),
    Answer("ResidualBlock", "black convolutions", {"ResidualBlock": BlackBlock}, "in train mode", seeds=3),
    Answer("make_stage", "passed by", {"make_stage": stage_of_nothing}, "its blocks one after the other", seeds=3),
    Answer("make_stage", "bare convolutions", {"make_stage": stage_of_bare_convolutions}, "(5, 3, 1, 1)", seeds=3),
    Answer("KeypointResNet", "a bias alone", {"KeypointResNet": NetworkOfShapes}, "(images)", seeds=3),
]
