# %% [markdown]
# # 03 · The residual block

# %% tags=["setup"]
import sys
from pathlib import Path

ROOT = next(p for p in [Path.cwd(), *Path.cwd().parents] if (p / "autograder" / "course.yaml").is_file())
sys.path.insert(0, str(ROOT))

import autograder
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn

# %%
class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut around them: ``relu(F(x) + shortcut(x))``.

    ``F`` is: 3x3 convolution (padding 1, this one takes the stride), batch normalization, ReLU,
    3x3 convolution (padding 1, stride 1), batch normalization.
    The shortcut is the identity, without any parameter, where ``in_channels == out_channels`` and ``stride == 1``.
    Everywhere else it is a 1x1 convolution with the same stride, so that both shapes agree.

    Args:
        in_channels: channels of the input, at least 1.
        out_channels: channels of the output, at least 1.
        stride: 1 keeps height and width; 2 halves them, rounded up.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        ### BEGIN SOLUTION
        super().__init__()
        # Batch normalization subtracts the mean right after each convolution, so a bias there would have no effect.
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU()
        if stride == 1 and in_channels == out_channels:
            self.shortcut: nn.Module = nn.Identity()
        else:
            self.shortcut = nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) float32 to (B, out_channels, ceil(H / stride), ceil(W / stride)), all >= 0."""
        ### BEGIN SOLUTION
        out = self.relu(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        return self.relu(out + self.shortcut(x))
        ### END SOLUTION


# %%
autograder.check("ResidualBlock")


# %%
def make_stage(in_channels: int, out_channels: int, blocks: int, stride: int) -> nn.Sequential:
    """Return ``blocks`` residual blocks in a row, each with weights of its own.

    The first block goes from ``in_channels`` to ``out_channels`` and takes the stride; every later one keeps
    both width and resolution.

    Args:
        in_channels: channels of the input of the stage.
        out_channels: channels of every block's output.
        blocks: how many blocks, at least 1.
        stride: stride of the first block, 1 or 2.

    Returns:
        A module from (B, in_channels, H, W) to (B, out_channels, ceil(H / stride), ceil(W / stride)), float32.
    """
    ### BEGIN SOLUTION
    first = ResidualBlock(in_channels, out_channels, stride)
    later = [ResidualBlock(out_channels, out_channels) for _ in range(blocks - 1)]
    return nn.Sequential(first, *later)
    ### END SOLUTION


# %%
autograder.check("make_stage")


# %%
class KeypointResNet(nn.Module):
    """A residual network from a gray face to the coordinates of its keypoints.

    In order: 7x7 convolution with stride 2 and padding 3 to ``channels[0]``, batch normalization, ReLU,
    3x3 max-pooling with stride 2 and padding 1; one stage for each entry of ``channels``, the first with stride 1
    and the others with stride 2; global average pooling; one linear layer.

    Args:
        channels: width of each stage.
        blocks_per_stage: residual blocks in each stage, at least 1.
        outputs: numbers to predict; 30 for 15 keypoints, in the order x, y, x, y, ...
    """

    def __init__(
        self, channels: tuple[int, ...] = (32, 64, 128, 256, 512), blocks_per_stage: int = 2, outputs: int = 30
    ) -> None:
        ### BEGIN SOLUTION
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, channels[0], kernel_size=7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(channels[0]),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        )
        stages = []
        width = channels[0]
        for position, out_channels in enumerate(channels):
            stages.append(make_stage(width, out_channels, blocks_per_stage, stride=1 if position == 0 else 2))
            width = out_channels
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(width, outputs)
        ### END SOLUTION

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 1, 96, 96) float32 in [0, 1] to (B, outputs) float32, in pixels once the network is trained."""
        ### BEGIN SOLUTION
        features = self.stages(self.stem(images))
        return self.head(features.mean(dim=(2, 3)))
        ### END SOLUTION


# %%
autograder.check("KeypointResNet")


# %%
def count_parameters(model: nn.Module) -> int:
    """Return how many numbers training may change: the elements of every parameter that requires a gradient.

    Buffers, such as the running statistics of batch normalization, and frozen parameters do not count.
    """
    ### BEGIN SOLUTION
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    ### END SOLUTION


# %%
autograder.check("count_parameters")
