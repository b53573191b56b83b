"""A small training of landmarks, alone or under torchrun: writes its history and a digest of its weights to a file.

torchrun --nproc-per-node 2 -m tests.data.small_landmarks OUT.json [--checkpoint FILE.pt] [--epochs N] [--private-norms]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

from data_scripts.training import processes
from data_scripts.training.crops import Crops
from data_scripts.training.landmarks import History, predict, start_at_mean, train_network
from data_scripts.training.recipe import Recipe


class SmallNetwork(nn.Module):
    """Two convolutions, each with a normalization, and a linear layer called fc."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 4, 3, 2, bias=False), nn.BatchNorm2d(4)
        self.layer1 = nn.Sequential(nn.Conv2d(4, 8, 3, 2, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.fc = nn.Linear(8, 136)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.layer1(torch.relu(self.bn1(self.conv1(x)))).mean(dim=(2, 3)))


def draw_crops(count: int, seed: int) -> Crops:
    """Draw noise, brighter to one side, and points that follow the brightness."""
    rng = np.random.default_rng(seed)
    shift = rng.normal(0, 1, (count, 2)).astype(np.float32)
    ramp = np.linspace(-1, 1, 32, dtype=np.float32)
    images = 0.5 + 0.2 * (shift[:, 0, None, None] * ramp + shift[:, 1, None, None] * ramp[:, None])
    images += rng.normal(0, 0.05, images.shape).astype(np.float32)
    points = rng.uniform(8, 24, (1, 68, 2)).astype(np.float32) + 2 * shift[:, None]
    boxes = tuple((0, 0, 32, 32) for _ in range(count))
    return Crops(torch.from_numpy(images[:, None]), torch.from_numpy(points), boxes, points)


def train(recipe: Recipe, checkpoint: Path | None) -> tuple[History, SmallNetwork, np.ndarray]:
    """Train the small network; return the history, the network and its predictions for the validation faces."""
    # 27 faces: the last batch of each epoch is smaller, and odd.
    faces, val = draw_crops(27, 1), draw_crops(9, 2)
    torch.manual_seed(recipe.seed)
    model = SmallNetwork()
    start_at_mean(model, faces)

    def score(found: np.ndarray) -> float:
        return float(np.abs(found - val.truth).mean())

    history = train_network(model, faces, val, recipe, score, checkpoint, say=lambda line: None)
    return history, model, predict(model, val)


def main() -> int:
    """Train and write what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--private-norms", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recipe = Recipe(epochs=arguments.epochs, batch_size=8, lr=0.01, size=32)
    share = mock.patch.object(processes, "_share_norms") if arguments.private_norms else mock.MagicMock()
    with processes.process_group(), share:
        history, model, found = train(recipe, arguments.checkpoint)
        if processes.number() == 0:
            weights = {name: value.flatten().tolist() for name, value in model.state_dict().items()}
            result = {"processes": processes.count(), "history": history, "weights": weights, "found": found.tolist()}
            arguments.out.write_text(json.dumps(result), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
