"""The checks of lesson 03 against work that is right in another style, and wrong in the ways students are wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.battery import grade, story
from tests.reference import reference_names

LESSON = "03_residual_block"
SEEDS = range(2)
REFERENCE = reference_names(LESSON)
EXERCISES = ("ResidualBlock", "make_stage", "KeypointResNet", "count_parameters")


class ModuleBlock(nn.Module):
    """Biases, a Sequential for each path, a normalized shortcut, ReLU in place, the shortcut created first."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.skip = nn.Sequential()
        if in_channels != out_channels or stride > 1:
            self.skip = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride), nn.BatchNorm2d(out_channels))
        self.path = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, stride, 1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, 1, 1),
            nn.BatchNorm2d(out_channels),
        )
        # A start that makes every block an identity; as right as any other.
        nn.init.zeros_(self.path[-1].weight)

    def forward(self, x: Tensor) -> Tensor:
        out = self.path(x)
        out += self.skip(x)
        return functional.relu(out, inplace=True)


class FunctionalBlock(nn.Module):
    """Everything by functions on parameters and buffers of its own; the second kernel is registered first."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.second = nn.Parameter(nn.init.kaiming_normal_(torch.empty(out_channels, out_channels, 3, 3)))
        self.first = nn.Parameter(nn.init.kaiming_normal_(torch.empty(out_channels, in_channels, 3, 3)))
        self.projects = stride != 1 or in_channels != out_channels
        if self.projects:
            self.pointwise = nn.Parameter(nn.init.kaiming_normal_(torch.empty(out_channels, in_channels, 1, 1)))
            self.pointwise_bias = nn.Parameter(torch.full((out_channels,), 0.3))
        for name in ("a", "b"):
            self.register_parameter(f"scale_{name}", nn.Parameter(torch.ones(out_channels)))
            self.register_parameter(f"shift_{name}", nn.Parameter(torch.zeros(out_channels)))
            self.register_buffer(f"mean_{name}", torch.zeros(out_channels))
            self.register_buffer(f"var_{name}", torch.ones(out_channels))

    def _norm(self, x: Tensor, name: str) -> Tensor:
        mean, var = getattr(self, f"mean_{name}"), getattr(self, f"var_{name}")
        scale, shift = getattr(self, f"scale_{name}"), getattr(self, f"shift_{name}")
        return functional.batch_norm(x, mean, var, scale, shift, training=self.training)

    def forward(self, x: Tensor) -> Tensor:
        out = functional.relu(self._norm(functional.conv2d(x, self.first, stride=self.stride, padding=1), "a"))
        out = self._norm(functional.conv2d(out, self.second, padding=1), "b")
        if self.projects:
            x = functional.conv2d(x, self.pointwise, self.pointwise_bias, stride=self.stride)
        return torch.clamp(out + x, min=0)


class LazyBlock(nn.Module):
    """Lazy layers in a ModuleDict, and a helper module of convolution and normalization."""

    class ConvNorm(nn.Module):
        def __init__(self, out_channels: int, size: int, stride: int) -> None:
            super().__init__()
            self.conv = nn.LazyConv2d(out_channels, size, stride=stride, padding=size // 2, bias=size == 1)
            self.norm = nn.LazyBatchNorm2d()

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(self.conv(x))

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        parts = {"one": self.ConvNorm(out_channels, 3, stride), "two": self.ConvNorm(out_channels, 3, 1)}
        if (in_channels, 1) != (out_channels, stride):
            parts["skip"] = self.ConvNorm(out_channels, 1, stride)
        self.parts = nn.ModuleDict(parts)

    def forward(self, x: Tensor) -> Tensor:
        out = self.parts["two"](torch.relu(self.parts["one"](x)))
        return torch.relu(out.add(self.parts["skip"](x) if "skip" in self.parts else x))


RIGHT_BLOCKS = [ModuleBlock, FunctionalBlock, LazyBlock]


def stage_in_a_loop(block: type[nn.Module]) -> Any:
    """Return a make_stage that adds blocks one by one, under names."""

    def make_stage(in_channels: int, out_channels: int, blocks: int, stride: int) -> nn.Sequential:
        stage = nn.Sequential()
        for position in range(blocks):
            arguments = (in_channels, out_channels, stride) if position == 0 else (out_channels, out_channels, 1)
            stage.add_module(f"block{position}", block(*arguments))
        return stage

    return make_stage


class ListNet(nn.Module):
    """A ModuleList, functions, adaptive pooling, biases, a shortcut of every style."""

    def __init__(self, channels: Any = (32, 64, 128, 256, 512), blocks_per_stage: int = 2, outputs: int = 30) -> None:
        super().__init__()
        self.out = nn.Linear(channels[-1], outputs)
        self.blocks = nn.ModuleList()
        width = channels[0]
        for i, c in enumerate(channels):
            for j in range(blocks_per_stage):
                self.blocks.append(self.make_block(width, c, 2 if i > 0 and j == 0 else 1))
                width = c
        self.bn = nn.BatchNorm2d(channels[0])
        self.conv = nn.Conv2d(1, channels[0], 7, 2, 3)

    make_block = ModuleBlock

    def forward(self, images: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.bn(self.conv(images))), 3, 2, 1)
        for block in self.blocks:
            x = block(x)
        return self.out(functional.adaptive_avg_pool2d(x, 1).flatten(1))


class FunctionalBlocksNet(ListNet):
    make_block = FunctionalBlock


class PointwiseHead(nn.Sequential):
    """One Sequential; the linear layer written as a 1x1 convolution; pooling that rounds up instead of padding."""

    def __init__(self, channels: Any = (32, 64, 128, 256, 512), blocks_per_stage: int = 2, outputs: int = 30) -> None:
        stages = []
        for i in range(len(channels)):
            stages.append(
                REFERENCE["make_stage"](channels[max(i - 1, 0)], channels[i], blocks_per_stage, 1 if i == 0 else 2)
            )
        super().__init__(
            nn.Conv2d(1, channels[0], 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(channels[0]),
            nn.ReLU(True),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            *stages,
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels[-1], outputs, 1),
            nn.Flatten(),
        )


def count_in_a_loop(model: nn.Module) -> int:
    total = 0
    for _, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        size = 1
        for side in parameter.shape:
            size *= side
        total += size
    return total


RIGHT = [
    *[("ResidualBlock", {"ResidualBlock": block}) for block in RIGHT_BLOCKS],
    *[("make_stage", {"ResidualBlock": block, "make_stage": stage_in_a_loop(block)}) for block in RIGHT_BLOCKS],
    *[("KeypointResNet", {"KeypointResNet": net}) for net in (ListNet, FunctionalBlocksNet, PointwiseHead)],
    ("count_parameters", {"count_parameters": count_in_a_loop}),
    (
        "count_parameters",
        {"count_parameters": lambda m: np.sum([np.prod(p.shape) for p in m.parameters() if p.requires_grad])},
    ),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("exercise", "names"), RIGHT, ids=lambda value: value if isinstance(value, str) else "")
def test_right_in_another_style(exercise: str, names: dict[str, Any], seed: int) -> None:
    result = grade(exercise, {**REFERENCE, **names}, seed)
    assert result.outcome == "passed", story(result)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("exercise", EXERCISES)
def test_reference(exercise: str, seed: int) -> None:
    result = grade(exercise, REFERENCE, seed)
    assert result.outcome == "passed", story(result)


FINAL = "return self.relu(out + self.shortcut(x))"
STRIDED = "stride=stride, padding=1, bias=False)"
SECOND = "self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False)"
STAGE = "return nn.Sequential(first, *later)"
LATER = "ResidualBlock(out_channels, out_channels) for _ in range(blocks - 1)"
POOL = "            nn.MaxPool2d(kernel_size=3, stride=2, padding=1),\n"
COUNT = "sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)"
WRONG = {
    "relu before the addition": ("ResidualBlock", FINAL, "return self.relu(out) + self.shortcut(x)"),
    "relu before and after": ("ResidualBlock", FINAL, "return self.relu(self.relu(out) + self.shortcut(x))"),
    "no relu at the end": ("ResidualBlock", FINAL, "return out + self.shortcut(x)"),
    "no shortcut": ("ResidualBlock", FINAL, "return self.relu(out)"),
    "concatenated": ("ResidualBlock", FINAL, "return self.relu(torch.cat([out, self.shortcut(x)], dim=1))"),
    "no relu between": ("ResidualBlock", "self.relu(self.norm1(self.conv1(x)))", "self.norm1(self.conv1(x))"),
    "no second norm": ("ResidualBlock", "out = self.norm2(self.conv2(out))", "out = self.conv2(out)"),
    "one norm twice": ("ResidualBlock", "self.norm2(self.conv2(out))", "self.norm1(self.conv2(out))"),
    "relu before the norm": (
        "ResidualBlock",
        "self.relu(self.norm1(self.conv1(x)))",
        "self.norm1(self.relu(self.conv1(x)))",
    ),
    "norm after the addition": (
        "ResidualBlock",
        "out = self.norm2(self.conv2(out))\n        " + FINAL,
        "return self.relu(self.norm2(self.conv2(out) + self.shortcut(x)))",
    ),
    "stride on both": ("ResidualBlock", SECOND, SECOND.replace("3, ", "3, stride=stride, ")),
    "no padding": ("ResidualBlock", STRIDED, "stride=stride, bias=False)"),
    "shortcut without stride": ("ResidualBlock", "kernel_size=1, stride=stride", "kernel_size=1"),
    "shortcut without convolution": (
        "ResidualBlock",
        "nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False)",
        "nn.Identity()",
    ),
    "shortcut always a convolution": ("ResidualBlock", "if stride == 1 and in_channels == out_channels:", "if False:"),
    "shortcut forgets the stride": ("ResidualBlock", "if stride == 1 and in_channels", "if in_channels"),
    "shortcut forgets the width": ("ResidualBlock", "if stride == 1 and in_channels == out_channels", "if stride == 1"),
    "shortcut of 3x3": ("ResidualBlock", "kernel_size=1, stride=stride", "kernel_size=3, padding=1, stride=stride"),
    "detached shortcut": ("ResidualBlock", FINAL, "return self.relu(out + self.shortcut(x).detach())"),
    "changes its input": (
        "ResidualBlock",
        "out = self.relu(self.norm1",
        "x.data += 1\n        out = self.relu(self.norm1",
    ),
    "plain list": (
        "ResidualBlock",
        "self.conv2(out)",
        "self.hidden[0](out)",
        SECOND,
        SECOND.replace("self.conv2 =", "self.hidden =").replace("nn.Conv2d(", "[nn.Conv2d(") + "]",
    ),
    "batch statistics in eval mode": (
        "ResidualBlock",
        "nn.BatchNorm2d(out_channels)",
        "nn.BatchNorm2d(out_channels, track_running_stats=False)",
    ),
    "one block shared": ("make_stage", f"[{LATER}]", "[ResidualBlock(out_channels, out_channels)] * (blocks - 1)"),
    "one block too many": ("make_stage", "range(blocks - 1)", "range(blocks)"),
    "later blocks stride": (
        "make_stage",
        LATER,
        LATER.replace("(out_channels, out_channels)", "(out_channels, out_channels, stride)"),
    ),
    "a list": ("make_stage", STAGE, "return [first, *later]"),
    "a ModuleList": ("make_stage", STAGE, "return nn.ModuleList([first, *later])"),
    "first block only": ("make_stage", STAGE, "return nn.Sequential(first)"),
    "stride forgotten": (
        "make_stage",
        "first = ResidualBlock(in_channels, out_channels, stride)",
        "first = ResidualBlock(in_channels, out_channels)",
    ),
    "no pooling in the stem": ("KeypointResNet", POOL, ""),
    "average pooling in the stem": ("KeypointResNet", "nn.MaxPool2d", "nn.AvgPool2d"),
    "no relu in the stem": ("KeypointResNet", "            nn.ReLU(),\n", ""),
    "no norm in the stem": ("KeypointResNet", "            nn.BatchNorm2d(channels[0]),\n", ""),
    "every stage strides": ("KeypointResNet", "stride=1 if position == 0 else 2", "stride=2"),
    "no stage strides": ("KeypointResNet", "stride=1 if position == 0 else 2", "stride=1"),
    "max at the end": ("KeypointResNet", "features.mean(dim=(2, 3))", "features.amax(dim=(2, 3))"),
    "pooled over channels": (
        "KeypointResNet",
        "features.mean(dim=(2, 3))",
        "features.mean(dim=1).flatten(1)[:, :1].expand(-1, self.head.in_features)",
    ),
    "relu at the end": (
        "KeypointResNet",
        "return self.head(features.mean(dim=(2, 3)))",
        "return torch.relu(self.head(features.mean(dim=(2, 3))))",
    ),
    "fixed widths": ("KeypointResNet", "enumerate(channels)", "enumerate((32, 64, 128, 256, 512))"),
    "fixed outputs": ("KeypointResNet", "nn.Linear(width, outputs)", "nn.Linear(width, 30)"),
    "two blocks always": ("KeypointResNet", "out_channels, blocks_per_stage, stride", "out_channels, 2, stride"),
    "stem of 3x3": ("KeypointResNet", "kernel_size=7, stride=2, padding=3", "kernel_size=3, stride=2, padding=1"),
    "squeezed batch": (
        "KeypointResNet",
        "self.head(features.mean(dim=(2, 3)))",
        "self.head(features.mean(dim=(2, 3))).squeeze()",
    ),
    "stages in a list": (
        "KeypointResNet",
        "self.stages = nn.Sequential(*stages)",
        "self.hidden = [nn.Sequential(*stages)]",
        "self.stages(",
        "self.hidden[0](",
    ),
    "frozen too": ("count_parameters", " if parameter.requires_grad)", ")"),
    "tensors, not numbers": ("count_parameters", "parameter.numel() for", "1 for"),
    "buffers too": ("count_parameters", COUNT, "sum(value.numel() for value in model.state_dict().values())"),
    "top layers only": (
        "count_parameters",
        COUNT,
        "sum(p.numel() for m in model.children() for p in m.parameters(recurse=False) if p.requires_grad)",
    ),
    "weights only": (
        "count_parameters",
        COUNT,
        "sum(p.numel() for n, p in model.named_parameters() if p.requires_grad and 'bias' not in n)",
    ),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mistake", WRONG)
def test_wrong(mistake: str, seed: int) -> None:
    exercise, *texts = WRONG[mistake]
    names = reference_names(LESSON, *zip(texts[::2], texts[1::2], strict=True))
    result = grade(exercise, names, seed)
    assert result.outcome in ("failed", "error")
    assert result.score < result.exercise.points
