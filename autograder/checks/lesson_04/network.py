"""Checks of ``build_cnn``: the network's layers, in the order in which an image passes through them."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.common.shared import Shared
from autograder.checks.lesson_04 import between_layers
from autograder.checks.lesson_04.drawn_layers import DrawnLayer, draw_layers
from autograder.checks.lesson_04.padding import Padding, find_padding
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

build_cnn = Ladder("build_cnn")

# The first dense layer has 12 * 12 * 128 * 500; one block without pooling gives four times as many.
MOST_WEIGHTS = 100_000_000
FILTERS, UNITS, RATES = [32, 64, 128], [500, 500, 30], [0.05, 0.01, 0.15]


def _build(student: Student, rng: np.random.Generator) -> dict[str, Any]:
    x, seed = rng.random((2, 96, 96, 1), np.float32), int(rng.integers(2**31))
    try:
        found = student.probe("lesson_04.build", x=x, seed=seed, most=MOST_WEIGHTS)
    except StudentError as error:
        if error.type != "TooManyWeights":
            raise
        where = f"There are {error.message}: the image is still large where that layer begins."
        hint = f"{where} Does every block end in 2x2 pooling?"
        got = "a layer too large to be built"
        raise expect.Mismatch("build_cnn(): at most 9,216,000 weights in one layer", got, hint=hint) from None
    expect.true(found["is_model"], "build_cnn(): a keras.Model", found["type"], hint="Return the model itself.")
    return {**found, "x": x[:1], "drawn": draw_layers(found["layers"], seed)}


_built = Shared("build_cnn", _build)


def _of(found: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [layer for layer in found["layers"] if layer["kind"] == kind]


def _drawn(found: dict[str, Any], kind: str) -> list[DrawnLayer]:
    """The layers of a kind with their weights, in their order."""
    layers = [layer for layer, told in zip(found["drawn"], found["layers"], strict=True) if told["kind"] == kind]
    known = [layer for layer in layers if layer is not None]
    name = {"conv": "convolution", "dense": "dense layer"}[kind]
    expect.true(len(known) == len(layers), f"each {name} takes its own input", "one that does not fit what it is given")
    return known


def _blocks(found: dict[str, Any]) -> list[tuple[DrawnLayer, DrawnLayer, str]]:
    """Each convolution, the layer behind it, and words for what lies between the two."""
    convs, dense = _drawn(found, "conv"), _drawn(found, "dense")
    got = f"convolutions: {len(convs)}, dense layers: {len(dense)}"
    hint = "The lesson's table lists three convolutions, each in a block of its own, and dense layers behind them."
    expect.true(len(convs) == 3 and bool(dense), "three convolutions, and a dense layer behind them", got, hint=hint)
    names = ["convolution 2", "convolution 3", "the first dense layer"]
    pairs = zip(convs, [*convs[1:], dense[0]], names, strict=True)
    return [
        (conv, after, f"between convolution {n} and {name}") for n, (conv, after, name) in enumerate(pairs, start=1)
    ]


@build_cnn.rung("type", points=1, gate=True)
def is_a_model(student: Student, rng: np.random.Generator) -> None:
    """build_cnn() returns a Keras model."""
    _built(student, rng)


@build_cnn.rung("shape", points=2)
def maps_images_to_30_numbers(student: Student, rng: np.random.Generator) -> None:
    """Images (B, 96, 96, 1) become (B, 30)."""
    found = _built(student, rng)
    for images, shape in ((2, tuple(found["shape_of_two"])), (1, np.shape(found["output"]))):
        hint = "Each face needs 15 keypoints times 2 coordinates, one after the other."
        # Height and width depend on the padding, which is free.
        got = f"({images}, height, width, {shape[-1]})" if len(shape) == 4 else str(shape)
        want = f"(B, 96, 96, 1) -> (B, 30): output of shape ({images}, 30)"
        expect.true(shape == (images, 30), want, f"output of shape {got}", hint=hint)
    shape = found["input_shape"]
    known = shape is None or shape[1:] == [96, 96, 1]
    hint = "Keras puts the channels last: one gray channel after height and width."
    expect.true(known, "input shape (None, 96, 96, 1)", f"input shape {tuple(shape or ())}", hint=hint)


@build_cnn.rung("values", points=4)
def has_the_three_convolutions_and_dense_layers(student: Student, rng: np.random.Generator) -> None:
    """Convolutions of 32, 64 and 128 filters, then dense layers of 500, 500 and 30, in this order."""
    found = _built(student, rng)
    got = [f"{layer['kind']} {layer['kernel'][-1]}" for layer in found["layers"]]
    want = [f"conv {filters}" for filters in FILTERS] + [f"dense {units}" for units in UNITS]
    hint = "Compare the layers, their order, and their numbers of filters and units with the lesson's table."
    expect.true(got == want, ", ".join(want), ", ".join(got) or "no convolution and no dense layer", hint=hint)
    strides = [layer["strides"] for layer in _of(found, "conv")]
    hint = "The 2x2 pooling alone halves the image; each convolution looks at every place."
    expect.true(all(s == [1, 1] for s in strides), "convolutions with stride 1", f"strides {strides}", hint=hint)
    frozen = [name for name, layer in zip(got, found["layers"], strict=True) if not layer["trained"]]
    hint = "`trainable = False` keeps a layer as it was drawn."
    expect.true(not frozen, "six layers that can be trained", f"frozen: {', '.join(frozen)}", hint=hint)
    hint = "The lesson's table has no other layer with weights of its own (batch normalization, PReLU, …)."
    others = ", ".join(sorted(set(found["others"])))
    expect.true(not others, "weights in these six layers only", f"weights of {others} as well", hint=hint)
    # Names and numbers of layers are what the worker says; what they make of weights that are drawn here is not.
    chain = [*_drawn(found, "conv"), *_drawn(found, "dense")]
    given = [*[np.asarray(layer.told["input"]) for layer in chain[1:]], np.asarray(found["output"])]
    for name, layer, after in zip(got, chain, given, strict=True):
        expect.true(
            between_layers.hangs_on(layer.before_activation, after),
            f"an answer that hangs on that of {name}",
            "another",
        )


def _expect_slope(slope: float | None, where: str, what: str, before: np.ndarray, after: np.ndarray) -> None:
    """Expect a slope strictly between 0 and 1; None stands for an activation that is no LeakyReLU."""
    hint = "Compare this part with the lesson's table: a LeakyReLU lets a small part of a negative value through."
    if slope is None:
        # The lowest number shows what an activation does to negative ones.
        seen = before if before.shape == after.shape else between_layers.pool(before, "max", up=False)
        got = "something else"
        if seen.shape == after.shape:
            place = np.unravel_index(int(seen.argmin()), seen.shape)
            got += f": {float(seen[place]):.4f} became {float(after[place]):.4f}"
        raise expect.Mismatch(f"{where}: {what}", got, hint=hint)
    shown = f"slope {slope:.3g}"
    for wrong, want, got in (
        (abs(slope) <= 1e-3, "a small positive slope below 0", "slope 0"),
        (slope >= 1 - 1e-3, "a slope below 1", shown),
        (not slope > 0, "a positive slope", shown),
    ):
        expect.true(not wrong, f"{where}: LeakyReLU, {want}", got, hint=hint)


@build_cnn.rung("values", points=1)
def takes_images_as_they_come(student: Student, rng: np.random.Generator) -> None:
    """The first convolution sees the image in its own range, [0, 1]."""
    found = _built(student, rng)
    convs = _drawn(found, "conv")
    expect.true(bool(convs), "a convolution of the image", "none")
    x, given = found["x"], np.asarray(convs[0].told["input"])
    seen, spread = float(given.std()), float(x.std())
    # To center or to stretch the image is no mistake; to shrink it is, or to hand on another one.
    hint = "The images already lie in [0, 1]: nothing needs to be divided any more."
    want = f"an image whose gray values spread by {spread:.2g} at the first convolution"
    expect.true(seen >= 0.1 * spread, want, f"they spread by {seen:.2g}", hint=hint)
    if given.shape == x.shape:
        alike = abs(float(np.corrcoef(given.ravel(), x.ravel())[0, 1]))
        expect.true(alike > 0.99, "the image at the first convolution", "something else", hint=hint)


def _between(conv: DrawnLayer, following: DrawnLayer, where: str) -> tuple[np.ndarray, np.ndarray, Padding]:
    """What a convolution answers, and what became of it in front of the following layer, without padding in between."""
    before, after = conv.before_activation, np.asarray(following.told["input"])
    expect.true(after.ndim in (2, 4), f"{where}: an array with 4 axes, or a flat one", f"{after.ndim} axes")
    padding = find_padding(before, after)
    return padding.put_on(before), padding.take_off(after), padding


@build_cnn.rung("values", points=4)
def blocks_activate_and_pool(student: Student, rng: np.random.Generator) -> None:
    """After each convolution: LeakyReLU and 2x2 pooling, then everything goes into the first dense layer."""
    for conv, following, where in _blocks(_built(student, rng)):
        before, after, _ = _between(conv, following, where)
        fits = between_layers.pooled_shapes(before.shape)
        if after.ndim == 2:
            after = _unflatten(before, after, where)
        elif where.endswith("dense layer"):
            hint = "A Dense layer works on the last axis alone. Which layer puts all numbers of an image in a row?"
            raise expect.Mismatch(f"{where}: all numbers in a row", "an image with height and width", hint=hint)
        became = f"Here {before.shape[1:3]} became {after.shape[1:3]}."
        hint = f"{became} Pooling takes 2x2 pixels and moves by 2, once in each block."
        want = f"{where}: 2x2 pooling, which halves height and width"
        expect.true(after.shape in fits, want, _shrinking(before, after), hint=hint)
        what = "LeakyReLU and 2x2 pooling of the convolution's answer"
        found = between_layers.leaky_pool_between(before, after)
        _expect_slope(found.slope if found else None, where, what, before, after)


def _shrinking(before: np.ndarray, after: np.ndarray) -> str:
    """What became of height and width, in words that don't depend on the padding."""
    if after.ndim != 4:
        return f"an array with {after.ndim} axes"
    factor = round(before.shape[1] / after.shape[1])
    return f"divided by {factor}" if factor > 1 else "the same height and width"


