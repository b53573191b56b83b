"""Checks of lesson 05: the bias from which a network starts, on small models of given weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.ladder import expect
from autograder.ladder.form import Answers, Kept, form, kept
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

NAN = np.nan
PROBE = "lesson_05.start_at_mean"
CALL = "start_at_mean(model, keypoints)"
# Where the bias of the last nn.Linear stands in each model's state.
LAST = {"one": "1", "two": "3", "nested": "answers.0.1"}
SAID = {
    "one": "a model with one nn.Linear",
    "two": "a model with two nn.Linear, one behind the other",
    "nested": "a model whose last nn.Linear lies in a Sequential in a Sequential, with an Identity behind it",
}
BATCH, LR = 3, 0.25

# Two keypoints of four faces. Each mistaken mean comes to another bias than every other.
BY_HAND = np.array(
    [
        [[60, 30], [40, 70]],
        [[68, NAN], [50, 90]],
        [[70, 36], [NAN, NAN]],
        [[66, 39], [48, 71]],
    ],
    np.float32,
)
BY_HAND_TEXT = "four faces: (60, 30, 40, 70), (68, nan, 50, 90), (70, 36, nan, nan), (66, 39, 48, 71)"

start_at_mean = Ladder("start_at_mean")


def _draw_keypoints(rng: np.random.Generator, n: int = 9, k: int = 3) -> np.ndarray:
    """Return (n, k, 2) float32 pixels with gaps; every coordinate is labeled in some face, x and y not in the same."""
    keypoints = rng.uniform(5, 90, (n, k, 2)).astype(np.float32)
    gaps = rng.random(keypoints.shape) < 0.4
    gaps[0] = False
    keypoints[gaps] = NAN
    return keypoints


def _draw_state(rng: np.random.Generator, kind: str, outputs: int, dtype: str = "float32") -> dict[str, np.ndarray]:
    """Return the weights and statistics of a model of this kind, in the order of its state."""
    inputs = 4

    def linear(name: str, width: int) -> dict[str, np.ndarray]:
        weight, bias = rng.normal(0, 0.5, (outputs, width)), rng.normal(0, 0.5, outputs)
        return {f"{name}.weight": weight.astype(dtype), f"{name}.bias": bias.astype(dtype)}

    if kind == "one":
        return linear("1", inputs)
    if kind == "two":
        return linear("1", inputs) | linear("3", outputs)
    norm = {"weight": rng.uniform(0.5, 2, outputs), "bias": rng.normal(0, 1, outputs)}
    norm |= {"running_mean": rng.normal(0, 1, outputs), "running_var": rng.uniform(0.5, 2, outputs)}
    found = {f"body.2.{name}": value.astype(dtype) for name, value in norm.items()}
    counted = {"body.2.num_batches_tracked": np.array(7)}
    return linear("body.1", inputs) | found | counted | linear("answers.0.1", outputs)


def _ask(
    student: Student,
    rng: np.random.Generator,
    kind: str,
    keypoints: np.ndarray,
    dtype: str = "float32",
    training: bool = False,
    step: bool = False,
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return a model's state as it was, and what the probe tells of it afterwards."""
    state = _draw_state(rng, kind, keypoints[0].size, dtype)
    images = rng.random((BATCH, 1, 2, 2), dtype=np.float32)
    task = {"kind": kind, "state": state, "keypoints": keypoints, "images": images, "lr": LR}
    return state, student.probe(PROBE, **task, training=training, step=step)


def _means(keypoints: np.ndarray) -> np.ndarray:
    """Return the mean of each labeled coordinate, (2K,)."""
    return np.nanmean(keypoints.reshape(len(keypoints), -1).astype(float), axis=0)


def _expect_bias(found: dict[str, Any], kind: str, keypoints: np.ndarray, example: str, hint: str) -> None:
    got = found["state"].get(f"{LAST[kind]}.bias")
    expect.close(got, _means(keypoints), 1e-5, 1e-4, "the bias of the last nn.Linear", example, hint)


def _expect_moved(student: Student, rng: np.random.Generator) -> None:
    """Expect that the bias is another one afterwards: who sets nothing has kept nothing and refused nothing."""
    before, found = _ask(student, rng, "one", _draw_keypoints(rng))
    bias = found["state"].get("1.bias")
    moved = isinstance(bias, np.ndarray) and not np.array_equal(bias, before["1.bias"])
    expect.true(moved, "a bias that was set", "the bias as it was", SAID["one"])


@start_at_mean.rung("values", points=5)
def bias_is_the_mean_face(student: Student, rng: np.random.Generator) -> None:
    """The bias becomes the mean of each coordinate, x, y, x, y, …, over the faces that label it."""
    hint = "Which faces count in the mean of one column? And in which order does the network answer?"
    _, found = _ask(student, rng, "one", BY_HAND)
    _expect_bias(found, "one", BY_HAND, BY_HAND_TEXT, hint)
    keypoints = _draw_keypoints(rng)
    _, found = _ask(student, rng, "one", keypoints)
    _expect_bias(found, "one", keypoints, "nine faces with gaps, and three keypoints", hint)


