"""From a student's parameters to the block or network they form, recomputed in NumPy.

The contract leaves open: biases of convolutions, batch normalization after the 1x1 shortcut, names and order of
the layers, which of the two 3x3 convolutions strides, the padding of the stem. So a comparison tries every
arrangement of the weights that fits their shapes; one of them has to give the student's output.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder.checks import numpy_layers as layers
from autograder.checks.numpy_layers import Block, Conv, Network, Norm

# float32 beside float64: outputs of a block or a small network of order 1 differ by less than 1e-5 (measured),
# the nearest mistake by more than 1e-2 somewhere.
TOLERANCE = {"rtol": 2e-4, "atol": 2e-4}

BLOCK_MISTAKES = (
    "relu before addition",
    "relu twice",
    "no final relu",
    "no shortcut",
    "no middle relu",
    "no norm",
    "no second norm",
    "relu before norm",
    "norm after addition",
    "subtracted",
)
NETWORK_MISTAKES = ("no stem norm", "no stem relu", "no pool", "max at the end", "sum at the end", "relu at the end")
# More layers than a right module has would make the orders to try too many.
MOST_NORMS, MOST_CONVS = 4, 12
STEM_PADDINGS = (3, 2, 1, 0)
POOLS = ((1, False), (0, False), (0, True))

Layers = list[dict[str, Any]]


def convs_of(found: Layers, size: int) -> list[Conv]:
    """Return the kernels of this size, each with the bias of its layer."""
    kernels = [layer for layer in found if layer["kind"] in ("conv", "other") and layer["weight"].ndim == 4]
    return [Conv(layer["weight"], layer["bias"]) for layer in kernels if layer["weight"].shape[2:] == (size, size)]


def _pointwise(found: Layers, out_channels: int, in_channels: int) -> list[Conv]:
    """Return the 1x1 kernels between these widths; one that belongs to no layer also with each bias it may have."""
    kernels = [conv for conv in convs_of(found, 1) if conv.kernel.shape[:2] == (out_channels, in_channels)]
    loose = [item["weight"] for item in found if item["kind"] == "other" and item["weight"].shape == (out_channels,)]
    return kernels + [Conv(conv.kernel, bias) for conv in kernels if conv.bias is None for bias in loose]


def has_norms(found: Layers) -> bool:
    """Return whether the student's module holds batch normalizations as layers, not as functions."""
    return any(layer["kind"] == "norm" for layer in found)


def _norms(found: Layers) -> Iterator[Norm]:
    keys = ("weight", "bias", "running_mean", "running_var")
    # One that keeps no running statistics still answers rightly in train mode.
    norms = [layer for layer in found if layer["kind"] == "norm" and layer["weight"] is not None]
    for layer in norms:
        zeros = np.zeros(layer["weight"].shape)
        values = [zeros if layer[key] is None else layer[key].astype(float) for key in keys]
        yield Norm(*values, layer["eps"])


def _norm_orders(found: Layers, channels: int, projects: bool) -> Iterator[tuple[Norm, Norm, Norm | None]]:
    """Yield the first, second and shortcut's normalization, in every order they may have.

    Normalizations written as functions own no layer: theirs are the fresh ones, which the probe leaves untouched.
    """
    norms, fresh = list(_norms(found)), layers.fresh_norm(channels)
    if len(norms) > MOST_NORMS:
        return
    if len(norms) < 2:
        yield fresh, fresh, None
        if projects:
            yield fresh, fresh, fresh
        return
    for order in itertools.permutations(norms, min(len(norms), 3 if projects else 2)):
        yield order[0], order[1], order[2] if len(order) == 3 else None


def _arrange_block(found: Layers, in_channels: int, out_channels: int, stride: int = 1) -> Iterator[Block]:
    """Yield every block that these weights could form."""
    convs = convs_of(found, 3)
    if len(convs) > MOST_CONVS:
        return
    projects = stride != 1 or in_channels != out_channels
    shortcuts: list[Conv | None] = list(_pointwise(found, out_channels, in_channels)) if projects else [None]
    placements = [(stride, 1), (1, stride)] if stride != 1 else [(1, 1)]
    pairs = [
        (first, second)
        for first, second in itertools.permutations(convs, 2)
        if first.kernel.shape[:2] == (out_channels, in_channels) and second.kernel.shape[:2] == (out_channels,) * 2
    ]
    for (conv1, conv2), shortcut, strides in itertools.product(pairs, shortcuts, placements):
        for norm1, norm2, shortcut_norm in _norm_orders(found, out_channels, projects):
            yield Block(conv1, norm1, conv2, norm2, shortcut, shortcut_norm, strides)


