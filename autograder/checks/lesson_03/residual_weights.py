"""From a student's parameters to the block or network they form, recomputed in NumPy.

The contract leaves open: biases of convolutions, batch normalization after the 1x1 shortcut, names and order of
the layers, the padding of the stem. So a comparison tries every arrangement of the weights that fits their shapes;
one of them has to give the student's output. The weights themselves were drawn on this side.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks.common import numpy_layers as layers
from autograder.checks.common.numpy_layers import Block, Conv, Head, Norm, Stem
from autograder.checks.lesson_03.residual_mistakes import (
    BLOCK_MISTAKES,
    NETWORK_MISTAKES,
    STEM_MISTAKES,
    can_be_computed,
)

# Of a student's answer, relative and absolute: float32 through a few layers beside float64.
TOLERANCE = 2e-4
# How far what a module with a mistake answers must go along with what it should: a correlation.
RESEMBLANCE, BLOCK_RESEMBLANCE, NETWORK_RESEMBLANCE = 0.5, 0.75, 0.35

# More layers than a right module has would make the orders to try too many.
MOST_NORMS, MOST_CONVS = 4, 12
MOST_BLOCKS, MOST_NETWORKS = 2000, 3000
STEM_PADDINGS = (3, 2, 1, 0)
POOLS = ((1, False), (0, True), (0, False))

Layers = list[dict[str, Any]]


def convs_of(found: Layers, size: int) -> list[Conv]:
    """Return the kernels of this size, each with the bias of its layer."""
    kernels = [layer for layer in found if layer["kind"] in ("conv", "other") and layer["weight"].ndim == 4]
    return [Conv(layer["weight"], layer["bias"]) for layer in kernels if layer["weight"].shape[2:] == (size, size)]


def _loose(found: Layers, channels: int) -> list[np.ndarray]:
    """Return the vectors that belong to no layer and so may be a bias; each value once, and no zeros."""
    vectors = {
        item["weight"].tobytes(): item["weight"]
        for item in found
        if item["kind"] == "other" and item["weight"].shape == (channels,) and item["weight"].any()
    }
    return list(vectors.values())[:MOST_CONVS]


def _with_loose_biases(convs: Iterable[Conv], found: Layers) -> list[Conv]:
    """Return the convolutions, those without a bias also with each that they may have."""
    convs = list(convs)
    bare = [conv for conv in convs if conv.bias is None]
    return convs + [Conv(conv.kernel, bias) for conv in bare for bias in _loose(found, len(conv.kernel))]


def _norms(found: Layers, channels: int) -> Iterator[Norm]:
    """Yield the normalizations of so many channels; without a scale, a shift or statistics they have fresh ones."""
    keys = ("weight", "bias", "running_mean", "running_var")
    fresh = layers.fresh_norm(channels)
    neutral = (fresh.scale, fresh.shift, fresh.mean, fresh.var)
    for layer in found:
        if layer["kind"] == "norm" and layer["channels"] == channels:
            values = [usual if layer[key] is None else layer[key] for key, usual in zip(keys, neutral, strict=True)]
            scale, shift, mean, var = (value.astype(float) for value in values)
            yield Norm(scale, shift, mean, var, layer["eps"])


def _norm_orders(found: Layers, channels: int, projects: bool) -> Iterator[tuple[Norm, Norm, Norm | None]]:
    """Yield the first, second and shortcut's normalization, in every order they may have.

    Normalizations written as functions own no layer: theirs are the fresh ones, which the probe leaves untouched.
    """
    norms, fresh = list(_norms(found, channels)), layers.fresh_norm(channels)
    if len(norms) > MOST_NORMS:
        return
    for places in (2, 3) if projects else (2,):
        seen = set()
        for order in itertools.permutations(norms + [fresh] * (places - len(norms)), places):
            names = tuple(map(id, order))
            if names not in seen:
                seen.add(names)
                yield order[0], order[1], order[2] if places == 3 else None


def arrange_block(
    found: Layers, args: Sequence[int], train: bool = True, projects: bool | None = None
) -> Iterator[Block]:
    """Yield every block of in_channels, out_channels and stride ``args`` that these weights could form.

    ``projects`` says whether its shortcut has a convolution; None: where it is due.
    """
    in_channels, out_channels, stride = args
    convs = convs_of(found, 3)
    if max(len(convs), len(convs_of(found, 1))) > MOST_CONVS:
        return
    if not train:
        # In train mode a normalization takes away whatever bias its convolution has.
        convs = _with_loose_biases(convs, found)
    projects = stride != 1 or in_channels != out_channels if projects is None else projects
    pointwise = [conv for conv in convs_of(found, 1) if conv.kernel.shape[:2] == (out_channels, in_channels)]
    shortcuts: list[Conv | None] = list(_with_loose_biases(pointwise, found)) if projects else [None]
    pairs = [
        (first, second)
        for first, second in itertools.permutations(convs, 2)
        if first.kernel.shape[:2] == (out_channels, in_channels)
        and second.kernel.shape[:2] == (out_channels,) * 2
        # The same kernel with two biases is one convolution.
        and first.kernel is not second.kernel
    ]
    for (conv1, conv2), shortcut in itertools.product(pairs, shortcuts):
        for norm1, norm2, shortcut_norm in _norm_orders(found, out_channels, projects):
            yield Block(conv1, norm1, conv2, norm2, shortcut, shortcut_norm, (stride, 1))


def agrees(got: np.ndarray, want: np.ndarray) -> bool:
    """Return whether both have the same shape and, within the tolerance, the same values."""
    return got.shape == want.shape and bool(np.allclose(got, want, rtol=TOLERANCE, atol=TOLERANCE))


def resembles(got: np.ndarray, want: np.ndarray, least: float = RESEMBLANCE) -> bool:
    """Return whether both go up and down together: so does a module with a mistake, and nothing that is made up.

    What all images of a batch share is taken off first: a bias alone says nothing.
    """
    if got.shape != want.shape:
        return False
    one, other = (array.astype(float) - array.mean(axis=0, dtype=float) for array in (got, want))
    size = np.linalg.norm(one) * np.linalg.norm(other)
    return bool(np.isfinite(size) and size > 0 and np.sum(one * other) / size > least)


def nearest(got: np.ndarray, candidates: list[np.ndarray]) -> np.ndarray | None:
    """Return the candidate that differs least from ``got``, one of the same shape if there is any."""

    def distance(want: np.ndarray) -> float:
        return float(np.abs(got - want).mean()) if want.shape == got.shape else np.inf

    return min(candidates, key=distance, default=None)


def explain_block(
    answer: dict[str, Any], x: np.ndarray, args: list[int], train: bool
) -> tuple[np.ndarray | None, str | None]:
    """Return what the block should have answered, and the mistake that explains the answer.

    The mistake is "" for a right answer and None for an unknown mistake. The array is None where the weights
    can't form such a block.
    """
    got = answer["output"].array
    blocks = list(itertools.islice(arrange_block(answer["layers"], args, train), MOST_BLOCKS))
    right = []
    for block in blocks:
        right.append(layers.run_block(x, block, train))
        if agrees(got, right[-1]):
            return right[-1], ""
    for mistake, block in itertools.product(BLOCK_MISTAKES, blocks):
        if can_be_computed(mistake, args, x.shape[2]) and agrees(got, layers.run_block(x, block, train, mistake)):
            return nearest(got, right), mistake
    if not blocks:
        # Who adds nothing may have nothing to add.
        for block in itertools.islice(arrange_block(answer["layers"], args, train, projects=False), MOST_BLOCKS):
            if agrees(got, layers.run_block(x, block, train, "no shortcut")):
                return None, "no shortcut"
    return nearest(got, right), None


def heads_of(found: Layers, outputs: int, channels: int) -> Iterator[Head]:
    """Yield the last layer: linear, a 1x1 convolution, or a matrix of its own."""
    for layer in found:
        weight = layer["weight"]
        if weight is None or layer["kind"] == "norm" or weight.shape[0] not in (outputs, channels):
            continue
        matrix = weight.reshape(weight.shape[0], -1)
        matrix = matrix if matrix.shape == (outputs, channels) else matrix.T
        if matrix.shape == (outputs, channels):
            for bias in [layer["bias"], *(_loose(found, outputs) if layer["kind"] == "other" else [])]:
                yield Head(matrix, bias)


def flat_heads_of(found: Layers, outputs: int, numbers: int) -> Iterator[Head]:
    """Yield the linear layers that take every one of so many numbers of an image, and no averages of them."""
    for layer in found:
        if layer["kind"] == "linear" and layer["weight"].shape == (outputs, numbers):
            yield Head(layer["weight"], layer["bias"])


@dataclass(frozen=True)
class _Parts:
    """Everything that a network of one block a stage may be made of."""

    stems: list[Stem]
    stages: list[list[Block]]
    heads: list[Head]
    found: Layers
    outputs: int

    def heads_for(self, maps: np.ndarray, mistake: str | None) -> list[Head]:
        """Return the linear layers that can take such feature maps (B, C, H, W)."""
        if mistake == "flattened":
            return list(flat_heads_of(self.found, self.outputs, maps[0].size))
        return self.heads

    def features(
        self, x: np.ndarray, stems: Iterable[Stem], block_mistake: str | None, stem_mistake: str | None = None
    ) -> Iterator[np.ndarray]:
        """Yield what every network with one of these stems makes of ``x`` before its linear layer.

        All blocks of a network normalize their shortcut alike. Networks that begin alike share the work.
        """

        def follow(features: np.ndarray, stages: list[list[Block]]) -> Iterator[np.ndarray]:
            if not stages:
                yield features
                return
            for block in stages[0]:
                yield from follow(layers.run_block(features, block, True, block_mistake), stages[1:])

        for stem in stems:
            entered = layers.run_stem(x, stem, stem_mistake)
            for block in self.stages[0]:
                first = layers.run_block(entered, block, True, block_mistake)
                for normed in (True, False):
                    alike = [[b for b in stage if (b.shortcut_norm is not None) == normed] for stage in self.stages[1:]]
                    yield from follow(first, alike)

    def answers(self, features: Iterable[np.ndarray], mistake: str | None = None) -> Iterator[np.ndarray]:
        """Yield what every linear layer makes of each of the features."""
        for maps in features:
            for head in self.heads_for(maps, mistake):
                yield layers.run_head(maps, head, mistake)


def stems_of(found: Layers) -> list[Stem]:
    """Return every stem of these weights, the usual padding first."""
    places = itertools.product(STEM_PADDINGS, POOLS, convs_of(found, 7))
    return [Stem(conv, padding, pool) for padding, pool, conv in places]


def _network_parts(found: Layers, channels: list[int], outputs: int) -> _Parts:
    """Return what these weights could be in a network of one block a stage; nothing where they can't form one."""
    strides = [1] + [2] * (len(channels) - 1)
    plain = [layer for layer in found if layer["kind"] != "norm"]
    stages = [
        list(arrange_block(plain, args)) for args in zip([channels[0], *channels[:-1]], channels, strides, strict=True)
    ]
    fits = len(convs_of(found, 3)) == 2 * len(channels)
    stems = stems_of(found) if fits else []
    return _Parts(stems, stages, list(heads_of(found, outputs, channels[-1])), found, outputs)


