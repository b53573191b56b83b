"""Blocks, stages, networks and counts of lesson 03 that are right in another style."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.lessons.answers import Answer
from tests.reference import reference_names

REFERENCE = reference_names("03_residual_block")


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
            self.norm = nn.LazyBatchNorm2d(eps=1e-3)

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


class SequentialBlock(nn.Sequential):
    """A Sequential of F with a forward of its own, in which the shortcut skips pixels itself."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        path = OrderedDict(
            conv_a=nn.Conv2d(in_channels, out_channels, 3, stride, 1),
            norm_a=nn.BatchNorm2d(out_channels, eps=1e-3),
            bend=nn.ReLU(),
            conv_b=nn.Conv2d(out_channels, out_channels, 3, padding="same"),
            norm_b=nn.BatchNorm2d(out_channels, momentum=None),
        )
        super().__init__(path)
        # A plain list beside the registered layers hides nothing.
        self.in_order = list(path.values())
        self.stride, self.fit = stride, None
        if stride != 1 or in_channels != out_channels:
            self.fit = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for layer in self.in_order:
            out = layer(out)
        x = x[:, :, :: self.stride, :: self.stride]
        return (out + (x if self.fit is None else self.fit(x))).relu_()


class MixedBlock(nn.Module):
    """Convolutions as functions with biases of their own between normalization layers without scale and shift."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.stride, sizes = stride, [(in_channels, 3), (out_channels, 3)]
        if stride != 1 or in_channels != out_channels:
            sizes.append((in_channels, 1))
        self.kernels = nn.ParameterList(torch.randn(out_channels, width, size, size) / 9 for width, size in sizes)
        self.biases = nn.ParameterList(torch.rand(out_channels) for _ in sizes)
        self.norms = nn.ModuleList(nn.BatchNorm2d(out_channels, affine=False) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        out = functional.conv2d(x, self.kernels[0], self.biases[0], self.stride, 1)
        out = functional.conv2d(functional.relu(self.norms[0](out)), self.kernels[1], self.biases[1], 1, 1)
        out = self.norms[1](out)
        if len(self.kernels) == 3:
            x = functional.conv2d(x, self.kernels[2], self.biases[2], self.stride)
        return torch.maximum(out + x, torch.zeros(()))


class OwnNorm(nn.Module):
    """Batch normalization written by hand."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            mean, var = x.mean(dim=(0, 2, 3)), x.var(dim=(0, 2, 3), unbiased=False)
            self.mean += 0.1 * (mean.detach() - self.mean)
            self.var += 0.1 * (var.detach() - self.var)
        else:
            mean, var = self.mean, self.var
        scale = self.gamma / torch.sqrt(var + 1e-5)
        return x * scale[:, None, None] + (self.beta - mean * scale)[:, None, None]


class OwnNormBlock(nn.Module):
    """Normalizations of its own class, also behind the shortcut."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.main = nn.ModuleList(
            [
                nn.Conv2d(in_channels, out_channels, 3, stride, 1),
                OwnNorm(out_channels),
                nn.Conv2d(out_channels, out_channels, 3, padding=1),
                OwnNorm(out_channels),
            ]
        )
        same = stride == 1 and in_channels == out_channels
        side = [] if same else [nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), OwnNorm(out_channels)]
        self.side = nn.Sequential(*side)

    def forward(self, x: Tensor) -> Tensor:
        conv1, norm1, conv2, norm2 = self.main
        return torch.relu(self.side(x) + norm2(conv2(torch.relu(norm1(conv1(x))))))


class ScaledLazilyBlock(ModuleBlock):
    """Batch normalizations with little momentum, and a start at which F(x) is small."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, stride)
        for layer in self.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = 0.01
                nn.init.constant_(layer.weight, 0.2)


RIGHT_BLOCKS = [ModuleBlock, FunctionalBlock, LazyBlock, SequentialBlock, MixedBlock, OwnNormBlock, ScaledLazilyBlock]


def stage_in_a_loop(block: type[nn.Module]) -> Any:
    """Return a make_stage that adds blocks one by one, under names."""

    def make_stage(in_channels: int, out_channels: int, blocks: int, stride: int) -> nn.Sequential:
        stage = nn.Sequential()
        for position in range(blocks):
            arguments = (in_channels, out_channels, stride) if position == 0 else (out_channels, out_channels, 1)
            stage.add_module(f"block{position}", block(*arguments))
        return stage

    return make_stage


def stage_of_a_generator(block: type[nn.Module]) -> Any:
    """Return a make_stage whose blocks come from a generator."""

    def blocks_of(in_channels: int, out_channels: int, blocks: int, stride: int) -> Iterator[nn.Module]:
        while blocks:
            yield block(in_channels, out_channels, stride=stride)
            in_channels, stride, blocks = out_channels, 1, blocks - 1

    return lambda *sizes, **named: nn.Sequential(*blocks_of(*sizes, **named))


def nested_stage(block: type[nn.Module]) -> Any:
    """Return a make_stage that is a Sequential of its own class, with the later blocks in a Sequential inside of it."""

    class Stage(nn.Sequential):
        def __init__(self, in_channels: int, out_channels: int, blocks: int, stride: int) -> None:
            super().__init__(OrderedDict(down=block(in_channels, out_channels, stride)))
            if blocks > 1:
                self.add_module("rest", nn.Sequential(*map(block, [out_channels] * (blocks - 1), [out_channels] * 99)))

    return Stage


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
    """The same network of blocks of functions."""

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


