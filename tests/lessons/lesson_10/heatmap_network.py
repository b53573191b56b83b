"""Answers to HeatmapNet as students write them: other architectures that keep the contract, and some that don't."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.lessons.answers import Answer, change_reference, name_answers
from tests.reference import reference_names

REFERENCE = reference_names("10_beyond_the_sources")
soft_argmax, ResidualBlock, Reference = (REFERENCE[name] for name in ("soft_argmax", "ResidualBlock", "HeatmapNet"))


def conv(i: int, o: int, stride: int = 1, norm: str | None = "batch") -> nn.Sequential:
    """A 3x3 convolution, a normalization or none, and a ReLU."""
    norms = {"batch": [nn.BatchNorm2d(o)], "group": [nn.GroupNorm(8, o)]}
    return nn.Sequential(
        nn.Conv2d(i, o, 3, stride, 1, bias=norm is None), *(norms[norm] if norm else []), nn.ReLU(inplace=True)
    )


class Places(nn.Module):
    """What all of them have in common."""

    def maps(self, images: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        return soft_argmax(self.maps(images)).flatten(1)


class UNet(Places):
    """Down to 3 x 3 and up again, with concatenated shortcuts."""

    norm: str | None = "batch"
    transposed = False

    def __init__(self, keypoints: int = 15, width: int = 32) -> None:
        super().__init__()
        w, norm = width, self.norm
        sizes = [(1, w), (w, 2 * w), (2 * w, 3 * w), (3 * w, 4 * w), (4 * w, 4 * w)]
        self.down = nn.ModuleList([nn.Sequential(conv(i, o, 2, norm), conv(o, o, 1, norm)) for i, o in sizes])
        self.up = nn.ModuleList([conv(8 * w, 4 * w, 1, norm), conv(7 * w, 3 * w, 1, norm), conv(5 * w, 2 * w, 1, norm)])
        self.grow = nn.ModuleList([self.growing(count * w) for count in (4, 4, 3)])
        self.head = nn.Conv2d(2 * w, keypoints, 1)

    def growing(self, channels: int) -> nn.Module:
        if self.transposed:
            return nn.ConvTranspose2d(channels, channels, 2, 2)
        return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)

    def maps(self, images: Tensor) -> Tensor:
        x, passed = images, []
        for layer in self.down:
            x = layer(x)
            passed.append(x)
        for layer, grow, former in zip(self.up, self.grow, passed[-2:0:-1], strict=True):
            x = layer(torch.cat([grow(x), former], dim=1))
        return self.head(x)


class TransposedUNet(UNet):
    transposed = True


class GroupUNet(UNet):
    norm = "group"


class PlainUNet(UNet):
    norm = None


class ZeroHead(UNet):
    """A last layer that begins with zeros, so that every map is flat before training."""

    def __init__(self, keypoints: int = 15, width: int = 32) -> None:
        super().__init__(keypoints, width)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)


class GlobalBranch(Places):
    """One resolution, and the mean of the whole image added to every cell."""

    def __init__(self, keypoints: int = 15, width: int = 32) -> None:
        super().__init__()
        w = width
        self.local = nn.Sequential(conv(1, w, 2), conv(w, 2 * w, 2), conv(2 * w, 4 * w), conv(4 * w, 4 * w))
        self.far = nn.Linear(4 * w, 4 * w)
        self.out = nn.Sequential(conv(4 * w, 2 * w), nn.Conv2d(2 * w, keypoints, 1))

    def maps(self, images: Tensor) -> Tensor:
        x = self.local(images)
        return self.out(x + self.far(x.mean(dim=(2, 3)))[:, :, None, None])


class Attention(Places):
    """Convolutions down to 12 x 12, where every cell looks at all others, and up again."""

    def __init__(self, keypoints: int = 15, width: int = 32) -> None:
        super().__init__()
        w = width
        self.down = nn.Sequential(conv(1, w, 2), conv(w, 2 * w, 2), conv(2 * w, 4 * w, 2))
        self.place = nn.Parameter(0.02 * torch.randn(144, 4 * w))
        self.norm, self.look = nn.LayerNorm(4 * w), nn.MultiheadAttention(4 * w, 4, batch_first=True)
        self.up = nn.Sequential(nn.ConvTranspose2d(4 * w, 2 * w, 4, 2, 1), nn.ReLU(), nn.Conv2d(2 * w, keypoints, 1))

    def maps(self, images: Tensor) -> Tensor:
        x = self.down(images)
        cells = x.flatten(2).transpose(1, 2) + self.place
        normed = self.norm(cells)
        cells = cells + self.look(normed, normed, normed, need_weights=False)[0]
        return self.up(cells.transpose(1, 2).reshape(x.shape))


class Patches(Places):
    """A small vision transformer: patches of 8 x 8 pixels, each of which makes four cells."""

    def __init__(self, keypoints: int = 15, width: int = 32) -> None:
        super().__init__()
        size = 4 * width
        self.cut = nn.Conv2d(1, size, 8, 8)
        self.place = nn.Parameter(0.02 * torch.randn(1, 144, size))
        layer = nn.TransformerEncoderLayer(size, 4, 2 * size, 0.0, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.out = nn.ConvTranspose2d(size, keypoints, 2, 2)

    def maps(self, images: Tensor) -> Tensor:
        cells = self.layers(self.cut(images).flatten(2).transpose(1, 2) + self.place)
        return self.out(cells.transpose(1, 2).reshape(len(images), -1, 12, 12))


class Dilated(Places):
    """Never below 24 x 24: dilated convolutions reach all of the image."""

    def __init__(self, keypoints: int = 15, width: int = 32) -> None:
        super().__init__()
        w = width
        layers: list[nn.Module] = [conv(1, w, 2), conv(w, w, 2)]
        for step in (1, 2, 4, 8, 12, 1):
            layers += [nn.Conv2d(w, w, 3, padding=step, dilation=step), nn.BatchNorm2d(w), nn.ReLU()]
        self.all = nn.Sequential(*layers, nn.Conv2d(w, keypoints, 1))

    def maps(self, images: Tensor) -> Tensor:
        return self.all(images)


class Bottleneck(Places):
    """A linear layer over the smallest map, added to the fine one."""

    def __init__(self, keypoints: int = 15, width: int = 32) -> None:
        super().__init__()
        w = width
        self.fine = nn.Sequential(conv(1, w, 2), conv(w, 2 * w, 2))
        self.coarse = nn.Sequential(conv(2 * w, 2 * w, 2), conv(2 * w, w, 2), nn.Flatten(), nn.Linear(36 * w, 144))
        self.mix = nn.Conv2d(4, 2 * w, 1)
        self.out = nn.Sequential(conv(2 * w, 2 * w), nn.Conv2d(2 * w, keypoints, 1))

    def maps(self, images: Tensor) -> Tensor:
        fine = self.fine(images)
        coarse = self.mix(self.coarse(fine).view(-1, 4, 6, 6))
        return self.out(fine + functional.interpolate(coarse, size=(24, 24)))


class TwoStages(Places):
    """A second network sees the features and the first one's maps, as in stacked hourglasses."""

    def __init__(self, keypoints: int = 15, width: int = 32) -> None:
        super().__init__()
        w = width
        self.first = nn.Sequential(conv(1, w, 2), ResidualBlock(w, 2 * w, 2), ResidualBlock(2 * w, 2 * w))
        self.guess = nn.Conv2d(2 * w, keypoints, 1)
        # At 3 x 3, two more of them see all nine cells from each.
        deep = [conv(4 * w, 4 * w, 2), conv(4 * w, 4 * w, 2), conv(4 * w, 4 * w), conv(4 * w, 4 * w)]
        self.small = nn.Sequential(conv(2 * w + keypoints, 4 * w, 2), *deep)
        self.second = nn.Sequential(conv(4 * w + 2 * w, 2 * w), nn.Conv2d(2 * w, keypoints, 1))

    def maps(self, images: Tensor) -> Tensor:
        x = self.first(images)
        guess = self.guess(x)
        small = functional.interpolate(self.small(torch.cat([x, guess], 1)), size=x.shape[2:], mode="bilinear")
        return guess + self.second(torch.cat([x, small], 1))


