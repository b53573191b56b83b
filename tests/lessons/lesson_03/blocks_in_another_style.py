"""Mistakes in blocks and stages of lesson 03 as other students would write them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.lessons.answers import Names, name_answers
from tests.reference import reference_names

RIGHT_BLOCK = reference_names("03_residual_block")["ResidualBlock"]


class Block(nn.Module):
    """A right block: convolutions with biases, the normalized shortcut registered first, F as one Sequential."""

    def __init__(self, i: int, o: int, stride: int = 1) -> None:
        super().__init__()
        self.skip = nn.Sequential(*self.layers_of_skip(i, o, stride))
        self.path = nn.Sequential(*self.layers_of_path(i, o, stride))

    def layers_of_skip(self, i: int, o: int, stride: int) -> list[nn.Module]:
        return [] if i == o and stride == 1 else [nn.Conv2d(i, o, 1, stride), nn.BatchNorm2d(o)]

    def convolutions(self, i: int, o: int, stride: int) -> tuple[nn.Module, nn.Module]:
        return nn.Conv2d(i, o, 3, stride, 1), nn.Conv2d(o, o, 3, 1, 1)

    def layers_of_path(self, i: int, o: int, stride: int) -> list[nn.Module]:
        first, second = self.convolutions(i, o, stride)
        return [first, nn.BatchNorm2d(o), nn.ReLU(True), second, nn.BatchNorm2d(o)]

    def forward(self, x: Tensor) -> Tensor:
        return self.join(self.skip(x), self.path(x))

    def join(self, skipped: Tensor, out: Tensor) -> Tensor:
        return functional.relu(skipped + out)


def block(**methods: Callable) -> Names:
    """Return a block that differs from the right one in these methods."""
    return {"ResidualBlock": type("ResidualBlock", (Block,), methods)}


def skip(layers: Callable[[int, int, int], list]) -> Names:
    """Return a block with other layers in its shortcut, for in_channels, out_channels and stride."""
    return block(layers_of_skip=lambda self, i, o, stride: layers(i, o, stride))


def convolutions(make: Callable[[int, int, int], tuple]) -> Names:
    """Return a block with other 3x3 convolutions."""
    return block(convolutions=lambda self, i, o, stride: make(i, o, stride))


def path(change: Callable[[list], list], **methods: Callable) -> Names:
    """Return a block whose F has its layers changed."""
    return block(layers_of_path=lambda self, *sizes: change(Block.layers_of_path(self, *sizes)), **methods)


class BlockWithoutShortcut(nn.Module):
    """No shortcut at all, and the layers in a loop."""

    def __init__(self, i: int, o: int, stride: int = 1) -> None:
        super().__init__()
        convs = nn.Conv2d(i, o, 3, stride, 1), nn.Conv2d(o, o, 3, 1, 1)
        self.layers = nn.ModuleList([convs[0], nn.BatchNorm2d(o), convs[1], nn.BatchNorm2d(o)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = functional.relu(layer(x)) if isinstance(layer, nn.BatchNorm2d) else layer(x)
        return x


class BlockWithOneNorm(nn.Module):
    """One normalization for both convolutions; these are functions of its own kernels."""

    def __init__(self, i: int, o: int, stride: int = 1) -> None:
        super().__init__()
        self.bn, self.stride = nn.BatchNorm2d(o), stride
        self.b, self.a = nn.Parameter(torch.randn(o, o, 3, 3)), nn.Parameter(torch.randn(o, i, 3, 3))
        self.c = nn.Parameter(torch.randn(o, i, 1, 1)) if i != o or stride != 1 else None

    def forward(self, x: Tensor) -> Tensor:
        out = functional.relu(self.bn(functional.conv2d(x, self.a, stride=self.stride, padding=1)))
        out = self.bn(functional.conv2d(out, self.b, padding=1))
        return functional.relu(out + (x if self.c is None else functional.conv2d(x, self.c, stride=self.stride)))


class BlockNormalizingTheSum(Block):
    """The second normalization apart from the path."""

    def __init__(self, i: int, o: int, stride: int = 1) -> None:
        super().__init__(i, o, stride)
        self.path, self.last = self.path[:4], self.path[4]

    def join(self, skipped: Tensor, out: Tensor) -> Tensor:
        return self.last(out.add(skipped)).clamp(min=0)


class BlockOfADict(Block):
    """All of F in a list in a dict."""

    def __init__(self, i: int, o: int, stride: int = 1) -> None:
        super().__init__(i, o, stride)
        self.hidden = {"path": list(self.path)}
        del self.path

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for layer in self.hidden["path"]:
            out = layer(out)
        return self.join(self.skip(x), out)


class BlockOfFunctions(Block):
    """Normalizes by F.batch_norm, which nobody told about the mode."""

    def forward(self, x: Tensor) -> Tensor:
        norm = partial(functional.batch_norm, running_mean=None, running_var=None, training=True)
        out = functional.relu(norm(self.path[0](x), weight=self.path[1].weight, bias=self.path[1].bias))
        out = norm(self.path[3](out), weight=self.path[4].weight, bias=self.path[4].bias)
        return self.join(self.skip(x), out)


def add_in_place(self: Block, x: Tensor) -> Tensor:
    """Write the sum into the shortcut, which may be x itself."""
    out, skipped = self.path(x), self.skip(x)
    skipped += out
    return torch.relu(skipped)


BLOCKS: dict[str, list[Names]] = {
    "relu-before-addition": [
        block(join=lambda self, skipped, out: skipped + torch.relu(out)),
        path(lambda layers: [*layers, nn.ReLU()], join=lambda self, skipped, out: out.add(skipped)),
    ],
    "relu-twice": [path(lambda layers: [*layers, nn.ReLU()])],
    "no-final-relu": [block(join=lambda self, skipped, out: torch.add(skipped, out))],
    "no-relu-between": [path(lambda layers: layers[:2] + layers[3:])],
    "shortcut-never-added": [
        block(join=lambda self, skipped, out: out.relu()),
        {"ResidualBlock": BlockWithoutShortcut},
    ],
    "shortcut-without-stride": [
        skip(lambda i, o, s: [] if (i, s) == (o, 1) else [nn.Conv2d(i, o, 1), nn.BatchNorm2d(o)])
    ],
    "shortcut-ignores-stride": [skip(lambda i, o, s: [nn.Conv2d(i, o, 1, s)] if i != o else [])],
    "shortcut-ignores-width": [skip(lambda i, o, s: [nn.Conv2d(i, o, 1, s)] if s > 1 else [])],
    "shortcut-always-a-convolution": [skip(lambda i, o, s: [nn.Conv2d(i, o, 1, s), nn.BatchNorm2d(o)])],
    "shortcut-bends": [
        skip(lambda i, o, s: [] if (i, s) == (o, 1) else [nn.Conv2d(i, o, 1, s), nn.BatchNorm2d(o), nn.ReLU()])
    ],
    "shortcut-pools": [
        skip(lambda i, o, s: [] if (i, s) == (o, 1) else [nn.AvgPool2d(s, ceil_mode=True), nn.Conv2d(i, o, 1)])
    ],
    "shortcut-never-a-convolution": [skip(lambda i, o, s: [nn.MaxPool2d(s, ceil_mode=True)])],
    "stride-on-the-second": [convolutions(lambda i, o, s: (nn.Conv2d(i, o, 3, 1, 1), nn.Conv2d(o, o, 3, s, 1)))],
    "stride-on-both": [convolutions(lambda i, o, s: (nn.Conv2d(i, o, 3, s, 1), nn.Conv2d(o, o, 3, s, 1)))],
    "no-padding": [convolutions(lambda i, o, s: (nn.Conv2d(i, o, 3, s), nn.Conv2d(o, o, 3)))],
    "second-convolution-takes-in-channels": [
        convolutions(lambda i, o, s: (nn.Conv2d(i, o, 3, s, 1), nn.Conv2d(i, o, 3, padding="same")))
    ],
    "no-second-norm": [path(lambda layers: layers[:4])],
    "one-norm-twice": [{"ResidualBlock": BlockWithOneNorm}, path(lambda layers: [*layers[:4], layers[1]])],
    "relu-before-norm": [
        path(lambda layers: [layers[0], nn.ReLU(), layers[1], *layers[3:]]),
        path(lambda layers: [layers[0], nn.ReLU(), layers[1], layers[3], nn.ReLU(), layers[4]]),
    ],
    "norm-after-addition": [{"ResidualBlock": BlockNormalizingTheSum}],
    "pre-activation": [
        block(
            layers_of_path=lambda self, i, o, s: [
                *(nn.BatchNorm2d(i), nn.ReLU(), nn.Conv2d(i, o, 3, s, 1, bias=False)),
                *(nn.BatchNorm2d(o), nn.ReLU(), nn.Conv2d(o, o, 3, 1, 1, bias=False)),
            ],
            join=lambda self, skipped, out: skipped + out,
        )
    ],
    "layers-in-a-list": [{"ResidualBlock": BlockOfADict}],
    "batch-statistics-in-eval": [{"ResidualBlock": BlockOfFunctions}],
    "overwrites-its-input": [block(forward=add_in_place)],
}


def stage(first: Callable, later: Callable, count: Callable = lambda blocks: blocks - 1, whole: Any = None) -> Names:
    """Return a make_stage that adds blocks under names; ``first`` and ``later`` build one of the sizes asked for."""

    def make_stage(in_channels: int, out_channels: int, blocks: int, stride: int) -> Any:
        made = [first(in_channels, out_channels, stride)]
        made += [later(in_channels, out_channels, stride) for _ in range(count(blocks))]
        if whole is not None:
            return whole(made)
        result = nn.Sequential()
        for number, one in enumerate(made):
            result.add_module(f"block {number}", one)
        return result

    return {"make_stage": make_stage}


def first_block(i: int, o: int, stride: int) -> nn.Module:
    """Return the right first block of a stage."""
    return RIGHT_BLOCK(i, o, stride=stride)


def later_block(i: int, o: int, stride: int) -> nn.Module:
    """Return a right later block."""
    return RIGHT_BLOCK(o, o)


def stage_of_one_shared(in_channels: int, out_channels: int, blocks: int, stride: int) -> nn.Sequential:
    """Return a stage that appends one block again and again."""
    result, same = (
        nn.Sequential(first_block(in_channels, out_channels, stride)),
        RIGHT_BLOCK(out_channels, out_channels),
    )
    while len(result) < blocks:
        result.append(same)
    return result


def stage_widening_last(in_channels: int, out_channels: int, blocks: int, stride: int) -> nn.Sequential:
    """Return a stage whose last block changes the shape."""
    result = nn.Sequential()
    for position in range(blocks):
        last = position == blocks - 1
        result.append(RIGHT_BLOCK(in_channels, out_channels if last else in_channels, stride if last else 1))
    return result


def stage_that_returns_early(in_channels: int, out_channels: int, blocks: int, stride: int) -> nn.Sequential:
    """Return from inside the loop."""
    result = nn.Sequential(first_block(in_channels, out_channels, stride))
    for _ in range(blocks - 1):
        result.append(RIGHT_BLOCK(out_channels, out_channels))
        return result
    return result


def stage_of_bare_convolutions(in_channels: int, out_channels: int, blocks: int, stride: int) -> nn.Sequential:
    """Return as many 3x3 convolutions as the blocks would have."""
    widths = [in_channels, *[out_channels] * (2 * blocks)]
    pairs = zip(widths, widths[1:], strict=False)
    return nn.Sequential(*(nn.Conv2d(a, b, 3, 1 if n else stride, 1) for n, (a, b) in enumerate(pairs)))


STAGES: dict[str, list[Names]] = {
    "one-block-too-few": [stage(first_block, later_block, count=lambda blocks: len(range(1, blocks - 1)))],
    "always-two-blocks": [{"make_stage": stage_that_returns_early}],
    "one-block-shared": [{"make_stage": stage_of_one_shared}],
    "every-block-strides": [stage(first_block, lambda i, o, s: RIGHT_BLOCK(o, o, s))],
    "stride-forgotten": [stage(lambda i, o, s: RIGHT_BLOCK(i, o), later_block)],
    "later-blocks-take-in-channels": [stage(first_block, lambda i, o, s: RIGHT_BLOCK(i, o))],
    "last-block-widens": [{"make_stage": stage_widening_last}],
    "one-block-too-many": [stage(first_block, later_block, count=lambda blocks: blocks)],
    "one-block-only": [stage(first_block, later_block, count=lambda blocks: 0)],
    "returns-a-list": [stage(first_block, later_block, whole=list)],
    "list-not-unpacked": [stage(first_block, later_block, whole=nn.Sequential)],
}

NAMED = name_answers(
    (f"{exercise}/{id}", names)
    for exercise, mistakes in (("ResidualBlock", BLOCKS), ("make_stage", STAGES))
    for id, spellings in mistakes.items()
    for names in spellings
)
