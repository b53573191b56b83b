"""Mistakes in networks and in counting, of lesson 03, as other students would write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.lessons.answers import Names, name_answers
from tests.lessons.lesson_03.blocks_in_another_style import RIGHT_BLOCK


class Net(nn.Module):
    """A right network: a ModuleList of blocks, functions in the stem, the last layer registered first."""

    def __init__(self, channels: Any = (32, 64, 128, 256, 512), blocks_per_stage: int = 2, outputs: int = 30) -> None:
        super().__init__()
        self.head = self.make_head(channels[-1], outputs)
        self.blocks = self.keep(self.make_blocks(channels, blocks_per_stage))
        self.norm, self.conv = nn.BatchNorm2d(channels[0]), nn.Conv2d(self.colors, channels[0], 7, 2, 3)

    colors = 1
    keep = nn.ModuleList

    def make_head(self, width: int, outputs: int) -> nn.Module:
        return nn.Linear(width, outputs)

    def stride(self, stage: int) -> int:
        return min(stage, 1) + 1

    def make_blocks(self, channels: Any, count: int) -> Iterator[nn.Module]:
        before = channels[0]
        for stage, width in enumerate(channels):
            for position in range(count):
                yield RIGHT_BLOCK(before, width, 1 if position else self.stride(stage))
                before = width

    def stem(self, x: Tensor) -> Tensor:
        return functional.max_pool2d(functional.relu(self.norm(self.conv(x))), 3, 2, 1)

    def pool(self, x: Tensor) -> Tensor:
        return functional.adaptive_avg_pool2d(x, 1).flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)
        for one in self.blocks:
            x = one(x)
        return self.head(self.pool(x))


def net(**methods: Any) -> Names:
    """Return a network that differs from the right one in these methods."""
    return {"KeypointResNet": type("KeypointResNet", (Net,), methods)}


def head(*behind: nn.Module) -> Names:
    """Return a network with these layers behind the linear one."""
    return net(make_head=lambda self, width, outputs: nn.Sequential(nn.Linear(width, outputs), *behind))


def flat_net(pixels: int) -> Names:
    """Return a network whose linear layer expects so many pixels of each map."""
    return net(
        make_head=lambda self, width, outputs: nn.Linear(width * pixels, outputs), pool=lambda self, x: x.flatten(1)
    )


def blocks_from_stem(self: Net, channels: Any, count: int) -> Iterator[nn.Module]:
    """Yield blocks whose stages all begin at the width of the stem."""
    for stage, width in enumerate(channels):
        yield RIGHT_BLOCK(channels[0], width, self.stride(stage))
        yield from (RIGHT_BLOCK(width, width) for _ in range(count - 1))


def build_fixed(self: Net, channels: Any = None, blocks_per_stage: int = 2, outputs: int = 30) -> None:
    """Build a network of the usual widths."""
    Net.__init__(self, (32, 64, 128, 256, 512), blocks_per_stage, outputs)


NETWORKS: dict[str, list[Names]] = {
    "stem-without-pooling": [net(stem=lambda self, x: functional.relu(self.norm(self.conv(x))))],
    "stem-pools-the-average": [
        net(stem=lambda self, x: functional.avg_pool2d(functional.relu(self.norm(self.conv(x))), 3, 2, 1))
    ],
    "stem-without-relu": [net(stem=lambda self, x: nn.MaxPool2d(3, 2, 1)(self.norm(self.conv(x))))],
    "stem-without-norm": [net(stem=lambda self, x: functional.max_pool2d(self.conv(x).relu(), 3, 2, 1))],
    "stem-takes-three-channels": [net(colors=3)],
    "every-stage-strides": [net(stride=lambda self, stage: 2)],
    "no-stage-strides": [net(stride=lambda self, stage: 1)],
    "stages-do-not-chain": [net(make_blocks=blocks_from_stem)],
    "max-at-the-end": [net(pool=lambda self, x: functional.adaptive_max_pool2d(x, 1).flatten(1))],
    "flattened": [flat_net(1), flat_net(4)],
    "relu-at-the-end": [head(nn.ReLU())],
    "sigmoid-at-the-end": [head(nn.Sigmoid())],
    "softmax-at-the-end": [head(nn.Softmax(dim=-1))],
    "outputs-fixed": [net(make_head=lambda self, width, outputs: nn.Linear(width, 30))],
    "widths-fixed": [net(__init__=build_fixed)],
    "blocks-fixed": [net(make_blocks=lambda self, channels, count: Net.make_blocks(self, channels, 2))],
    "squeezes-the-batch": [
        net(pool=lambda self, x: functional.adaptive_avg_pool2d(x, 1).squeeze()),
        net(forward=lambda self, images: torch.squeeze(Net.forward(self, images))),
    ],
    "stages-in-a-list": [net(keep=list)],
}


def count_with(size: Callable[[nn.Parameter], int], chosen: Callable[[str, nn.Parameter], bool] | None = None) -> Names:
    """Return a count that adds up the sizes of the chosen parameters; without a choice, of those that are trained."""

    def count_parameters(model: nn.Module) -> int:
        total = 0
        for name, parameter in model.named_parameters():
            if chosen(name, parameter) if chosen else parameter.requires_grad:
                total += size(parameter)
        return total

    return {"count_parameters": count_parameters}


def volume(parameter: Tensor) -> int:
    """Return how many numbers a tensor holds."""
    return int(np.prod(parameter.shape))


def count_with_buffers(model: nn.Module) -> int:
    """Count parameters and buffers."""
    trained = sum(volume(parameter) for parameter in model.parameters() if parameter.requires_grad)
    return trained + sum(volume(buffer) for buffer in model.buffers())


def count_weights_of_layers(model: nn.Module) -> int:
    """Count what layers call weight."""
    weights = [layer.weight for layer in model.modules() if hasattr(layer, "weight")]
    return sum(volume(weight) for weight in weights if weight.requires_grad)


COUNTS: dict[str, list[Names]] = {
    "counts-tensors": [
        {"count_parameters": lambda model: len([p for p in model.parameters() if p.requires_grad])},
        {"count_parameters": lambda model: len(list(model.parameters()))},
    ],
    "counts-frozen": [count_with(volume, lambda name, parameter: True)],
    "counts-buffers": [{"count_parameters": count_with_buffers}],
    "leaves-out-biases": [{"count_parameters": count_weights_of_layers}],
    "first-axis-only": [count_with(lambda parameter: parameter.shape[0])],
    "top-layers-only": [count_with(volume, lambda name, p: p.requires_grad and name.count(".") < 2)],
    "kernels-only": [count_with(volume, lambda name, p: p.requires_grad and p.dim() > 2)],
}

NAMED = name_answers(
    (f"{exercise}/{id}", names)
    for exercise, mistakes in (("KeypointResNet", NETWORKS), ("count_parameters", COUNTS))
    for id, spellings in mistakes.items()
    for names in spellings
)