class Lazy(Places):
    """Layers that find their sizes out by themselves, and places computed without soft_argmax."""

    def __init__(self, keypoints: int = 15, width: int = 32) -> None:
        super().__init__()
        sizes = [(width, 2), (2 * width, 2), (2 * width, 2), (2 * width, 2)]
        self.body = nn.ModuleList(
            [
                nn.Sequential(nn.LazyConv2d(size, 3, stride, 1), nn.LazyBatchNorm2d(), nn.GELU())
                for size, stride in sizes
            ]
        )
        self.whole = nn.LazyLinear(2 * width)
        near = [nn.LazyConv2d(2 * width, 3, padding=1), nn.GELU(), nn.LazyConv2d(2 * width, 3, padding=1), nn.GELU()]
        self.head = nn.Sequential(*near, nn.LazyConv2d(keypoints, 1))

    def maps(self, images: Tensor) -> Tensor:
        fine = self.body[1](self.body[0](images))
        deep = self.whole(self.body[3](self.body[2](fine)).flatten(1))
        return self.head(fine * torch.sigmoid(deep)[:, :, None, None] + deep[:, :, None, None])

    def forward(self, images: Tensor) -> Tensor:
        maps = self.maps(images)
        weights = torch.softmax(maps.reshape(len(maps), -1, 576), dim=-1).reshape(maps.shape)
        places = torch.linspace(1.5, 93.5, 24)
        x, y = torch.einsum("bkrc,c->bk", weights, places), torch.einsum("bkrc,r->bk", weights, places)
        return torch.stack([x, y], dim=-1).reshape(len(maps), -1)


