"""Predict with trained networks: each on the faces and on their mirrored copies, and the mean over all of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from data_scripts.files.errors import DataError
from data_scripts.heatmaps.faces import SIZE
from data_scripts.heatmaps.geometry import partners
from data_scripts.heatmaps.network import HeatmapNet
from data_scripts.training.state_file import read_state


@dataclass(frozen=True)
class Trained:
    """A trained network.

    Attributes:
        model: the network, in eval mode.
        names: the K keypoints.
        labelled: (sources, K) bool, what each source labels.
    """

    model: HeatmapNet
    names: tuple[str, ...]
    labelled: Tensor


def load_networks(folder: Path) -> list[Trained]:
    """Read the finished networks of a folder; DataError in a line where there is none or one can't be read."""
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder that train_heatmaps wrote, found none")
    paths = sorted(folder.glob("network_*.pt"))
    if not paths:
        begun = any(folder.glob("network_*.unfinished"))
        raise DataError(
            f"{folder}: expected a trained network, found {'one in training' if begun else 'none'}; "
            f"{'let train_heatmaps finish' if begun else 'train one with train_heatmaps'}"
        )
    networks = [load_network(path) for path in paths]
    for path, network in zip(paths, networks, strict=True):
        if network.names != networks[0].names:
            raise DataError(f"{path}: names other keypoints than {paths[0].name}; keep them in folders of their own")
    return networks


def load_network(path: Path) -> Trained:
    """Read one finished network; DataError in a line where it can't be read."""
    expected = "a network that train_heatmaps wrote"
    state = read_state(path, expected)
    try:
        model = HeatmapNet(len(state["names"]), len(state["labelled"]), state["width"], state["stride"])
        model.load_state_dict(state["weights"])
        return Trained(model.eval(), tuple(state["names"]), state["labelled"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{path}: expected {expected} ({error!r:.80})") from None


def predict(
    networks: Sequence[Trained],
    images: np.ndarray,
    sources: np.ndarray | None = None,
    *,
    mirrored: bool = True,
    offsets: bool = True,
    batch_size: int = 64,
) -> np.ndarray:
    """Predict the keypoints of faces.

    Args:
        networks: whose answers are averaged; all of the same keypoints.
        images: (N, 96, 96) uint8.
        sources: (N,) int, whose convention each face's points follow; None: the networks say how likely each is, and
            the answer is the mean.
        mirrored: whether to average with the mirrored copies.
        offsets: whether to add what the labels of a source are off.
        batch_size: faces at once.

    Returns:
        (N, K, 2) float32 pixels. A keypoint that a source never labels is answered as the others have it.
    """
    total = np.zeros((len(images), len(networks[0].names), 2), np.float32)
    starts = range(0, len(images), batch_size)
    with tqdm(total=len(networks) * len(starts), desc="predicting", unit="batch", file=sys.stdout) as bar:
        for network in networks:
            for start in starts:
                rows = slice(start, start + batch_size)
                known = None if sources is None else torch.from_numpy(np.asarray(sources[rows], np.int64))
                total[rows] += _predict_batch(network, images[rows], known, mirrored, offsets)
                bar.update()
    return total / len(networks)


@torch.no_grad()
def _predict_batch(
    network: Trained, images: np.ndarray, sources: Tensor | None, mirrored: bool, offsets: bool
) -> np.ndarray:
    model = network.model
    points, likely = _answer(model, torch.from_numpy(np.ascontiguousarray(images))[:, None].float() / 255)
    if mirrored:
        others, likely_too = _answer(model, torch.from_numpy(images[:, :, ::-1].copy())[:, None].float() / 255)
        others = others[:, :, partners(network.names)]
        # The offsets are not in these points, so that the image's own middle is the axis for every source.
        others = torch.stack([SIZE - 1 - others[..., 0], others[..., 1]], -1)
        points, likely = (points + others) / 2, (likely + likely_too) / 2
    if offsets:
        points = points + model.offsets
    if sources is not None:
        likely = torch.nn.functional.one_hot(sources, model.sources).float()
    # A tiny weight remains where the likely source never labels a point: another then answers alone.
    weights = (likely[:, :, None] + 1e-6) * network.labelled
    return ((points * weights[..., None]).sum(1) / weights.sum(1)[..., None]).numpy()


def _answer(model: HeatmapNet, images: Tensor) -> tuple[Tensor, Tensor]:
    """(B, 1, 96, 96) -> points (B, sources, K, 2) without offsets, how likely each source is (B, sources)."""
    maps, sources = model(images.contiguous(memory_format=model.order))
    return model.points(maps), sources.softmax(1)
