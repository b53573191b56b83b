"""A network that a lesson gives by a table of layers: its answers in NumPy, right and mistaken."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain, combinations, product

import numpy as np

from autograder.checks.common.numpy_layers import Conv, batch_norm, conv2d, fresh_norm, max_pool, relu

Shape = tuple[int, ...]
Step = Callable[[np.ndarray], np.ndarray]


def pool_largest(x: np.ndarray) -> np.ndarray:
    """Pool (B, C, H, W) by the largest of 2×2 -> (B, C, H // 2, W // 2)."""
    return max_pool(x, 2, 2, 0)


def pool_average(x: np.ndarray) -> np.ndarray:
    """Pool (B, C, H, W) by the average of 2×2 -> (B, C, H // 2, W // 2); what is left over at the edges is dropped."""
    height, width = x.shape[2] // 2, x.shape[3] // 2
    return x[:, :, : 2 * height, : 2 * width].reshape(*x.shape[:2], height, 2, width, 2).mean(axis=(3, 5))


@dataclass(frozen=True)
class Layer:
    """One row of a table: a weight (C_out, C_in, h, w) is that of a convolution without padding, one (out, in) that of
    a linear layer; ``pool`` says whether a 2×2 pooling follows.
    """

    weight: Shape
    pool: bool = False

    @property
    def bias(self) -> Shape:
        return self.weight[:1]


@dataclass(frozen=True)
class Variant:
    """How a network differs from its table: layers that no ReLU follows, another pooling, something behind the end."""

    without_relu: tuple[int, ...] = ()
    pool: Step = pool_largest
    end: Step | None = None


RIGHT = Variant()


def _gelu(out: np.ndarray) -> np.ndarray:
    return 0.5 * out * (1 + np.vectorize(math.erf)(out / math.sqrt(2)))


# What students put in the place of every ReLU.
BENDS: tuple[Step, ...] = (relu, np.tanh, lambda out: 1 / (1 + np.exp(-out)), _gelu)
# What students make of any table, in words.
COMMON_MISTAKES = {
    "a network that pools by the average": Variant(pool=pool_average),
    "a ReLU behind the last layer": Variant(end=relu),
    "a sigmoid behind the last layer": Variant(end=lambda out: 1 / (1 + np.exp(-out))),
    "a tanh behind the last layer": Variant(end=np.tanh),
    "a softmax behind the last layer": Variant(end=lambda out: np.exp(out) / np.exp(out).sum(axis=1, keepdims=True)),
}


@dataclass(frozen=True)
class LayerTable:
    """A network's layers in their order, each but the last with a ReLU behind it, and the images to ask with.

    ``images`` is the shape (B, C, H, W) of a batch. Reports call one of them ``image``, and what the network makes of
    them ``answer``. ``drawn`` lists the shapes of parameters in the order in which values are drawn for them; where a
    shape stands twice the later draw counts. ``last_bias`` replaces what was drawn for the last layer. ``bias_free``:
    layers may do without their bias. ``mistakes`` says in words what networks compute that are mistaken in a way that
    this table invites.
    """

    name: str
    layers: tuple[Layer, ...]
    images: tuple[int, int, int, int]
    image: str
    answer: str
    drawn: tuple[Shape, ...]
    last_bias: tuple[float, ...] | None = None
    bias_free: bool = False
    mistakes: Mapping[str, Variant] = field(default_factory=dict, compare=False)

    @property
    def parameters(self) -> list[Shape]:
        """The shapes of all weights and biases."""
        return [shape for layer in self.layers for shape in (layer.weight, layer.bias)]

    @property
    def outputs(self) -> int:
        return self.layers[-1].weight[0]

    def maps(self, count: int) -> str:
        """Return in words what becomes of ``count`` images."""
        return f"{self.name}() maps {(count, *self.images[1:])} to {(count, self.outputs)}"


@lru_cache(maxsize=8)
def draw_network(table: LayerTable, seed: int) -> tuple[np.ndarray, dict[Shape, np.ndarray]]:
    """Return a batch of images, and for each shape of a parameter its value: parameters of one shape share it."""
    rng = np.random.default_rng(seed)
    values: dict[Shape, np.ndarray] = {}
    for shape in table.drawn:
        # Wide enough that every layer's outputs are of the size of its inputs.
        limit = 0.3 if len(shape) == 1 else np.sqrt(6 / np.prod(shape[1:]))
        values[shape] = rng.uniform(-limit, limit, shape).astype(np.float32)
    if table.last_bias is not None:
        values[table.layers[-1].bias] = np.array(table.last_bias, np.float32)
    return rng.uniform(-0.5, 0.5, table.images).astype(np.float32), values


@lru_cache(maxsize=64)
def run_table(table: LayerTable, seed: int, biased: frozenset[int], variant: Variant = RIGHT) -> np.ndarray:
    """Return the network's answers, (B, outputs), or those of a variant; ``biased`` says which layers have a bias."""
    out, values = draw_network(table, seed)
    for number, layer in enumerate(table.layers):
        weight, bias = values[layer.weight], values[layer.bias] if number in biased else None
        if len(layer.weight) == 4:
            out = conv2d(out, Conv(weight, bias), padding=0)
        else:
            out = out.reshape(len(out), -1) @ weight.T.astype(float) + (0 if bias is None else bias)
        if number not in variant.without_relu and number < len(table.layers) - 1:
            out = relu(out)
        out = variant.pool(out) if layer.pool else out
    return out if variant.end is None else variant.end(out)


def may_be_biased(table: LayerTable, shapes: Counter[Shape]) -> list[frozenset[int]]:
    """Return which layers may have a bias, where the network has parameters of ``shapes``: one of several of a size may
    be any of them. The choice to start from is the last. Where some are missing and must not be, what is computed with
    those that are there counts all the same.
    """
    due = Counter(layer.bias for layer in table.layers)
    if not table.bias_free and all(shapes[size] >= count for size, count in due.items()):
        return [frozenset(range(len(table.layers)))]
    sizes = dict.fromkeys(layer.bias for layer in table.layers)
    of_size = {size: [number for number, layer in enumerate(table.layers) if layer.bias == size] for size in sizes}
    each = [combinations(numbers, min(shapes[size], len(numbers))) for size, numbers in of_size.items()]
    return [frozenset(chain(*choice)) for choice in product(*each)]


def _gray_weight(value: np.ndarray) -> np.ndarray:
    """Return a parameter without negative numbers, a weight so scaled that its layer hands on what comes in.

    The probe does the same with what it was sent: see ``_gray`` in ``probes/layer_table.py``.
    """
    size = np.abs(value.astype(float))
    return 0.1 * size if size.ndim == 1 else size / (size.mean() * np.prod(size.shape[1:]))


def may_be_normalized(table: LayerTable, shapes: Counter[Shape]) -> Iterator[tuple[frozenset[int], frozenset[int]]]:
    """Yield which layers may have a bias and behind which a normalization may stand, though the table has none.

    A normalization brings two parameters of the size of its layer's bias, and its layer may do without one.
    """
    sizes = dict.fromkeys(layer.bias for layer in table.layers)
    each = []
    for size in sizes:
        numbers = [number for number, layer in enumerate(table.layers) if layer.bias == size]
        pairs = product(range(len(numbers) + 1), repeat=2)
        counts = [(biased, norms) for biased, norms in pairs if biased + 2 * norms == shapes[size]]
        choices = [product(combinations(numbers, biased), combinations(numbers, norms)) for biased, norms in counts]
        each.append(list(chain(*choices)))
    for choice in product(*each):
        biased, normalized = (frozenset(chain(*part)) for part in zip(*choice, strict=True))
        yield biased, normalized


def run_grays(
    table: LayerTable,
    seed: int,
    biased: frozenset[int],
    grays: np.ndarray,
    bend: Step = relu,
    normalized: frozenset[int] = frozenset(),
) -> np.ndarray:
    """Return the answers (B, outputs) to images of a single gray, (B,), where no weight is negative.

    A ReLU then does nothing to grays that are not negative, every pooling gives the gray that its maps have, and the
    answers lie between 0 and 1: who has the layers, and any of the usual mistakes between them, gives these answers.
    Behind the layers ``normalized`` stands a normalization in eval mode that has seen no image yet.
    """
    _, values = draw_network(table, seed)
    out = np.repeat(grays[:, None], table.layers[0].weight[1], axis=1)
    for number, layer in enumerate(table.layers):
        weight = _gray_weight(values[layer.weight])
        # Each channel is the same everywhere, so that a kernel, or a row of flattened maps, counts by its sum.
        weight = weight.reshape(len(weight), out.shape[1], -1).sum(axis=2)
        out = out @ weight.T + (_gray_weight(values[layer.bias]) if number in biased else 0)
        if number in normalized:
            size = _gray_weight(values[layer.bias])
            norm = replace(fresh_norm(len(size)), scale=size, shift=size)
            out = batch_norm(out[:, :, None, None], norm, train=False)[:, :, 0, 0]
        out = bend(out) if number < len(table.layers) - 1 else out
    return out