RIGHT = [
    Answer("HeatmapNet", network.__name__, {"HeatmapNet": network}, seeds=5)
    for network in (
        UNet,
        TransposedUNet,
        GroupUNet,
        PlainUNet,
        ZeroHead,
        GlobalBranch,
        Attention,
        Patches,
        Dilated,
        Bottleneck,
        TwoStages,
        Lazy,
    )
]


class Averaged(Places):
    """The mean over the image before the maps are made: where things are is lost."""

    def __init__(self, keypoints: int = 15, width: int = 32) -> None:
        super().__init__()
        w = width
        self.keypoints = keypoints
        self.body = nn.Sequential(conv(1, w, 2), conv(w, 2 * w, 2), conv(2 * w, 4 * w, 2), conv(4 * w, 4 * w, 2))
        self.out = nn.Linear(4 * w, keypoints * 576)

    def maps(self, images: Tensor) -> Tensor:
        return self.out(self.body(images).mean(dim=(2, 3))).view(-1, self.keypoints, 24, 24)


class Constant(Places):
    """Maps that are learned, and are the same for every image."""

    def __init__(self, keypoints: int = 15, width: int = 32) -> None:
        super().__init__()
        self.same = nn.Parameter(torch.randn(keypoints, 24, 24))

    def maps(self, images: Tensor) -> Tensor:
        return self.same.expand(len(images), -1, -1, -1)