def explain_network(
    answer: dict[str, Any], x: np.ndarray, channels: list[int], outputs: int, block_mistake: str | None
) -> tuple[np.ndarray | None, str | None]:
    """As ``explain_block`` for a network of one block a stage; ``block_mistake`` is that of the student's own block."""
    got = answer["output"].array
    parts = _network_parts(answer["layers"], channels, outputs)
    # The usual padding first, and the mistakes before the unusual ones: no answer fits both.
    usual = [stem for stem in parts.stems if stem.padding == STEM_PADDINGS[0]]
    features, right = [], []

    def finds_right(stems: list[Stem]) -> bool:
        for maps in itertools.islice(parts.features(x, stems, block_mistake), MOST_NETWORKS):
            features.append(maps)
            for want in parts.answers([maps]):
                right.append(want)
                if agrees(got, want):
                    return True
        return False

    if finds_right(usual):
        return right[-1], ""
    for mistake in NETWORK_MISTAKES:
        early = mistake in STEM_MISTAKES
        wrong = parts.features(x, usual[:1], block_mistake, mistake) if early else features
        if any(agrees(got, answer) for answer in parts.answers(wrong, mistake)):
            return nearest(got, right), mistake
    unusual = [stem for stem in parts.stems if stem.padding != STEM_PADDINGS[0]]
    if finds_right(unusual):
        return right[-1], ""
    return nearest(got, right), None