@start_at_mean.rung("values", points=3)
def finds_the_last_linear(student: Student, rng: np.random.Generator) -> None:
    """It is the last nn.Linear, wherever it lies, whatever its name."""
    for kind in ("two", "nested"):
        _, found = _ask(student, rng, kind, BY_HAND)
        hint = "modules() goes through all parts of a model and their parts, in order. Which of them are nn.Linear?"
        _expect_bias(found, kind, BY_HAND, f"{SAID[kind]}; {BY_HAND_TEXT}", hint)


@form(start_at_mean, "dtype", points=1, hint="The layer has a dtype already: fill its bias rather than replace it.")
def keeps_the_dtype(student: Student, rng: np.random.Generator) -> Answers:
    """The bias keeps the dtype of the layer."""
    for dtype in ("float32", "float64"):
        _, found = _ask(student, rng, "one", _draw_keypoints(rng), dtype)
        bias = found["state"].get("1.bias")
        expect.array(bias, what="the bias")
        found_dtype = bias.dtype.name
        expect.true(found_dtype == dtype, f"a bias of {dtype}", f"a bias of {found_dtype}", f"a layer of {dtype}")
        yield "the bias", bias


@start_at_mean.rung("gradients", points=2)
def bias_goes_on_learning(student: Student, rng: np.random.Generator) -> None:
    """An optimizer that was made before trains the bias on."""
    _expect_moved(student, rng)
    keypoints = _draw_keypoints(rng)
    _, found = _ask(student, rng, "one", keypoints, step=True)
    example = "an optimizer made before the call; after it one step on the sum of the answers"
    hint = "The bias is only where training starts: it must stay a parameter that learns."
    expect.true("1.bias" in found["learns"], "a bias with requires_grad", "requires_grad is False", example, hint)
    start = found["state"]["1.bias"]
    hint = "The optimizer holds the parameter that it was given. Change its numbers, in place of the parameter itself."
    # Each answer's bias has a gradient of 1 for each image.
    what = "how far the step moves the bias"
    expect.close(found["later"]["1.bias"] - start, np.full(start.shape, -LR * BATCH), 1e-4, 1e-4, what, example, hint)


@kept(start_at_mean, points=2, hint="Only the bias of one layer is set. Whatever else the model has learned must stay.")
def leaves_everything_else(student: Student, rng: np.random.Generator) -> Kept:
    """Every other parameter and statistic, the mode and the keypoints are unchanged."""
    _expect_moved(student, rng)
    for kind in LAST:
        for training in (False, True):
            keypoints = _draw_keypoints(rng)
            before, found = _ask(student, rng, kind, keypoints, training=training)
            yield "the keypoints", keypoints, found["keypoints"]
            yield "model.training", training, found["training"]
            after = found["state"]
            for name, value in before.items():
                if name != f"{LAST[kind]}.bias":
                    yield f"{name} of {SAID[kind]}", value, after.get(name)


def _expect_refused(student: Student, rng: np.random.Generator, keypoints: np.ndarray, outputs: int, why: str) -> None:
    """Expect a ValueError of keypoints and a model that do not go together."""
    images = rng.random((BATCH, 1, 2, 2), dtype=np.float32)
    task = {"kind": "one", "state": _draw_state(rng, "one", outputs), "images": images, "lr": LR}
    hint = "Look at the bias that you are about to set before you set it: how many numbers, and are all of them finite?"
    expected = f"{CALL}: ValueError"
    try:
        bias = student.probe(PROBE, keypoints=keypoints, **task)["state"].get("1.bias")
    except StudentError as raised:
        if expect.is_stub(raised):
            raise
        expect.true("ValueError" in raised.bases, expected, str(raised), why, hint)
        return
    finite = isinstance(bias, np.ndarray) and np.isfinite(bias).all()
    raise expect.Mismatch(expected, f"no error, and a bias {'of numbers' if finite else 'with NaN in it'}", why, hint)


@start_at_mean.rung("edge cases", points=1)
def refuses_another_number_of_outputs(student: Student, rng: np.random.Generator) -> None:
    """A model that answers with more or fewer numbers than 2K is a ValueError."""
    _expect_moved(student, rng)
    for k, outputs in ((3, 8), (3, 4), (1, 1)):
        keypoints = _draw_keypoints(rng, k=k)
        _expect_refused(student, rng, keypoints, outputs, f"{outputs} outputs, and {k} keypoints, {2 * k} coordinates")


@start_at_mean.rung("edge cases", points=1)
def refuses_what_is_never_labeled(student: Student, rng: np.random.Generator) -> None:
    """A coordinate that no face labels has no mean: a ValueError."""
    _expect_moved(student, rng)
    for missing, why in (((slice(None), 1), "a keypoint"), ((slice(None), 2, 1), "the y of a keypoint, but not its x")):
        keypoints = _draw_keypoints(rng)
        keypoints[missing] = NAN
        _expect_refused(student, rng, keypoints, 6, f"{why} is labeled in no face")
