"""ResNet18 as torchvision has it: names and shapes of its weights, and what it answers, in NumPy."""

from __future__ import annotations

import numpy as np

from autograder.checks.common.numpy_layers import (
    Block,
    Conv,
    Head,
    Norm,
    batch_norm,
    conv2d,
    max_pool,
    relu,
    run_block,
    run_head,
)
from autograder.worker.tiled import tiled_weight

Shapes = dict[str, tuple[int, ...]]
Weights = dict[str, np.ndarray]
WIDTHS = (64, 128, 256, 512)

HINTS = {
    "no pool": "The stem lacks its max-pooling.",
    "average pool": "The stem pools by the average; torchvision takes the largest.",
    "no stem relu": "The stem lacks its ReLU, between the normalization and the pooling.",
    "no stem norm": "The stem's normalization is there, and forward never calls it.",
    "no middle relu": "In the block the ReLU between the two convolutions is missing.",
    "no final relu": "In the block nothing follows the addition; a ReLU does.",
    "relu before addition": "In the block the last ReLU comes before the addition; it follows it.",
    "relu before norm": "In the block the ReLU comes before the normalization; it follows it.",
    "no shortcut": "The block's input is never added to what comes out of its layers.",
    "one norm twice": "forward calls the first normalization of the block twice, and the second one never.",
    "late stride": "The stride belongs to the first convolution of a block, not to the second.",
    "max at the end": "The maps are pooled by their maximum at the end; it is their average.",
    "relu at the end": "A ReLU follows the last layer, and no coordinate below 0 can come out of it.",
}


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
    return Norm(*(weights[f"{name}.{part}"].astype(float) for part in parts))


def _block(weights: Weights, name: str, stride: int, late: bool) -> Block:
    shortcut = weights.get(f"{name}.downsample.0.weight")
    return Block(
        conv1=Conv(weights[f"{name}.conv1.weight"]),
        norm1=_norm(weights, f"{name}.bn1"),
        conv2=Conv(weights[f"{name}.conv2.weight"]),
        norm2=_norm(weights, f"{name}.bn2"),
        shortcut=None if shortcut is None else Conv(shortcut),
        shortcut_norm=None if shortcut is None else _norm(weights, f"{name}.downsample.1"),
        strides=(1, stride) if late else (stride, 1),
    )


def run_network(x: np.ndarray, weights: Weights, mistake: str | None = None) -> np.ndarray:
    """Return the answers in eval mode to images (B, C, H, W), or what they would be with one of the mistakes."""
    out = conv2d(x.astype(float), Conv(weights["conv1.weight"]), 2, 3)
    out = out if mistake == "no stem norm" else batch_norm(out, _norm(weights, "bn1"), train=False)
    out = out if mistake == "no stem relu" else relu(out)
    if mistake == "average pool":
        padded = np.pad(out, ((0, 0), (0, 0), (1, 1), (1, 1)))
        out = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))[:, :, ::2, ::2].mean(axis=(4, 5))
    elif mistake != "no pool":
        out = max_pool(out, 3, 2, 1)
    for layer in range(1, 5):
        for block in range(2):
            stride = 2 if layer > 1 and block == 0 else 1
            found = _block(weights, f"layer{layer}.{block}", stride, mistake == "late stride")
            out = run_block(out, found, train=False, mistake=mistake)
    return run_head(out, Head(weights["fc.weight"], weights["fc.bias"]), mistake)


def explain(output: np.ndarray, x: np.ndarray, weights: Weights) -> str | None:
    """Return the hint of the mistake that answers ``output`` to ``x``; None where none does."""
    for mistake, hint in HINTS.items():
        wrong = run_network(x, weights, mistake)
        if wrong.shape == output.shape and np.allclose(output, wrong, rtol=1e-3, atol=1e-3 * np.abs(wrong).max()):
            return hint
    return None
