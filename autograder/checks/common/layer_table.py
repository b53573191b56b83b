"""A network that a lesson gives by a table of layers: its answers in NumPy, right and mistaken, and its ladder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, combinations, product
from typing import Any

import numpy as np

from autograder.checks.common.module_shapes import shape_problem, shapes_text
from autograder.checks.common.numpy_layers import Conv, conv2d, max_pool, relu
from autograder.checks.common.shared import Shared
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder, Rung
from autograder.ladder.student import Student, StudentError

Shape = tuple[int, ...]
Step = Callable[[np.ndarray], np.ndarray]
# Returns what does not fit between two layers, as ``shape_problem`` does.
Misfit = Callable[[StudentError], tuple[str, int, int] | None]
Found = dict[str, Any]

# float32 beside float64, where the outputs are of the size of 1; a mistake in a layer changes them by a hundredth.
TOLERANCE = 1e-4


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
def _task(table: LayerTable, seed: int) -> tuple[np.ndarray, dict[Shape, np.ndarray]]:
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
def _run(table: LayerTable, seed: int, biased: frozenset[int], variant: Variant = RIGHT) -> np.ndarray:
    """Return the network's answers, (B, outputs), or those of a variant; ``biased`` says which layers have a bias."""
    out, values = _task(table, seed)
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


def _may_be_biased(table: LayerTable, shapes: Counter[Shape]) -> list[frozenset[int]]:
    """Return which layers may have a bias, where the network has parameters of ``shapes``: one of several of a size may
    be any of them. The choice to start from is the last.
    """
    if not table.bias_free:
        return [frozenset(range(len(table.layers)))]
    sizes = dict.fromkeys(layer.bias for layer in table.layers)
    of_size = {size: [number for number, layer in enumerate(table.layers) if layer.bias == size] for size in sizes}
    each = [combinations(numbers, min(shapes[size], len(numbers))) for size, numbers in of_size.items()]
    return [frozenset(chain(*choice)) for choice in product(*each)]


def _ask(table: LayerTable, probe: str, misfit: Misfit, student: Student, rng: np.random.Generator) -> Found:
    """Return what the student's network does; raise Mismatch where its layers do not fit each other."""
    seed = int(rng.integers(2**31))
    x, values = _task(table, seed)
    upstream = rng.normal(size=(table.images[0], table.outputs)).astype(np.float32)
    try:
        found = student.probe(probe, x=x, values=list(values.values()), upstream=upstream)
    except StudentError as error:
        problem = misfit(error)
        if problem is None:
            raise
        kind, one, other = problem
        takes = {
            "features": f"a linear layer made for {other:,} numbers is given {one:,}",
            "channels": f"a convolution made for {one} channels is given {other}",
            "unequal": f"two tensors that do not fit, of sizes {one} and {other}",
        }[kind]
        hint = "Print x.shape after each layer and compare it with the table. The first line that differs is the one."
        raise expect.Mismatch(table.maps(table.images[0]), takes, hint=hint, where=error.where) from None
    return {**found, "seed": seed, "x": x}


def _close(one: np.ndarray, other: np.ndarray) -> bool:
    return np.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE)


def _is_a_module(table: LayerTable, found: Found) -> None:
    hint = "Derive it from nn.Module."
    expect.true(found["is_module"], f"{table.name}() is an nn.Module", f"a {found['type']}", hint=hint)


def _has_its_shape(table: LayerTable, found: Found) -> None:
    for count, key in ((table.images[0], "output"), (1, "alone")):
        shape = expect.array(found[key], kind="torch", what=table.maps(count)).shape
        hint = "Keep the axis of the batch: flatten from axis 1 on, and squeeze nothing away."
        expect.true(shape == (count, table.outputs), table.maps(count), f"shape {shape}", hint=hint)


def _is_float32(table: LayerTable, found: Found) -> None:
    output = found["train_output"]
    expect.array(output, dtype="float32", kind="torch", what="the network's answer")
    expect.true(output.requires_grad, "an answer with a gradient", "an answer cut off from the parameters")


def _has_the_layers(table: LayerTable, found: Found) -> None:
    got, most = Counter(tuple(shape) for shape in found["shapes"]), Counter(table.parameters)
    least = Counter(layer.weight for layer in table.layers) if table.bias_free else most
    wrong = [shape for shape in got | most if not least[shape] <= got[shape] <= most[shape]]
    texts = [shapes_text([shape for shape in wrong for _ in range(count[shape])]) for count in (most, got)]
    hint = (
        "Count the channels, the sizes of the kernels, and one bias a layer. Normalizations bring parameters too; "
        "layers in a plain Python list or dict, or created in forward, are invisible to PyTorch."
    )
    expect.true(not wrong, f"parameters: {texts[0]}", texts[1], "those shapes that differ from the table's", hint)
    others = [tuple(shape) for shape in found["others"]]
    hint = "Running statistics and frozen weights are no part of this network."
    expect.true(not others, "nothing but trained parameters", f"kept besides: {shapes_text(others)}", hint=hint)