def agrees(got: np.ndarray, want: np.ndarray, tolerance: dict[str, float]) -> bool:
    """Return whether both have the same shape and values."""
    return got.shape == want.shape and bool(np.allclose(got, want, **tolerance))


def _nearest(got: np.ndarray, candidates: list[np.ndarray]) -> np.ndarray | None:
    """Return the candidate that differs least from ``got``, one of the same shape if there is any."""

    def distance(want: np.ndarray) -> float:
        return float(np.abs(got - want).mean()) if want.shape == got.shape else np.inf

    return min(candidates, key=distance, default=None)


def explain_block(
    answer: dict[str, Any], x: np.ndarray, args: list, train: bool
) -> tuple[np.ndarray | None, str | None]:
    """Return what the block should have answered, and the mistake that explains the answer.

    The mistake is "" for a right answer and None for an unknown mistake. The array is None where the weights
    can't form such a block.
    """
    got = answer["output"].array
    blocks = list(_arrange_block(answer["layers"], *args))
    right = []
    for block in blocks:
        right.append(layers.run_block(x, block, train))
        if agrees(got, right[-1], TOLERANCE):
            return right[-1], ""
    for mistake, block in itertools.product(BLOCK_MISTAKES, blocks):
        if agrees(got, layers.run_block(x, block, train, mistake), TOLERANCE):
            return _nearest(got, right), mistake
    return _nearest(got, right), None


def _heads(found: Layers, outputs: int, channels: int) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Yield weight and bias of the last layer: linear, a 1x1 convolution, or a matrix of its own."""
    loose = [item["weight"] for item in found if item["kind"] == "other" and item["weight"].shape == (outputs,)]
    for layer in found:
        weight = layer["weight"]
        if weight is None or layer["kind"] == "norm" or weight.shape[0] not in (outputs, channels):
            continue
        matrix = weight.reshape(weight.shape[0], -1)
        matrix = matrix if matrix.shape == (outputs, channels) else matrix.T
        if matrix.shape == (outputs, channels):
            for bias in [layer["bias"], *(loose if layer["kind"] == "other" else [])]:
                yield matrix, bias


def _arrange_network(found: Layers, channels: list[int], outputs: int) -> Iterator[Network]:
    """Yield every network of one block a stage that these weights could form, the usual paddings first."""
    widths = list(zip([channels[0], *channels], channels, strict=False))
    strides = [1] + [2] * (len(channels) - 1)
    plain = [layer for layer in found if layer["kind"] != "norm"]
    stages = [list(_arrange_block(plain, *width, stride)) for width, stride in zip(widths, strides, strict=True)]
    if len(convs_of(found, 3)) != 2 * len(channels):
        return
    stems, heads = convs_of(found, 7), list(_heads(found, outputs, channels[-1]))
    for padding, pool, stem, (weight, bias) in itertools.product(STEM_PADDINGS, POOLS, stems, heads):
        for blocks in itertools.product(*stages):
            placed = {block.strides[0] for block in blocks[1:]}
            normed = {block.shortcut_norm is None for block in blocks[1:]}
            if len(placed) == 1 and len(normed) == 1:
                yield Network(stem, padding, pool, blocks, weight, bias)


def explain_network(
    answer: dict[str, Any], x: np.ndarray, channels: list[int], outputs: int, block_mistake: str | None
) -> tuple[np.ndarray | None, str | None]:
    """As ``explain_block`` for a network of one block a stage; ``block_mistake`` is that of the student's own block."""
    got = answer["output"].array
    networks = list(_arrange_network(answer["layers"], channels, outputs))
    right = []
    for network in networks:
        right.append(layers.run_network(x, network, block_mistake=block_mistake))
        if agrees(got, right[-1], TOLERANCE):
            return right[-1], ""
    usual = [network for network in networks if network.stem_padding == STEM_PADDINGS[0] and network.pool == POOLS[0]]
    for mistake, network in itertools.product(NETWORK_MISTAKES, usual):
        if agrees(got, layers.run_network(x, network, mistake, block_mistake), TOLERANCE):
            return _nearest(got, right), mistake
    return _nearest(got, right), None
