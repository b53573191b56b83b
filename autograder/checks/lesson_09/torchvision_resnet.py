"""ResNet18 as torchvision has it: names and shapes of its weights, and what it answers, in NumPy."""

from __future__ import annotations

import itertools

import numpy as np

from autograder.checks.common import numpy_layers as layers
from autograder.checks.common.numpy_layers import Block, Conv, Head, Norm
from autograder.worker.tiled import tiled_weight

Shapes = dict[str, tuple[int, ...]]
Weights = dict[str, np.ndarray]
WIDTHS = (64, 128, 256, 512)


def _norm_shapes(name: str, channels: int) -> Shapes:
    shapes: Shapes = {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}
    return shapes | {f"{name}.num_batches_tracked": ()}


def state_shapes(outputs: int = 136, in_channels: int = 1) -> Shapes:
    """Return the name and shape of everything in torchvision's state_dict, in its order."""
    shapes: Shapes = {"conv1.weight": (64, in_channels, 7, 7), **_norm_shapes("bn1", 64)}
    before = 64
    for layer, width in enumerate(WIDTHS, start=1):
        for block in range(2):
            name, inner = f"layer{layer}.{block}", before if block == 0 else width
            shapes[f"{name}.conv1.weight"] = (width, inner, 3, 3)
            shapes |= _norm_shapes(f"{name}.bn1", width)
            shapes[f"{name}.conv2.weight"] = (width, width, 3, 3)
            shapes |= _norm_shapes(f"{name}.bn2", width)
            if inner != width:
                shapes[f"{name}.downsample.0.weight"] = (width, inner, 1, 1)
                shapes |= _norm_shapes(f"{name}.downsample.1", width)
        before = width
    return shapes | {"fc.weight": (outputs, 512), "fc.bias": (outputs,)}


def draw_tile(rng: np.random.Generator) -> np.ndarray:
    """Draw the numbers that weights are made of; a prime many, so that the rows of a weight differ."""
    return rng.standard_normal(65_521).astype(np.float32)


def weights_of(shapes: Shapes, tile: np.ndarray) -> Weights:
    """Return the weights that the probe fills in for the same tile."""
    return {name: tiled_weight(name, shape, tile, place) for place, (name, shape) in enumerate(shapes.items())}


def _norm(weights: Weights, name: str) -> Norm:
    parts = ("weight", "bias", "running_mean", "running_var")
    scale, shift, mean, var = (weights[f"{name}.{part}"].astype(float) for part in parts)
    return Norm(scale, shift, mean, var)


def _block(weights: Weights, name: str, stride: int) -> Block:
    shortcut = weights.get(f"{name}.downsample.0.weight")
    return Block(
        conv1=Conv(weights[f"{name}.conv1.weight"]),
        norm1=_norm(weights, f"{name}.bn1"),
        conv2=Conv(weights[f"{name}.conv2.weight"]),
        norm2=_norm(weights, f"{name}.bn2"),
        shortcut=None if shortcut is None else Conv(shortcut),
        shortcut_norm=None if shortcut is None else _norm(weights, f"{name}.downsample.1"),
        strides=(stride, 1),
    )


def run_network(x: np.ndarray, weights: Weights) -> np.ndarray:
    """Return the answers in eval mode to images (B, C, H, W): (B, outputs), float64."""
    out = layers.conv2d(x.astype(float), Conv(weights["conv1.weight"]), 2, 3)
    out = layers.relu(layers.batch_norm(out, _norm(weights, "bn1"), train=False))
    out = layers.max_pool(out, 3, 2, 1)
    for layer, block in itertools.product(range(1, 5), range(2)):
        stride = 2 if layer > 1 and block == 0 else 1
        out = layers.run_block(out, _block(weights, f"layer{layer}.{block}", stride), train=False)
    return layers.run_head(out, Head(weights["fc.weight"], weights["fc.bias"]))
