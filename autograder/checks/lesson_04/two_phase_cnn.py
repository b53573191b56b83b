"""Checks of lesson 04. The CNN is judged by what its layers hand on, training by the weights it passes through."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.common.recognize import hint_for
from autograder.checks.common.shared import Shared
from autograder.checks.lesson_04 import cnn_network, phase_training, two_phases
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

to_unit_targets = Ladder("to_unit_targets")
build_cnn = cnn_network.build_cnn
compile_phase = Ladder("compile_phase")
phase_callbacks = two_phases.phase_callbacks
train_two_phase = phase_training.train_two_phase

# One division or multiplication in float32, whose error is 6e-8 of the value; measured in 2000 runs of three styles: 0.
EXACT = {"rtol": 1e-5, "atol": 1e-6}
IN_PIXELS = {"rtol": 1e-5, "atol": 1e-5}


def _keypoints(rng: np.random.Generator, faces: int) -> np.ndarray:
    return rng.uniform(1, 95, (faces, 15, 2)).astype(np.float32)


def _unit_mistakes(keypoints: np.ndarray) -> list[tuple[np.ndarray, str]]:
    flat = keypoints.reshape(len(keypoints), -1).astype(float)
    by_axis = keypoints.transpose(0, 2, 1).reshape(len(keypoints), -1).astype(float)
    swapped = keypoints[..., ::-1].reshape(len(keypoints), -1).astype(float)
    return [
        (flat, "The numbers are still pixels: divide them by the width of the image."),
        (flat / 95, "95 is the last pixel's index, not the width. The unit is the width of the image: 96 pixels."),
        (flat / 100, "The unit is the width of the image: 96 pixels, not 100."),
        (flat / 255, "255 is the range of pixel values. Coordinates are measured against the width of the image."),
        (
            (flat - 48) / 48,
            "This is the range [-1, 1] around the middle of the image; the lesson's targets lie in [0, 1].",
        ),
        (
            by_axis / 96,
            "All x come first, then all y. The order must stay x0, y0, x1, y1, … so that x and y of a keypoint "
            "remain neighbors.",
        ),
        (swapped / 96, "x and y of each keypoint have changed places."),
    ]


def _pixel_mistakes(outputs: np.ndarray) -> list[tuple[np.ndarray, str]]:
    wide = outputs.astype(float)
    pairs = wide.reshape(len(outputs), 15, 2)
    return [
        (pairs, "The numbers are still in units of the image's width: multiply them by it."),
        (pairs * 95, "95 is the last pixel's index, not the width. The unit is the width of the image: 96 pixels."),
        (pairs * 48 + 48, "This undoes the range [-1, 1]; the network's outputs are in [0, 1], in units of 96 pixels."),
        (
            np.stack([wide[:, :15], wide[:, 15:]], axis=2) * 96,
            "Read in pairs: outputs 0 and 1 are x and y of keypoint 0. Your first 15 outputs all became x.",
        ),
        (
            wide.reshape(len(outputs), 2, 15).transpose(0, 2, 1) * 96,
            "Read in pairs: outputs 0 and 1 are x and y of keypoint 0. Your first 15 outputs all became x.",
        ),
        (pairs[..., ::-1] * 96, "x and y of each keypoint have changed places."),
        (np.round(pairs * 96), "Keypoints lie between pixels too: do not round."),
    ]


@to_unit_targets.rung("shape", points=1, gate=True)
def turns_15_points_into_30_numbers(student: Student, rng: np.random.Generator) -> None:
    """(N, 15, 2) becomes (N, 30), and the way back gives (N, 15, 2)."""
    faces = int(rng.integers(2, 6))
    got = student.call("to_unit_targets", _keypoints(rng, faces))
    expect.array(got, shape=(faces, 30), dtype="float", what=f"to_unit_targets of ({faces}, 15, 2)")
    got = student.call("to_pixels", rng.random((faces, 30), np.float32))
    expect.array(got, shape=(faces, 15, 2), dtype="float", what=f"to_pixels of ({faces}, 30)")


@to_unit_targets.rung("values", points=3)
def divides_by_the_width(student: Student, rng: np.random.Generator) -> None:
    """to_unit_targets: pixels become parts of the image's width, in the order x0, y0, x1, y1, …"""
    keypoints = _keypoints(rng, 3)
    got = student.call("to_unit_targets", keypoints)
    want = keypoints.reshape(3, 30) / 96.0
    hint = hint_for(got, _unit_mistakes(keypoints))
    first = f"[{keypoints[0, 0, 0]:.2f}, {keypoints[0, 0, 1]:.2f}]"
    expect.close(got, want, **EXACT, what="to_unit_targets(keypoints)", example=f"keypoints[0, 0] = {first}", hint=hint)