def _computes_the_table(table: LayerTable, found: Found) -> None:
    got, seed = found["output"].array, found["seed"]
    choices = _may_be_biased(table, Counter(tuple(shape) for shape in found["shapes"]))
    if any(_close(got, _run(table, seed, biased)) for biased in choices):
        return
    example = f"random {table.image}s, and random numbers for all of your weights"
    hint = "Compare your layers and their order with the table of the lesson, one by one."
    for words, variant in {**table.mistakes, **COMMON_MISTAKES}.items():
        if _close(got, _run(table, seed, choices[-1], variant)):
            raise expect.Mismatch(table.answer, f"the result of {words}", example, hint)
    want = _run(table, seed, choices[-1])
    expect.close(found["output"], want, rtol=TOLERANCE, atol=TOLERANCE, what=table.answer, example=example, hint=hint)


def _same_in_train_mode(table: LayerTable, found: Found) -> None:
    whole = found["output"].array
    hint = "The table has no dropout and no normalization."
    same = _close(found["train_output"].array, whole)
    expect.true(same, "the same answer in train and in eval mode", "another answer in train mode", hint=hint)
    same = _close(found["alone"].array, whole[:1])
    others = "others" if table.images[0] > 2 else "other"
    alone = f"the first {table.image} alone: the answer as beside the {others}"
    expect.true(same, alone, "another answer", hint=hint)


def _has_gradients(table: LayerTable, found: Found) -> None:
    missing = found.get("without_grad")
    if missing is None:
        raise expect.Mismatch("an answer that can be led back to the weights", "no gradient at all")
    hint = "A layer that __init__ creates is never used by forward, or another one is used twice in its place."
    got = f"none for {shapes_text([tuple(shape) for shape in missing])}"
    expect.true(not missing, "a gradient for every parameter", got, hint=hint)


def _leaves_its_input(table: LayerTable, found: Found) -> None:
    kept = np.array_equal(found["x_after"].array, found["x"])
    hint = "An operation in place (-=, relu_, inplace=True) wrote into x itself."
    expect.true(kept, f"{table.image}s as they were", f"{table.image}s that were overwritten", hint=hint)


def table_ladder(
    table: LayerTable, probe: str, *, shape_rung: str, layers: str, answer_points: float, misfit: Misfit = shape_problem
) -> Ladder:
    """Return the ladder of a network that is given by its table.

    Args:
        table: the network's layers.
        probe: the probe that builds and runs it; see ``network`` in ``probes/layer_table.py``.
        shape_rung: the name of the rung about shapes.
        layers: in words, what the table consists of.
        answer_points: what the rung about the network's answer is worth.
        misfit: finds what does not fit between two layers in the error of a network that can't be run.
    """
    ladder = Ladder(table.name)
    asked: Shared[Found] = Shared(table.name, lambda student, rng: _ask(table, probe, misfit, student, rng))

    def add(
        kind: str,
        points: float,
        name: str,
        looked_at: str,
        check: Callable[[LayerTable, Found], None],
        gate: bool = False,
    ) -> None:
        ladder.add(Rung(kind, points, gate, name, looked_at, lambda student, rng: check(table, asked(student, rng))))

    asks = f"{table.image.capitalize()}s (B, {', '.join(map(str, table.images[1:]))})"
    becomes = f"{asks} become (B, {table.outputs}), one {table.image} alone included."
    has = f"{layers} with the shapes of the table, and nothing else to learn."
    computes = "The answer is that of the table's layers in their order, from the network's own weights."
    alone = "Train mode changes nothing, and neither does who shares the batch."
    built = f"{table.name} is an nn.Module that can be built and run."
    add("type", 1, "is_a_module", built, _is_a_module, gate=True)
    add("shape", 2, shape_rung, becomes, _has_its_shape, gate=True)
    add("dtype", 1, "answers_in_float32", "The answer is float32 and can be trained.", _is_float32)
    add("values", 4, "has_the_layers_of_the_table", has, _has_the_layers)
    add("values", answer_points, "computes_the_table", computes, _computes_the_table)
    add("edge cases", 1, "answers_the_same_in_train_mode", alone, _same_in_train_mode)
    add("gradients", 1, "trains_every_layer", "Every parameter gets a gradient.", _has_gradients)
    add("side effects", 1, f"leaves_the_{table.image}s", "The network does not change its input.", _leaves_its_input)
    return ladder
