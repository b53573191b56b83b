"""Networks as a page wants them: one face in, keypoints in pixels out, and one map for each that adds up to 1."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from data_scripts.heatmaps.faces import SIZE
from data_scripts.heatmaps.geometry import soft_argmax
from data_scripts.heatmaps.predicting import Trained


def _shares(logits: Tensor) -> Tensor:
    """(..., h, w) -> the same shape, each map the softmax over its cells."""
    return logits.flatten(-2).softmax(-1).view_as(logits)


class MapsAndPoints(nn.Module):
    """Lesson 10's network, which answers with ``maps``: (B, 1, 96, 96) -> (B, K, h, w) logits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 1, 96, 96) in [0, 1] -> keypoints (1, K, 2) pixels and maps (1, K, h, w)."""
        logits = self.model.maps(image)  # type: ignore[operator]  # a method of the student's
        return soft_argmax(logits, SIZE / logits.shape[-1]), _shares(logits)


class Points(nn.Module):
    """Lesson 05's network, whose last layer is linear: points alone, (B, 1, 96, 96) -> (B, 2 * K) pixels."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> Tensor:
        """(1, 1, 96, 96) in [0, 1] -> keypoints (1, K, 2) pixels."""
        points: Tensor = self.model(image).view(1, -1, 2)
        return points


class TrainedOutput(nn.Module):
    """A network of ``train_heatmaps``: the maps of its label sources mixed, each by how likely it is."""

    def __init__(self, trained: Trained) -> None:
        super().__init__()
        self.model = trained.model
        self.labelled: Tensor
        self.register_buffer("labelled", trained.labelled.float())

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 1, 96, 96) in [0, 1] -> keypoints (1, K, 2) pixels, as ``predict`` has them, and maps (1, K, h, w)."""
        logits, sources = self.model(image)
        points = self.model.points(logits) + self.model.offsets
        # As in `predict`: a tiny weight remains where the likely source never labels a point.
        weights = (sources.softmax(1)[:, :, None] + 1e-6) * self.labelled  # (1, sources, K)
        weights = weights / weights.sum(1, keepdim=True)
        return (points * weights[..., None]).sum(1), (_shares(logits) * weights[..., None, None]).sum(1)


def wrap(model: nn.Module) -> MapsAndPoints | Points:
    """Wrap a network of lesson 05 or 10, by whether it has ``maps``."""
    return MapsAndPoints(model) if callable(getattr(model, "maps", None)) else Points(model)


def own_points(wrapped: nn.Module, image: Tensor) -> Tensor:
    """Return the keypoints as the network itself answers, whatever the page's form makes of its maps: (1, K, 2)."""
    with torch.no_grad():
        if isinstance(wrapped, MapsAndPoints | Points):
            points: Tensor = wrapped.model(image).view(1, -1, 2)
            return points
        return answers(wrapped, image)[0]


def answers(wrapped: nn.Module, image: Tensor) -> tuple[Tensor, ...]:
    """Return the keypoints of one face, and its maps where the network has them."""
    with torch.no_grad():
        found = wrapped(image)
    return found if isinstance(found, tuple) else (found,)