def _unflatten(before: np.ndarray, after: np.ndarray, where: str, like: np.ndarray | None = None) -> np.ndarray:
    """Give the flat input of the first dense layer the shape of the pooled image that it came from.

    It may be in another order; ``like`` is an input that tells which, else the input itself.
    """
    fits, model = between_layers.pooled_shapes(before.shape), after if like is None else like
    for shape in fits:
        # Height, width, channel as Flatten leaves them; or channel first after a Permute.
        if after.size == np.prod(shape):
            batch, height, width, channels = shape

            def turned(flat: np.ndarray, sizes: tuple[int, ...] = (batch, channels, height, width)) -> np.ndarray:
                return flat.reshape(sizes).transpose(0, 2, 3, 1)

            is_turned = between_layers.leaky_pool_between(before, turned(model)) is not None
            return turned(after) if is_turned else after.reshape(shape)
    if after.shape[1] == np.prod(before.shape[1:]):
        return after.reshape(before.shape)
    whole = f"{where}: every number of the pooled image"
    features, channels = int(np.prod(fits[0][1:])), before.shape[-1]
    hint = f"Flatten the pooled image: all {features:,} numbers of it go into the dense layer."
    got = "one number a channel" if after.shape[1] == channels else f"{after.shape[1]:,} numbers a face"
    raise expect.Mismatch(whole, got, hint=hint)