@to_unit_targets.rung("values", points=3)
def multiplies_by_the_width(student: Student, rng: np.random.Generator) -> None:
    """to_pixels: parts of the image's width become pixels, as (x, y) pairs."""
    outputs = rng.uniform(0.01, 0.99, (3, 30)).astype(np.float32)
    got = student.call("to_pixels", outputs)
    want = outputs.reshape(3, 15, 2) * 96.0
    example = f"outputs[0, :2] = [{outputs[0, 0]:.4f}, {outputs[0, 1]:.4f}]"
    hint = hint_for(got, _pixel_mistakes(outputs))
    expect.close(got, want, **IN_PIXELS, what="to_pixels(outputs)", example=example, hint=hint)


KEEP_NAN = "An unlabeled coordinate must stay NaN, so that whoever reads the targets sees that the label is missing."


def _faces_with_nan(rng: np.random.Generator, faces: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Keypoints, some NaN, their unit targets, and words for both."""
    keypoints = _keypoints(rng, faces)
    keypoints[rng.random((faces, 15)) < 0.5] = np.nan
    keypoints[0, 0], keypoints[0, 1] = np.nan, (12.0, 84.0)
    outputs = (keypoints.reshape(faces, 30) / np.float32(96)).astype(np.float32)
    return keypoints, outputs, f"{faces} face{'s' * (faces > 1)}, some keypoints NaN"


@to_unit_targets.rung("edge cases", points=1)
def keeps_nan_in_targets(student: Student, rng: np.random.Generator) -> None:
    """to_unit_targets: NaN stays NaN, and one face alone works as well."""
    for faces in (1, 5):
        keypoints, outputs, example = _faces_with_nan(rng, faces)
        got = student.call("to_unit_targets", keypoints)
        expect.close(got, outputs, **EXACT, what="to_unit_targets", example=example, hint=KEEP_NAN)


@to_unit_targets.rung("edge cases", points=1)
def keeps_nan_in_pixels(student: Student, rng: np.random.Generator) -> None:
    """to_pixels: NaN stays NaN, and one face alone works as well."""
    for faces in (1, 5):
        keypoints, outputs, example = _faces_with_nan(rng, faces)
        got = student.call("to_pixels", outputs)
        expect.close(got, keypoints, **IN_PIXELS, what="to_pixels", example=example, hint=KEEP_NAN)


def _leaves_alone(student: Student, name: str, given: np.ndarray) -> None:
    hint = "`a /= 96` and `a *= 96` change the caller's array. Compute a new one."
    _, (after,) = student.call_and_args(name, given.copy())
    expect.equal(after, given, what=f"the input after {name}", hint=hint)


@to_unit_targets.rung("side effects", points=0.5)
def leaves_keypoints_alone(student: Student, rng: np.random.Generator) -> None:
    """The keypoints that come in are the same afterwards."""
    _leaves_alone(student, "to_unit_targets", _keypoints(rng, 3))


@to_unit_targets.rung("side effects", points=0.5)
def leaves_outputs_alone(student: Student, rng: np.random.Generator) -> None:
    """The outputs that come in are the same afterwards."""
    _leaves_alone(student, "to_pixels", rng.random((3, 30), np.float32))


def huber(error: np.ndarray) -> np.ndarray:
    """The Huber loss of each error, delta 1: square near 0, straight beyond."""
    size = np.abs(error)
    return np.where(size <= 1, size**2 / 2, size - 0.5)


def _compile(student: Student, rng: np.random.Generator, *phases: int) -> tuple[dict[str, Any], np.ndarray]:
    """Compile for the phases in turn; return what came of it, and the errors that its loss was shown."""
    weights = rng.uniform(-1, 1, 4).astype(np.float32)
    errors = rng.uniform(0.1, 3.0, (2, 4)) * rng.choice([-1, 1], (2, 4))
    # Some errors on each side of 1, where Huber's loss changes its shape.
    errors[0, :2], errors[1, :2] = (0.3, -0.6), (2.5, -1.7)
    found = student.probe(
        "lesson_04.compiled", phases=list(phases), weights=weights, target=(weights - errors).astype(np.float32)
    )
    expect.true(
        found["type"] != "NoneType",
        "a compiled model",
        "a model without an optimizer",
        hint="Call model.compile on the very model that comes in.",
    )
    hint = "Compiling must leave the weights as they are: phase 2 goes on from what phase 1 has learned."
    expect.true(
        bool(np.array_equal(found["weights"], weights)),
        f"compile_phase(model, {phases[-1]}) leaves the weights as they were",
        "other weights afterwards",
        hint=hint,
    )
    return found, errors


_compiled = {
    1: Shared("compile_phase/1", lambda student, rng: _compile(student, rng, 1)),
    2: Shared("compile_phase/2", lambda student, rng: _compile(student, rng, 1, 2)),
}


def _expect_optimizer(found: dict[str, Any], phase: int, kind: str, rate: float) -> None:
    call = f"compile_phase(model, {phase})"
    if found["type"] != kind:
        hint = "Adam is for phase 1, SGD with momentum for phase 2." if found["type"] in ("Adam", "SGD") else None
        raise expect.Mismatch(f"{call}: optimizer {kind}", f"optimizer {found['type']}", hint=hint)
    defaults = {"Adam": 0.001, "SGD": 0.01}
    near = bool(np.isclose(found["learning_rate"], defaults[kind], rtol=1e-5))
    hint = f"{defaults[kind]} is Keras's own default: say which learning rate you want." if near else None
    expect.close(found["learning_rate"], rate, rtol=1e-4, atol=0, what=f"{call}: learning rate", hint=hint)


@compile_phase.rung("values", points=3)
def compiles_phase_1(student: Student, rng: np.random.Generator) -> None:
    """Phase 1 trains with Adam at 5e-4."""
    found, _ = _compiled[1](student, rng)
    _expect_optimizer(found, 1, "Adam", 5e-4)


@compile_phase.rung("values", points=3)
def compiles_phase_2(student: Student, rng: np.random.Generator) -> None:
    """Phase 2, compiled after phase 1, trains with SGD at 1e-3 and momentum 0.9."""
    found, _ = _compiled[2](student, rng)
    _expect_optimizer(found, 2, "SGD", 1e-3)
    hint = "Without momentum, SGD forgets in which direction it was going." if not found["momentum"] else None
    expect.close(found["momentum"], 0.9, what="compile_phase(model, 2): momentum", hint=hint)


@compile_phase.rung("values", points=3)
def uses_the_huber_loss(student: Student, rng: np.random.Generator) -> None:
    """Both phases minimize the Huber loss (delta 1)."""
    for phase in (1, 2):
        found, errors = _compiled[phase](student, rng)
        mistakes = [
            (np.mean(errors**2), "This is the mean squared error. The sources use Huber's loss in both phases."),
            (np.mean(np.abs(errors)), "This is the mean absolute error. The sources use Huber's loss in both phases."),
            (np.sum(huber(errors)) / len(errors), "The losses of one face's outputs are added up; they are averaged."),
            (np.mean(np.log(np.cosh(errors))), "Log-cosh looks like Huber's loss, but it is another one."),
        ]
        # Measured over 40 runs of five styles: 0.0011 of this tolerance at most.
        expect.close(
            found["loss"],
            np.mean(huber(errors)),
            rtol=1e-4,
            what=f"the loss of phase {phase}",
            example=f"errors {np.round(errors, 2).tolist()}",
            hint=hint_for(found["loss"], mistakes, rtol=1e-4),
        )


@compile_phase.rung("edge cases", points=1)
def knows_no_other_phase(student: Student, rng: np.random.Generator) -> None:
    """Any other phase is a ValueError."""
    hint = "A phase that does not exist must not be trained silently: raise ValueError and say which phase came."
    for phase in (3, 0, int(rng.integers(4, 100))):
        call, got = f"compile_phase(model, {phase})", "no error"
        try:
            student.probe(
                "lesson_04.compiled",
                phases=[phase],
                weights=np.zeros(4, np.float32),
                target=np.zeros((1, 4), np.float32),
            )
        except StudentError as raised:
            if expect.is_stub(raised):
                raise
            # The message would only say how the names are called.
            got = raised.type
            if "ValueError" in raised.bases:
                continue
        raise expect.Mismatch(f"{call}: ValueError", got, hint=hint)
