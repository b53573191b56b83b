"""ResNet18 as torchvision has it: names and shapes of its weights, and what it answers, in NumPy."""

from __future__ import annotations

import itertools

import numpy as np

from autograder.checks.common import numpy_layers as layers
from autograder.checks.common.numpy_layers import Block, Conv, Head, Norm
from autograder.worker.tiled import gentle_weight, tiled_weight

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


def gentle(weights: Weights) -> Weights:
    """Return the gentle weights that the probe fills in for the same tile."""
    return {name: gentle_weight(name, weight) for name, weight in weights.items()}


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


def run_network(x: np.ndarray, weights: Weights, train: bool = False, padding: int = 3) -> np.ndarray:
    """Return the answers to images (B, C, H, W): (B, outputs), float64; ``padding`` is that of the first layer."""
    out = layers.conv2d(x.astype(float), Conv(weights["conv1.weight"]), 2, padding)
    out = layers.relu(layers.batch_norm(out, _norm(weights, "bn1"), train))
    out = layers.max_pool(out, 3, 2, 1)
    for name, stride in BLOCKS.items():
        out = layers.run_block(out, _block(weights, name, stride), train)
    return layers.run_head(out, Head(weights["fc.weight"], weights["fc.bias"]))


# The blocks in their order, with their strides.
BLOCKS = {
    f"layer{layer}.{block}": 2 if layer > 1 and block == 0 else 1
    for layer, block in itertools.product(range(1, 5), range(2))
}


def run_gently(pixels: np.ndarray, weights: Weights, mistake: str | None = None) -> np.ndarray:
    """Return the answers to images (B, C, 1, 1) of a network with gentle weights, or what a mistake makes of them.

    Of every kernel only the middle counts where a map is a single pixel.
    """
    out = pixels[:, :, 0, 0].astype(float) @ _middle(weights["conv1.weight"]).T
    out = out / 9 if mistake == "average pool" else out
    for name in BLOCKS:
        out = run_block_gently(out, weights, name, mistake)
    return layers.run_head(out[:, :, None, None], Head(weights["fc.weight"], weights["fc.bias"]), mistake)


def one_block_twice(weights: Weights) -> Weights:
    """Return what the weights become where one block stands in both places of layer1: the second's were put in last.

    The blocks of the other layers differ in their shapes.
    """
    return {name: weights[name.replace("layer1.0.", "layer1.1.")] for name in weights}


def run_block_gently(maps: np.ndarray, weights: Weights, name: str, mistake: str | None = None) -> np.ndarray:
    """Return what a block with gentle weights makes of maps (B, C) of a single pixel."""
    inner = maps @ _middle(weights[f"{name}.conv1.weight"]).T @ _middle(weights[f"{name}.conv2.weight"]).T
    if mistake == "no shortcut":
        return inner
    shortcut = weights.get(f"{name}.downsample.0.weight")
    return inner + (maps if shortcut is None else maps @ _middle(shortcut).T)


def _middle(kernel: np.ndarray) -> np.ndarray:
    """Return the middle of kernels (out, in, h, w): (out, in) float64."""
    return kernel[:, :, kernel.shape[2] // 2, kernel.shape[3] // 2].astype(float)
