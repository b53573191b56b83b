"""From a student's parameters to the stage that they form, recomputed in NumPy as in ``residual_weights``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograder.checks.common import numpy_layers as layers
from autograder.checks.lesson_03 import residual_weights as weights
from autograder.checks.lesson_03.residual_weights import Layers

# Arrangements that are tried: more than a stage of three blocks of one width has.
MOST_STAGES = 800
Sizes = Sequence[Sequence[int]]


def block_sizes(in_channels: int, out_channels: int, blocks: int, stride: int) -> Sizes:
    """Return in_channels, out_channels and stride of each block of a stage."""
    return [(in_channels, out_channels, stride), *[(out_channels, out_channels, 1)] * (blocks - 1)]


def follow_stage(
    x: np.ndarray, found: Layers, sizes: Sizes, normed: bool, mistake: str | None, used: frozenset[int] = frozenset()
) -> Iterator[np.ndarray]:
    """Yield what every stage of blocks of these sizes makes of ``x``, each kernel in one place at most."""
    if not sizes:
        yield x
        return
    left = [layer for number, layer in enumerate(found) if number not in used]
    numbers = {id(layer["weight"]): number for number, layer in enumerate(found)}
    for block in weights.arrange_block(left, sizes[0]):
        if block.shortcut is None or (block.shortcut_norm is not None) == normed:
            taken = [conv for conv in (block.conv1, block.conv2, block.shortcut) if conv is not None]
            also_used = used | {numbers[id(conv.kernel)] for conv in taken}
            out = layers.run_block(x, block, True, mistake)
            yield from follow_stage(out, found, sizes[1:], normed, mistake, also_used)


def stages_of(answer: dict[str, Any], x: np.ndarray, sizes: Sizes, mistake: str | None) -> Iterator[np.ndarray]:
    """Yield what the stages that the answer's weights can form make of ``x``, with fresh norms."""
    plain = [layer for layer in answer["layers"] if layer["kind"] != "norm"]
    for normed in (False, True):
        yield from itertools.islice(follow_stage(x, plain, sizes, normed, mistake), MOST_STAGES)


def explain_stage(
    answer: dict[str, Any], x: np.ndarray, sizes: Sizes, block_mistake: str | None
) -> tuple[np.ndarray | None, bool]:
    """Return what a stage of blocks of these sizes should have answered, and whether it did.

    ``block_mistake`` is that of the student's own block. The array is None where the weights can't form such a stage.
    """
    got, right = answer["output"].array, []
    for mistake in dict.fromkeys((None, block_mistake)):
        for want in stages_of(answer, x, sizes, mistake):
            right.append(want)
            if weights.agrees(got, want):
                return want, True
    return weights.nearest(got, right), False


def resembles_stage(answer: dict[str, Any], x: np.ndarray, sizes: Sizes) -> bool:
    """Return whether the answer resembles that of a stage of blocks of these sizes."""
    got = answer["output"].array
    return any(weights.resembles(got, want) for want in stages_of(answer, x, sizes, None))


def networks_of_one_stage(
    answer: dict[str, Any], x: np.ndarray, sizes: Sizes, outputs: int, block_mistake: str | None
) -> Iterator[np.ndarray]:
    """Yield what the networks of one stage that the answer's weights can form make of ``x``.

    Only the usual padding of the stem: another moves the maps by a pixel, and makes no other network of it.
    """
    found = answer["layers"]
    heads = list(weights.heads_of(found, outputs, sizes[-1][1]))
    for stem in weights.stems_of(found)[: len(weights.POOLS)]:
        for maps in stages_of(answer, layers.run_stem(x, stem), sizes, block_mistake):
            yield from (layers.run_head(maps, head, mistake) for head in heads for mistake in (None, "max at the end"))
            for head in weights.flat_heads_of(found, outputs, maps[0].size):
                yield layers.run_head(maps, head, "flattened")
