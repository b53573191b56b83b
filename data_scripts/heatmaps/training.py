"""One network in training: the faces of every step and how they move, the loss, the averaged weights.

What happens in a step depends on the seed, the network's number and the step alone, so that a training that goes on
from its checkpoint ends with the very weights of one that was never interrupted.
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from data_scripts.heatmaps.disturbing import Disturbance, disturb
from data_scripts.heatmaps.faces import SIZE, Faces
from data_scripts.heatmaps.geometry import draw_motion, partners
from data_scripts.heatmaps.network import HeatmapNet
from data_scripts.training.motion import move_images, move_points


@dataclass(frozen=True)
class Recipe:
    """What a training depends on, beside its faces, its seed and its number of steps.

    Attributes:
        width: channels of the maps of 24 × 24.
        stride: pixels from one cell of a map to the next.
        batch: faces in a step.
        dense_share: how many of them come from the source that labels (nearly) everything, on average.
        peak: the highest learning rate.
        warmup: the share of the steps in which the rate rises.
        weight_decay: of the convolutions.
        degrees, scale, shift, gamma: standard deviations of how far a face is turned, scaled (logarithm), shifted
            (pixels) and lightened (logarithm of the exponent).
        beta: the error in pixels where the loss changes from a square to a line.
        map_weight: how much the maps themselves count in the loss, beside the points that are read from them.
        source_weight: how much telling the label sources apart counts in the loss.
        offset_haste: how many times the rate of the weights the offsets learn with.
        average: how much of the averaged weights a step keeps.
        disturbance: what else happens to the pictures, for faces that are to carry over to others; None: nothing.
    """

    width: int = 32
    stride: int = 4
    batch: int = 16
    dense_share: float = 0.4
    peak: float = 3e-3
    warmup: float = 0.25
    weight_decay: float = 0.05
    degrees: float = 6.0
    scale: float = 0.06
    shift: float = 2.0
    gamma: float = 0.2
    beta: float = 2.0
    map_weight: float = 1.0
    source_weight: float = 0.1
    offset_haste: float = 10.0
    average: float = 0.998
    disturbance: Disturbance | None = None


class Training:
    """One network in training.

    Args:
        faces: what it learns from.
        recipe: how.
        seed: (seed, number of the network).
    """

    def __init__(self, faces: Faces, recipe: Recipe, seed: tuple[int, int]) -> None:
        self.faces, self.recipe, self.seed = faces, recipe, seed
        self.images = torch.from_numpy(faces.images)[:, None]
        self.keypoints = torch.from_numpy(faces.keypoints)
        self.sources = torch.from_numpy(faces.sources)
        # The source that labels most comes first: it is the one whose share is set.
        finite = np.isfinite(faces.keypoints).all(2).mean(1)
        by_source = [np.flatnonzero(faces.sources == source) for source in range(int(faces.sources.max()) + 1)]
        self.by_source = sorted(by_source, key=lambda rows: -float(finite[rows].mean()))
        self.swap = partners(faces.names)
        self.model = self._network()
        self.averaged = self._network()
        self.averaged.load_state_dict(self.model.state_dict())
        self.averaged.requires_grad_(False)
        # Scales and biases stay free: decay would pull the maps' contrast and the offsets towards 0.
        others = [p for p in self.model.parameters() if p.ndim != 4 and p is not self.model.offsets]
        groups = [
            {"params": [p for p in self.model.parameters() if p.ndim == 4], "weight_decay": recipe.weight_decay},
            {"params": others, "weight_decay": 0.0},
            {"params": [self.model.offsets], "weight_decay": 0.0},
        ]
        # Adam's steps are as long as the rate: offsets are pixels, not weights, and have further to go.
        self.haste = (1.0, 1.0, recipe.offset_haste)
        self.optimizer = torch.optim.AdamW(groups, lr=recipe.peak, fused=True)
        self.step = 0
        self.half = False

    def _network(self) -> HeatmapNet:
        # The weights' first values come from torch's one generator, whose state is put back afterwards.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.SeedSequence(self.seed).generate_state(1)[0]))
            return HeatmapNet(
                len(self.faces.names), int(self.faces.sources.max()) + 1, self.recipe.width, self.recipe.stride
            )

    def _rows(self, step: int) -> Tensor:
        """Return which faces a step learns from: each source has its share of them, whatever its share of the file."""
        rng = np.random.default_rng([*self.seed, 0, step])
        if len(self.by_source) == 1:
            return torch.from_numpy(rng.choice(self.by_source[0], self.recipe.batch))
        rest = np.array([len(rows) for rows in self.by_source[1:]], float)
        shares = [self.recipe.dense_share, *((1 - self.recipe.dense_share) * rest / rest.sum())]
        counts = rng.multinomial(self.recipe.batch, shares)
        drawn = [rng.choice(rows, count) for rows, count in zip(self.by_source, counts, strict=True)]
        return torch.from_numpy(np.concatenate(drawn))

    def loss(self, step: int) -> tuple[Tensor, Tensor]:
        """Return the loss of a step, and the part of it that comes from the points."""
        recipe, rng = self.recipe, np.random.default_rng([*self.seed, 1, step])
        rows = self._rows(step)
        images, sources = self.images[rows].float() / 255, self.sources[rows]
        motion = draw_motion(len(rows), rng, recipe.degrees, recipe.scale, recipe.shift)
        exponents = torch.from_numpy(rng.standard_normal((len(rows), 1, 1, 1), np.float32)) * recipe.gamma
        images = move_images(images, motion).clamp(1e-3, 1) ** exponents.exp()
        if recipe.disturbance is not None:
            images = disturb(images, rng, recipe.disturbance)
        # Points move with the features, so what their source adds to them is taken off before, not after.
        truth = move_points(self.keypoints[rows] - self.model.offsets[sources], motion, self.swap, (SIZE, SIZE))
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            maps, found_sources = self.model(images.contiguous(memory_format=self.model.order))
        maps = maps[torch.arange(len(rows)), sources]  # (B, K, h, w): of each face the maps of its own source
        found = self.model.points(maps)
        labelled = truth.isfinite()
        error = F.smooth_l1_loss(found[labelled], truth[labelled], beta=recipe.beta)
        # A place has two numbers to be wrong in, a map has a cell for every place: it learns sooner where to be bright.
        shape = recipe.map_weight * map_loss(maps, truth.detach(), recipe.stride)
        return error + shape + recipe.source_weight * F.cross_entropy(found_sources, sources), error.detach()

    def take_step(self, rate: float) -> float:
        """Take the next step at this learning rate; return its loss."""
        for group, haste in zip(self.optimizer.param_groups, self.haste, strict=True):
            group["lr"] = haste * rate
        self.optimizer.zero_grad()
        loss, error = self.loss(self.step)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        self._average()
        self.step += 1
        return float(error)

    @torch.no_grad()
    def _average(self) -> None:
        """Move the averaged weights a little towards the present ones; at first by much, as there is no past yet."""
        keep = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        for mean, present in zip(self.averaged.state_dict().values(), self.model.state_dict().values(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(present, 1 - keep)
            else:
                mean.copy_(present)

    def state(self) -> dict[str, Any]:
        """Return everything that the next step depends on."""
        return {
            "step": self.step,
            "half": self.half,
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` returned."""
        self.step, self.half = state["step"], state["half"]
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])

    def stamp(self) -> dict[str, Any]:
        """Return what must agree for a training to go on."""
        arrays = (self.faces.images, self.faces.keypoints, self.faces.sources)
        checks = [zlib.crc32(np.ascontiguousarray(array).tobytes()) for array in arrays]
        # What a recipe leaves out is not named, so that a training begun before there was a name for it goes on.
        recipe = {name: value for name, value in asdict(self.recipe).items() if value is not None}
        return {"recipe": recipe, "seed": list(self.seed), "faces": checks}

    def result(self) -> dict[str, Any]:
        """Return the finished network as ``predicting`` reads it."""
        return {
            "names": list(self.faces.names),
            "labelled": torch.from_numpy(self.faces.labelled()),
            "width": self.recipe.width,
            "stride": self.recipe.stride,
            "weights": self.averaged.state_dict(),
        }


def map_loss(maps: Tensor, points: Tensor, stride: int) -> Tensor:
    """Return the cross-entropy of maps (B, K, h, w) with bumps, one cell wide, about the points (B, K, 2) labelled."""
    centers = stride * (torch.arange(maps.shape[-1]) + 0.5) - 0.5  # maps are as high as wide
    across, down = (-((centers - points[..., axis, None]) ** 2) / (2 * stride**2) for axis in (0, 1))  # (B, K, cells)
    wanted = (down[..., :, None] + across[..., None, :]).flatten(2).nan_to_num().softmax(2)  # (B, K, h * w)
    each = -(wanted * F.log_softmax(maps.flatten(2), 2)).sum(2)  # (B, K)
    return each[points.isfinite().all(2)].mean()