class LazyNet(nn.Module):
    """Lazy layers everywhere, and a linear layer for each pixel whose answers are averaged: the same sum."""

    def __init__(self, channels: Any = (32, 64, 128, 256, 512), blocks_per_stage: int = 2, outputs: int = 30) -> None:
        super().__init__()
        stage = nested_stage(LazyBlock)
        self.features = nn.Sequential(nn.LazyConv2d(channels[0], 7, 2, 3), nn.LazyBatchNorm2d(eps=1e-3), nn.ReLU())
        widths = zip((channels[0], *channels), channels, strict=False)
        self.stages = nn.ModuleDict(
            {f"stage{i}": stage(*width, blocks_per_stage, 1 + (i > 0)) for i, width in enumerate(widths)}
        )
        self.answer = nn.LazyLinear(outputs)

    def forward(self, images: Tensor) -> Tensor:
        x = functional.max_pool2d(self.features(images), kernel_size=3, stride=2, padding=1)
        for stage in self.stages.values():
            x = stage(x)
        return self.answer(x.flatten(2).transpose(1, 2)).mean(dim=1)


class MatrixHead(nn.Module):
    """A matrix and a vector in place of the linear layer, the average pooling as large as the map."""

    def __init__(self, channels: Any = (32, 64, 128, 256, 512), blocks_per_stage: int = 2, outputs: int = 30) -> None:
        super().__init__()
        make_stage = stage_of_a_generator(SequentialBlock)
        self.matrix = nn.Parameter(torch.randn(channels[-1], outputs) / channels[-1] ** 0.5)
        self.vector = nn.Parameter(torch.full((outputs,), 48.0))
        self.stem = nn.ModuleDict(
            {"conv": nn.Conv2d(1, channels[0], (7, 7), (2, 2), (3, 3)), "norm": nn.BatchNorm2d(channels[0])}
        )
        before = [channels[0], *channels[:-1]]
        self.body = nn.Sequential(
            *(
                make_stage(a, b, blocks=blocks_per_stage, stride=1 if i == 0 else 2)
                for i, (a, b) in enumerate(zip(before, channels, strict=True))
            )
        )

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem["norm"](self.stem["conv"](images)).clamp_min(0)
        x = self.body(nn.MaxPool2d(3, 2, 1)(x))
        x = functional.avg_pool2d(x, tuple(x.shape[2:])).squeeze(3).squeeze(2)
        return torch.addmm(self.vector, x, self.matrix)


def count_in_a_loop(model: nn.Module) -> int:
    """Multiply the sides of each shape."""
    total = 0
    for _, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        size = 1
        for side in parameter.shape:
            size *= side
        total += size
    return total


def count_by_numpy(model: nn.Module) -> Any:
    """Return a NumPy integer."""
    return np.sum([np.prod(parameter.shape) for parameter in model.parameters() if parameter.requires_grad])


def count_by_modules(model: nn.Module) -> int:
    """Go down the tree of modules."""
    own = sum(p.nelement() for p in model.parameters(recurse=False) if p.requires_grad)
    return own + sum(count_by_modules(child) for child in model.children())


def count_in_a_vector(model: nn.Module) -> int:
    """Put all trained parameters into one vector."""
    trained = list(filter(lambda parameter: parameter.requires_grad, model.parameters()))
    return torch.nn.utils.parameters_to_vector(trained).numel() if trained else 0


FINAL_SUM = "return self.relu(out + self.shortcut(x))"


def on_a_wrong_block(exercise: str, id: str, change: str) -> Answer:
    """Return a right answer to ``exercise`` that stands on a block with a mistake, which costs points elsewhere."""
    return Answer(exercise, id, partial(reference_names, "03_residual_block", (FINAL_SUM, change)), seeds=3)


WRONG_BLOCKS = {
    "leaky block": "return torch.nn.functional.leaky_relu(out + self.shortcut(x))",
    "block that bends softly": "return torch.nn.functional.silu(out + self.shortcut(x))",
    "block without the sum": "return self.relu(out)",
}
STAGES = (
    ("make_stage", stage_in_a_loop, ModuleBlock),
    ("<lambda>", stage_of_a_generator, FunctionalBlock),
    ("Stage0", nested_stage, LazyBlock),
    ("Stage1", nested_stage, OwnNormBlock),
)
NETWORKS = (ListNet, FunctionalBlocksNet, PointwiseHead, LazyNet, MatrixHead)
COUNTS = (count_in_a_loop, count_by_numpy, count_by_modules, count_in_a_vector)
RIGHT = [
    *(Answer("ResidualBlock", block.__name__, {"ResidualBlock": block}) for block in RIGHT_BLOCKS),
    *(Answer("make_stage", id, {"ResidualBlock": block, "make_stage": stage(block)}) for id, stage, block in STAGES),
    *(Answer("KeypointResNet", net.__name__, {"KeypointResNet": net}) for net in NETWORKS),
    *(Answer("count_parameters", count.__name__, {"count_parameters": count}) for count in COUNTS),
    *(Answer(exercise, "reference", {}) for exercise in ("ResidualBlock", "make_stage", "KeypointResNet")),
    Answer("count_parameters", "reference", {}),
    *(
        on_a_wrong_block(exercise, id, change)
        for exercise in ("make_stage", "KeypointResNet")
        for id, change in WRONG_BLOCKS.items()
        # One this far off shows in a whole network as well.
        if (exercise, id) != ("KeypointResNet", "block that bends softly")
    ),
]