@build_cnn.rung("values", points=3)
def dense_layers_activate(student: Student, rng: np.random.Generator) -> None:
    """LeakyReLU after each dense layer of 500."""
    dense = _drawn(_built(student, rng), "dense")
    expect.true(len(dense) > 1, "a dense layer before the last one", f"dense layers: {len(dense)}")
    for number, (layer, following) in enumerate(zip(dense, dense[1:], strict=False), start=1):
        before, after = layer.before_activation, np.asarray(following.told["input"])
        slope = between_layers.slope_between(before, after)
        _expect_slope(slope, f"after dense layer {number}", "LeakyReLU of its answer", before, after)


@build_cnn.rung("values", points=3)
def answers_without_activation(student: Student, rng: np.random.Generator) -> None:
    """The last layer is linear: its answer is the network's answer."""
    found = _built(student, rng)
    dense = _drawn(found, "dense")
    # A single layer of the right size would be linear, too.
    alone = f"dense layers: {len(dense)}"
    expect.true(len(dense) > 1 and bool(_of(found, "conv")), "a last dense layer behind others", alone)
    linear, got = dense[-1].before_activation, np.asarray(found["output"])
    if linear.shape == got.shape and np.allclose(
        got, linear, rtol=between_layers.TOLERANCE, atol=between_layers.TOLERANCE
    ):
        return
    expect.true(linear.shape == got.shape, f"shape {linear.shape}, as the last dense layer answers", f"{got.shape}")
    shifted = np.exp(linear - linear.max(axis=1, keepdims=True))
    named = {
        "a sigmoid": 1 / (1 + np.exp(-linear)),
        "a softmax": shifted / shifted.sum(axis=1, keepdims=True),
        "a tanh": np.tanh(linear),
        "a ReLU": np.maximum(linear, 0),
    }
    name = next((name for name, wrong in named.items() if np.allclose(got, wrong, rtol=1e-4, atol=1e-5)), None)
    if name is None and between_layers.slope_between(linear, got) is not None:
        name = "a LeakyReLU"
    hint = "Nothing may follow the last dense layer: a coordinate is a plain number, as the layer gives it."
    made = f"{name} of it" if name else "something else made of it"
    raise expect.Mismatch("the answer of the last dense layer, unchanged", made, hint=hint)