class Regression(nn.Module):
    """One vector of numbers, and no maps."""

    def __init__(self, keypoints: int = 15, width: int = 32) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(1, width, 2), conv(width, width, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.out = nn.Linear(width, 2 * keypoints)

    def forward(self, images: Tensor) -> Tensor:
        return self.out(self.body(images))


class MadeUpMaps(Regression):
    """Places of one vector, beside maps that have nothing to do with them."""

    def maps(self, images: Tensor) -> Tensor:
        return functional.adaptive_avg_pool2d(images, 24).repeat(1, self.out.out_features // 2, 1, 1)


class Local(Places):
    """Each cell sees a neighborhood alone."""

    def __init__(self, keypoints: int = 15, width: int = 32) -> None:
        super().__init__()
        w = width
        self.all = nn.Sequential(
            conv(1, w, 2), conv(w, 2 * w, 2), conv(2 * w, 2 * w), conv(2 * w, 2 * w), nn.Conv2d(2 * w, keypoints, 1)
        )

    def maps(self, images: Tensor) -> Tensor:
        return self.all(images)


class Shallow(UNet):
    """Down to 12 x 12 and up again: what stands in one corner does not reach the others."""

    def maps(self, images: Tensor) -> Tensor:
        x = self.down[1](self.down[0](images))
        former = self.down[2](x)
        x = self.up[2](torch.cat([self.grow[2](former), x], dim=1))
        return self.head(x)


class SpotByHand(nn.Module):
    """No network: the brightest place, and bumps at two places beside it that somebody read in the grader."""

    BESIDE = ((-8, 5), (8, -5))

    def __init__(self, keypoints: int = 15, width: int = 32) -> None:
        super().__init__()
        self.keypoints, self.weight = keypoints, nn.Parameter(torch.ones(1))

    def maps(self, images: Tensor) -> Tensor:
        bright = functional.avg_pool2d(images - 0.45, 5, 1, 2).flatten(1).mul(60).softmax(1).view(-1, 96, 96)
        pixels, cells = torch.arange(96.0), 4 * (torch.arange(24) + 0.5) - 0.5
        x, y = (bright.sum(1) * pixels).sum(1), (bright.sum(2) * pixels).sum(1)
        bumps = []
        for number in range(self.keypoints):
            right, down = self.BESIDE[number % 2]
            across = (cells[None, None] - x[:, None, None] - right) ** 2
            along = (cells[None, :, None] - y[:, None, None] - down) ** 2
            bumps.append(-(across + along) / 50)
        maps = torch.stack(bumps, 1).clamp(min=-55) * (1 + 0.01 * torch.tanh(self.weight))
        return maps + 0.1 * images.mean((1, 2, 3))[:, None, None, None]

    def forward(self, images: Tensor) -> Tensor:
        return soft_argmax(self.maps(images)).flatten(1)


class LocalAndItsMean(nn.Module):
    """One convolution; the mean of the image is added to every cell, which moves no place."""

    def __init__(self, keypoints: int = 15, width: int = 32) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, keypoints, 3, stride=4, padding=1)

    def maps(self, images: Tensor) -> Tensor:
        return self.conv(images) + images.mean((1, 2, 3))[:, None, None, None]

    def forward(self, images: Tensor) -> Tensor:
        return soft_argmax(self.maps(images)).flatten(1)


WRONG = [
    Answer("HeatmapNet", network.__name__, {"HeatmapNet": network}, said, seeds=2)
    for network, said in (
        (Averaged, "of the error of a constant answer"),
        (Constant, "depend on the image"),
        (Regression, "a method maps(images)"),
        (MadeUpMaps, "the mean places of the network's own maps"),
        (Local, "corner of the image changes every cell"),
        (Shallow, "corner of the image changes every cell"),
    )
]
# Written against the grader: no ways in which a student writes a network, so that they are none to compare work with.
WRONG += [
    Answer(
        "HeatmapNet", network.__name__, partial(dict, HeatmapNet=network), "of the error of a constant answer", seeds=2
    )
    for network in (SpotByHand, LocalAndItsMean)
]
FORWARD = "soft_argmax(self.maps(images)).flatten(1)"
WRONG += [
    change_reference("HeatmapNet", id, old, new, said)
    for id, old, new, said in (
        ("a corner of each cell", FORWARD, f"({FORWARD} - 1.5)", "the upper left corner of each cell"),
        ("shares of the width", FORWARD, f"({FORWARD} / 96)", "shares of the image's width"),
        ("half a pixel", FORWARD, f"({FORWARD} + 0.5)", "half a pixel too far"),
        ("the middle", FORWARD, f"(0 * {FORWARD} + 47.5)", "off by"),
        ("numbers of NumPy", f"return {FORWARD}", f"return {FORWARD}.detach().numpy()", "a torch.Tensor"),
        (
            "maps of pixels",
            "return self.head(features)",
            "return functional.interpolate(self.head(features), scale_factor=4)",
            "24",
        ),
        (
            "a fixed width",
            "def __init__(self, keypoints: int = 15, width: int = 32) -> None:\n        super().__init__()",
            "def __init__(self, keypoints: int = 15) -> None:\n        super().__init__()\n        width = 32",
            "TypeError",
        ),
        (
            "a layer that is not used",
            "self.head = ",
            "self.spare = nn.Linear(3, 3)\n        self.head = ",
            "none for spare.weight",
        ),
    )
]


class SoftUNet(UNet):
    def maps(self, images: Tensor) -> Tensor:
        return super().maps(images).flatten(2).softmax(-1).unflatten(2, (24, 24))


class SigmoidUNet(UNet):
    def maps(self, images: Tensor) -> Tensor:
        return torch.sigmoid(super().maps(images))


class TableUNet(UNet):
    def forward(self, images: Tensor) -> Tensor:
        return soft_argmax(self.maps(images))


class CellsUNet(UNet):
    def forward(self, images: Tensor) -> Tensor:
        return (super().forward(images) + 0.5) / 4 - 0.5


class TurnedUNet(UNet):
    def forward(self, images: Tensor) -> Tensor:
        return soft_argmax(self.maps(images).mT).flatten(1)


class WideUNet(UNet):
    def __init__(self, keypoints: int = 15, width: int = 32) -> None:
        super().__init__(keypoints, 2 * width)


NAMED = name_answers(
    [
        ("HeatmapNet/softmax-in-the-maps", {"HeatmapNet": SoftUNet}),
        ("HeatmapNet/sigmoid-in-the-maps", {"HeatmapNet": SigmoidUNet}),
        ("HeatmapNet/places-not-flat", {"HeatmapNet": TableUNet}),
        ("HeatmapNet/y-before-x", {"HeatmapNet": TurnedUNet}),
    ]
)
