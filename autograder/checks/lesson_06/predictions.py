"""Checks of lesson 06: the keypoints that small linear models predict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.common.shared import Shared
from autograder.ladder import expect
from autograder.ladder.form import Answers, form
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError
from autograder.worker.plain import TensorValue, type_name

predict_keypoints = Ladder("predict_keypoints")

SQUARE, OUTPUTS = 24, 30
# Pixels up to 96 in float32, after a sum of 16 products.
RTOL, ATOL = 1e-4, 1e-3
MODES = {True: "train mode", False: "eval mode"}


def _draw_task(
    rng: np.random.Generator, faces: int, unit: float = 1.0, outputs: int = OUTPUTS, inside: bool = False
) -> tuple[dict[str, Any], np.ndarray]:
    """Return images and a linear model that answers in units of so many pixels, and the keypoints that are right.

    Some answers lie below 0, some above 96 pixels, most between; all between where they are to be ``inside``.
    """
    images = rng.random((faces, 96, 96), np.float32)
    weight = rng.normal(0, 60, (16, outputs)).astype(np.float32)
    means = images.reshape(faces, 4, SQUARE, 4, SQUARE).astype(float).mean(axis=(2, 4)).reshape(faces, 16)
    # Biases that put the first face's answers where they are wanted, in pixels.
    wanted = rng.uniform(30, 66, outputs) if inside else rng.uniform(5, 91, outputs)
    if not inside:
        # Behind two usual points, so that the first point shows the unit and the order, whatever is clipped and where.
        wanted[4:8] = (-20.0, 120.0, 95.6, 96.4)
    bias = (wanted - means[0] @ weight).astype(np.float32)
    answers = means @ weight.astype(float) + bias
    model = {"weight": (weight / unit).astype(np.float32), "bias": (bias / unit).astype(np.float32), "square": SQUARE}
    return {"images": images, "model": model}, np.clip(answers, 0, 96).reshape(faces, -1, 2)


def _expect_points(got: Any, want: np.ndarray, what: str, example: str) -> None:
    """Expect these keypoints; the first one that is wrong is told, however many others are."""
    hint = "Compare both points by what the docstring says of the unit, the order of the numbers and the borders."
    # That an array is due is asked by a rung of its own.
    got = got.array if isinstance(got, TensorValue) else got
    try:
        expect.close(got, want, RTOL, ATOL, what, example, hint)
    except expect.Mismatch as found:
        if found.difference is None:
            raise
        right = np.isclose(got, want, rtol=RTOL, atol=ATOL).all(axis=2)
        face, point = (int(i) for i in np.argwhere(~right)[0])
        expected, came = (f"({x:.6g}, {y:.6g})" for x, y in (want[face, point], np.asarray(got)[face, point]))
        expected = f"{what}: keypoint {point} of face {face} at {expected}"
        raise expect.Mismatch(expected, f"at {came}", example, hint, found.difference) from None


def _expect_images(shapes: list[list[int]], want: tuple[int, ...], model: str) -> None:
    """Expect that the model was given images of this shape, whatever the size of the batch."""
    got = next((tuple(shape) for shape in shapes if tuple(shape[1:]) != want), None)
    given = "" if got is None else ", ".join(["B", *(str(side) for side in got[1:])])
    hint = "Where does this framework expect the channel, of which a gray image has one?"
    expected = f"a {model} model is given images (B, {', '.join(map(str, want))})"
    expect.true(got is None, expected, f"({given})", hint=hint)


def _predict_torch(
    student: Student,
    rng: np.random.Generator,
    faces: int,
    batch_size: int | None = 4,
    training: bool = False,
    **drawn: Any,
) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """Return what the student makes of a torch model, the keypoints that it should, and the images."""
    task, want = _draw_task(rng, faces, **drawn)
    found = student.probe("lesson_06.predict_torch", **task, batch_size=batch_size, training=training)
    _expect_images([call["shape"] for call in found["calls"]], (1, 96, 96), "torch")
    return found, want, task["images"]


def _predict_keras(
    student: Student, rng: np.random.Generator, faces: int, batch_size: int, style: str, outputs: int = OUTPUTS
) -> tuple[dict[str, Any], np.ndarray]:
    """Return what the student makes of a Keras model, and the keypoints that it should."""
    task, want = _draw_task(rng, faces, unit=96.0, outputs=outputs)
    return student.probe("lesson_06.predict_keras", **task, batch_size=batch_size, style=style), want


@predict_keypoints.rung("shape", points=2)
def returns_an_array_of_points(student: Student, rng: np.random.Generator) -> None:
    """Ten faces and a torch model give a float array (10, 15, 2)."""
    # Three batches, of which the last is smaller: who stops after the first is told from who drops the last.
    found, _, _ = _predict_torch(student, rng, 10)
    seen = sum(call["shape"][0] for call in found["calls"])
    expect.true(seen == 10, "with batch_size=4, the model sees all of 10 faces", f"it sees {seen}")
    if type_name(found["value"]) == "torch.Tensor":
        hint = "The rest of the lesson works with NumPy arrays: convert the tensor."
        raise expect.Mismatch("predict_keypoints(…): a numpy.ndarray", "torch.Tensor", hint=hint)
    expect.array(found["value"], shape=(10, OUTPUTS // 2, 2), dtype="float", what="predict_keypoints(…)")


_seven_faces = Shared(
    "predict_keypoints/Keras", lambda student, rng: _predict_keras(student, rng, 7, 3, "subclassed")[0]
)


@form(predict_keypoints, "dtype", points=1, dtype="float32")
def points_are_float32(student: Student, rng: np.random.Generator) -> Answers:
    """Keypoints are float32, whichever framework the model is of."""
    yield "predict_keypoints(torch model)", _predict_torch(student, rng, 3)[0]["value"]
    yield "predict_keypoints(Keras model)", _seven_faces(student, rng)["value"]


@predict_keypoints.rung("values", points=1)
def a_torch_model_predicts_in_eval_mode(student: Student, rng: np.random.Generator) -> None:
    """A torch model predicts in eval mode, whatever mode it came in."""
    for training in (True, False):
        found, want, _ = _predict_torch(student, rng, 4, training=training, inside=True)
        predicted = any(call["training"] for call in found["calls"])
        hint = "In train mode, dropout and batch normalization change the answers."
        came = f"a model that came in {MODES[training]}"
        expect.true(not predicted, f"{came} predicts in eval mode", "it predicts in train mode", hint=hint)
        # What a model notes of its calls is no proof: half of its answers are other numbers in train mode.
        _expect_points(found["value"], want, "predict_keypoints(torch model)", f"4 faces; {came}")


@predict_keypoints.rung("values", points=4)
def predicts_with_torch(student: Student, rng: np.random.Generator) -> None:
    """A torch model: its answers in pixels, clipped to [0, 96], whatever the batch size."""
    faces = int(rng.integers(5, 9))
    for batch_size in (3, 100, None):
        found, want, _ = _predict_torch(student, rng, faces, batch_size, training=True)
        example = f"{faces} faces, batch_size={batch_size or 'not given'}"
        _expect_points(found["value"], want, "predict_keypoints(torch model)", example)


@predict_keypoints.rung("values", points=4)
def predicts_with_keras(student: Student, rng: np.random.Generator) -> None:
    """A Keras model, functional or subclassed: 96 times its answers, clipped to [0, 96]."""
    for style in ("subclassed", "functional"):
        faces = int(rng.integers(5, 9))
        found, want = _predict_keras(student, rng, faces, 3, style)
        _expect_images(found["shapes"], (96, 96, 1), "Keras")
        example = f"{faces} faces, batch_size=3, a {style} keras.Model"
        _expect_points(found["value"], want, "predict_keypoints(Keras model)", example)


@predict_keypoints.rung("values", points=1)
def takes_any_number_of_points(student: Student, rng: np.random.Generator) -> None:
    """(N, 2K) answers become (N, K, 2), whatever K is."""
    points = int(rng.choice([4, 7, 9, 68]))
    example = f"3 faces, a model of {points} points"
    asked: list[tuple[str, Callable[[], tuple[Any, ...]]]] = [
        ("torch", lambda: _predict_torch(student, rng, 3, outputs=2 * points)),
        ("Keras", lambda: _predict_keras(student, rng, 3, 2, "functional", outputs=2 * points)),
    ]
    hint = "How many points a face has, the model says: half as many as numbers in one of its answers."
    for framework, ask in asked:
        what = f"predict_keypoints({framework} model)"
        try:
            found, want = ask()[:2]
        except StudentError as error:
            if expect.is_stub(error):
                raise
            raise expect.Mismatch(
                f"{what}: shape (3, {points}, 2)", str(error), example, hint, where=error.where
            ) from None
        _expect_points(found["value"], want, what, example)


@predict_keypoints.rung("edge cases", points=1)
def a_torch_model_sees_small_batches(student: Student, rng: np.random.Generator) -> None:
    """A torch model never sees more than batch_size faces at once, and every face once."""
    # So many that batches of a size of one's own are told from all faces at once.
    faces = int(rng.integers(37, 41))
    found, _, _ = _predict_torch(student, rng, faces, batch_size=3)
    sizes = [call["shape"][0] for call in found["calls"]]
    hint = "All faces of a real test set at once would not fit into memory, and each of them wants an answer."
    fits = max(sizes, default=0) <= 3 and sum(sizes) == faces
    got = f"batches of {', '.join(map(str, sizes[:4]))}{', …' if len(sizes) > 4 else ''} faces"
    expect.true(fits, f"{faces} faces in batches of at most 3", got, hint=hint)


@predict_keypoints.rung("edge cases", points=1)
def a_keras_model_sees_small_batches(student: Student, rng: np.random.Generator) -> None:
    """A Keras model never sees more than batch_size faces at once, and every face once."""
    sizes = [shape[0] for shape in _seven_faces(student, rng)["shapes"]]
    hint = "`model(images)` shows all of them at once; `model.predict` takes a batch_size."
    fits = max(sizes, default=0) <= 3 and sum(sizes) == 7
    expect.true(fits, "7 faces in batches of at most 3", f"batches of {sizes}", hint=hint)


@predict_keypoints.rung("gradients", points=1)
def a_torch_model_needs_no_gradients(student: Student, rng: np.random.Generator) -> None:
    """A torch model predicts without gradients, and gradients work again afterwards."""
    found, _, _ = _predict_torch(student, rng, 4)
    expect.true(bool(found["calls"]), "a model that is asked", "a model that was never called")
    hint = "Whoever predicts does not learn: with gradients, every layer keeps its answer in memory for nothing."
    expect.true(not any(call["gradients"] for call in found["calls"]), "no gradients", "gradients are kept", hint=hint)
    hint = "torch.set_grad_enabled(False) holds for the whole program. Switch gradients off only while you predict."
    expect.true(found["gradients"], "gradients switched on afterwards, as before", "switched off", hint=hint)


@predict_keypoints.rung("side effects", points=1)
def a_torch_model_keeps_its_mode(student: Student, rng: np.random.Generator) -> None:
    """A torch model is afterwards in the mode it came in; the images stay as they are."""
    for training in (True, False):
        found, _, images = _predict_torch(student, rng, 4, training=training)
        expect.true(bool(found["calls"]), "a model that is asked", "a model that was never called")
        expected = f"a model that came in {MODES[training]} is in {MODES[training]} afterwards"
        hint = "Remember model.training before you change it."
        expect.true(found["training"] == training, expected, f"it is in {MODES[found['training']]}", hint=hint)
        kept = np.array_equal(found["images_after"], images)
        hint = "An operation in place (-=, /=) wrote into the caller's array. Use one that returns a new array."
        expect.true(kept, "the images afterwards, as before", "images that were overwritten", hint=hint)