@build_cnn.rung("values", points=3)
def drops_out_after_each_block(student: Student, rng: np.random.Generator) -> None:
    """Dropout of 0.05, 0.01 and 0.15, one at the end of each block."""
    found = _built(student, rng)
    hint = "The table lists a dropout layer at the end of each block, and the share of the numbers that it drops."
    by_numbers = [_rate(conv, following, where) for conv, following, where in _blocks(found)]
    told = [float(layer["rate"]) for layer in found["order"] if layer["kind"] == "dropout"]
    # What an activation that is no LeakyReLU makes of the numbers is not known here.
    rates = told if None in by_numbers else [rate for rate in by_numbers if rate is not None]
    same = len(rates) == 3 and all(abs(rate - want) < RATE for rate, want in zip(rates, RATES, strict=True))
    expect.true(same, f"dropout rates {RATES}", f"dropout rates {[abs(round(rate, 2)) for rate in rates]}", hint=hint)
    dense = _drawn(found, "dense")
    for number, (layer, following) in enumerate(zip(dense, dense[1:], strict=False), start=1):
        slope = between_layers.slope_between(layer.before_activation, np.asarray(following.told["input"]))
        if slope is None:
            continue
        undropped = between_layers.leaky(layer.before_activation_in_training, slope)
        rate = between_layers.dropped_share(undropped, np.asarray(following.told["train_input"]))
        got = f"dropout behind dense layer {number} as well"
        expect.true(rate is None or abs(rate) < RATE, "dropout in the three blocks alone", got, hint=hint)


# How far a rate may be from the table's: what is left is multiplied with 1.0101 at 0.01.
RATE = 2e-3


def _rate(conv: DrawnLayer, following: DrawnLayer, where: str) -> float | None:
    """The rate of the dropout behind a convolution, by the numbers; None where the block is another one."""
    before, after, padding = _between(conv, following, where)
    given = padding.take_off(np.asarray(following.told["train_input"]))
    if after.ndim == 2:
        flat, after = after, _unflatten(before, after, where)
        given = _unflatten(before, given, where, like=flat)
    block = between_layers.leaky_pool_between(before, after) if before.ndim == after.ndim else None
    trained = padding.put_on(conv.before_activation_in_training)
    return None if block is None else between_layers.dropped_share(block(trained), given)


@build_cnn.rung("side effects", points=1)
def builds_a_new_model_each_time(student: Student, rng: np.random.Generator) -> None:
    """Every call builds a new network with weights of its own."""
    x = np.zeros((1, 96, 96, 1), np.float32)
    shared = student.probe("lesson_04.build_twice", x=x, most=MOST_WEIGHTS)
    hint = "Both calls returned the same weights. Create the layers inside the function."
    expect.true(shared == 0, "two networks with weights of their own", f"{shared} weights that both share", hint=hint)
