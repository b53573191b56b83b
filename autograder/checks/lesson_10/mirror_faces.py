"""Checks of mirror_faces: pixels, places, and the names that a mirror exchanges."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.lesson_10.small_models import partners
from autograder.ladder import expect
from autograder.ladder.form import Answers, Kept, form, kept
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student
from autograder.worker.plain import type_name

mirror_faces = Ladder("mirror_faces")

SIDE, MIDDLE = 96, 47.5
# Pixels up to 150 in float32, after a difference.
ATOL = 1e-3
PARTS = ("images", "keypoints")
# Names that begin with the word, names that have it in the middle, and names without.
FIRST = ("{}_eye_center", "{}_eye_inner_corner", "{}_eyebrow_outer_end", "{}_ear_top")
WITHIN = ("mouth_{}_corner", "nose_{}_wing", "chin_{}_end")
NEITHER = ("nose_tip", "mouth_center_top_lip", "mouth_center_bottom_lip", "chin_center")
PLACE_HINT = "Write down 2 * axis - x for one point by hand. What becomes of y?"
SWAP_HINT = "In the mirrored picture, which of the old points is where the left eye is? Follow it by its name."


def _both_sides(patterns: tuple[str, ...]) -> list[str]:
    return [pattern.format(word) for pattern in patterns for word in ("left", "right")]


def _draw_names(rng: np.random.Generator, patterns: tuple[str, ...], alone: int = 2) -> list[str]:
    """Return names of both sides and some without a side, in an order in which no name stands beside its partner."""
    names = [*_both_sides(patterns), *NEITHER[:alone]]
    while True:
        order = [names[i] for i in rng.permutation(len(names))]
        if all(abs(index - partner) != 1 for index, partner in enumerate(partners(order))):
            return order


def _draw_faces(rng: np.random.Generator, faces: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw noisy images (faces, 96, 96) and keypoints (faces, count, 2), float32."""
    return (
        rng.random((faces, SIDE, SIDE), dtype=np.float32),
        rng.uniform(5, 90, (faces, count, 2)).astype(np.float32),
    )


def _right(keypoints: np.ndarray, names: list[str], axis: float | np.ndarray = MIDDLE) -> np.ndarray:
    """Return the mirrored keypoints, float64."""
    mirrored = keypoints[:, partners(names)].astype(float)
    mirrored[..., 0] = 2 * np.reshape(np.asarray(axis, float), (-1, 1)) - mirrored[..., 0]
    return mirrored


def _pair(value: Any) -> list[Any]:
    """Expect two things, images and keypoints."""
    got = f"{len(value)} values" if isinstance(value, list) else type_name(value)
    right = isinstance(value, list) and len(value) == 2
    expect.true(right, "mirror_faces(…): images and keypoints, two arrays", got)
    return value


def _keypoints(value: Any, shape: tuple[int, ...]) -> np.ndarray:
    return expect.array(_pair(value)[1], shape, what="mirror_faces(…), keypoints").astype(float)


def _say(points: np.ndarray) -> str:
    """Return the points of a face as text, whatever their number."""
    return ", ".join(f"({x:.6g}, {y:.6g})" for x, y in points + 0.0)


def _expect_points(got: np.ndarray, want: np.ndarray, keypoints: np.ndarray, names: list[str], call: str) -> None:
    """Expect keypoints (N, K, 2); where a face's differ, all of its points are told."""
    right = np.isclose(got, want, rtol=0, atol=ATOL, equal_nan=True).all(axis=(1, 2))
    if not right.all():
        face = int(np.argmin(right))
        asked = ", ".join(f"{name} ({x:.6g}, {y:.6g})" for name, (x, y) in zip(names, keypoints[face], strict=True))
        example = f"face {face}: {asked}"
        hint = PLACE_HINT if partners(names) == list(range(len(names))) else SWAP_HINT
        raise expect.Mismatch(f"{call}, keypoints: {_say(want[face])}", _say(got[face]), example, hint)


@form(mirror_faces, "type", points=1)
def returns_images_and_keypoints(student: Student, rng: np.random.Generator) -> Answers:
    """It returns images and keypoints: two NumPy arrays."""
    names = _draw_names(rng, FIRST[:2])
    value = student.call("mirror_faces", *_draw_faces(rng, 2, len(names)), names)
    yield from zip((f"mirror_faces(…), {part}" for part in PARTS), _pair(value), strict=True)


@form(mirror_faces, "shape", points=1)
def keeps_the_shapes(student: Student, rng: np.random.Generator) -> Answers:
    """Images stay (N, 96, 96), keypoints (N, K, 2), one face alone included."""
    for faces, names in ((3, _draw_names(rng, FIRST[:2])), (1, ["nose_tip"])):
        given = _draw_faces(rng, faces, len(names))
        for part, value, array in zip(PARTS, _pair(student.call("mirror_faces", *given, names)), given, strict=True):
            yield f"mirror_faces(…), {part}", value, array.shape


@form(mirror_faces, "dtype", points=1, dtype="float32")
def stays_float32(student: Student, rng: np.random.Generator) -> Answers:
    """Images and keypoints stay float32."""
    names = _draw_names(rng, FIRST[:2])
    value = student.call("mirror_faces", *_draw_faces(rng, 2, len(names)), names)
    yield from zip((f"mirror_faces(…), {part}" for part in PARTS), _pair(value), strict=True)


def _say_picture(got: np.ndarray, images: np.ndarray) -> str | None:
    """Return in words what common mistakes make of the images; None where it is none of these."""
    known = {
        "images as they were": images,
        "images upside down": images[:, ::-1],
        "images turned by half a turn": images[:, ::-1, ::-1],
        "images in the opposite order": images[::-1],
        "images whose rows and columns are exchanged": images.swapaxes(1, 2),
    }
    return next((words for words, wrong in known.items() if np.allclose(got, wrong, rtol=0, atol=1e-5)), None)


def _expect_images(got: Any, images: np.ndarray) -> None:
    what, hint = "mirror_faces(…), images", "An image's axes are rows, which is y, then columns, which is x."
    found = expect.array(got, images.shape, what=what)
    words = _say_picture(found, images)
    expect.true(words is None, f"{what}: the columns of each in the opposite order", str(words), hint=hint)
    expect.close(found, images[:, :, ::-1], rtol=0, atol=1e-5, what=what, hint=hint)


@mirror_faces.rung("values", points=3)
def reverses_the_columns(student: Student, rng: np.random.Generator) -> None:
    """The columns of every image come in the opposite order, whatever the axis of the labels; its rows stay."""
    names = _draw_names(rng, FIRST[:2])
    for axis in ([], [49.0]):
        images, keypoints = _draw_faces(rng, 3, len(names))
        _expect_images(_pair(student.call("mirror_faces", images, keypoints, names, *axis))[0], images)


def _expect_mirrored(
    student: Student, rng: np.random.Generator, faces: int, names: list[str], axis: float | np.ndarray | None = None
) -> None:
    images, keypoints = _draw_faces(rng, faces, len(names))
    more = [] if axis is None else [axis]
    got = _keypoints(student.call("mirror_faces", images, keypoints, names, *more), keypoints.shape)
    shown = "" if axis is None else f", axis={axis}" if isinstance(axis, float) else f", axis=[{axis[0]:g}, …]"
    want = _right(keypoints, names, MIDDLE if axis is None else axis)
    _expect_points(got, want, keypoints, names, f"mirror_faces(images, keypoints, names{shown})")


@mirror_faces.rung("values", points=3)
def mirrors_the_places(student: Student, rng: np.random.Generator) -> None:
    """x becomes 2 * 47.5 - x and y stays, where no keypoint has a side."""
    for faces, count in ((2, 2), (3, 4)):
        _expect_mirrored(student, rng, faces, list(NEITHER[:count]))


def _expect_exchanged(student: Student, rng: np.random.Generator, names: list[str]) -> None:
    """Expect each keypoint where its partner was, by its y; x may lie about any axis, which another rung looks at."""
    images, keypoints = _draw_faces(rng, 2, len(names))
    got = _keypoints(student.call("mirror_faces", images, keypoints, names), keypoints.shape)
    want = _right(keypoints, names)
    same_y = np.allclose(got[..., 1], want[..., 1], rtol=0, atol=ATOL)
    # One of the two is the same for all points of a face, if x goes with y.
    moved = [np.ptp(got[..., 0] - sign * want[..., 0], axis=1).max() < 2 * ATOL for sign in (1, -1)]
    if same_y and any(moved):
        return
    _expect_points(got, want, keypoints, names, "mirror_faces(images, keypoints, names)")


@mirror_faces.rung("values", points=4)
def exchanges_left_and_right(student: Student, rng: np.random.Generator) -> None:
    """left_… takes the place of right_… by name, in whatever order the names stand; others keep theirs."""
    for patterns, alone in ((FIRST[:2], 1), (FIRST, 2), (FIRST[1:], 3)):
        _expect_exchanged(student, rng, _draw_names(rng, patterns, alone))


@mirror_faces.rung("values", points=2)
def finds_the_word_inside_a_name(student: Student, rng: np.random.Generator) -> None:
    """mouth_left_corner and mouth_right_corner are exchanged as well."""
    for patterns in (WITHIN[:2], (*WITHIN, *FIRST[:2])):
        _expect_exchanged(student, rng, _draw_names(rng, patterns, 1))


def _draw_axes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return (count,) different axes beside the middle, which float32 holds exactly."""
    return MIDDLE + rng.choice(np.array([-2, -1.5, -1, -0.5, 0.5, 1, 1.5, 2]), count, replace=False)


@mirror_faces.rung("values", points=2)
def mirrors_about_the_axis(student: Student, rng: np.random.Generator) -> None:
    """With another axis x becomes 2 * axis - x."""
    for axis in _draw_axes(rng, 2).tolist():
        _expect_mirrored(student, rng, 2, list(NEITHER[:3]), axis)


@mirror_faces.rung("values", points=2)
def mirrors_each_face_about_its_own_axis(student: Student, rng: np.random.Generator) -> None:
    """An array of axes holds one for each face, also where there are as many faces as keypoints."""
    for faces, count in ((3, 3), (4, 2), (1, 2)):
        _expect_mirrored(student, rng, faces, list(NEITHER[:count]), _draw_axes(rng, faces))


@mirror_faces.rung("edge cases", points=1)
def keeps_nan(student: Student, rng: np.random.Generator) -> None:
    """A keypoint without a label stays without one, under its other name."""
    names = [*_both_sides(FIRST[:1]), "nose_tip", *_both_sides(FIRST[1:2])]
    images, keypoints = _draw_faces(rng, 3, len(names))
    keypoints[0, 0] = keypoints[1, 2] = keypoints[2, 3] = np.nan
    got = _keypoints(student.call("mirror_faces", images, keypoints, names), keypoints.shape)
    want = _right(keypoints, names)
    hint = "NaN needs no care of its own: what does NaN become in a difference?"
    for face in range(3):
        same = np.array_equal(np.isnan(got[face]), np.isnan(want[face]))
        asked = ", ".join(f"{name} ({x:.6g}, {y:.6g})" for name, (x, y) in zip(names, keypoints[face], strict=True))
        said = f"mirror_faces(…), keypoints: NaN as in {_say(want[face])}"
        expect.true(same, said, _say(got[face]), f"face {face}: {asked}", hint)


def _expect_refused(student: Student, rng: np.random.Generator, names: list[str]) -> None:
    example = f"names {', '.join(names)}"
    hint = "A name with left or right needs its partner: look for it before you exchange anything."
    given = _draw_faces(rng, 2, len(names))
    expect.raises(student, ValueError, "mirror_faces", *given, names, example=example, hint=hint)


@mirror_faces.rung("edge cases", points=1)
def refuses_left_without_right(student: Student, rng: np.random.Generator) -> None:
    """A name with left whose partner is missing: ValueError."""
    for names in (["left_eye_center", "nose_tip"], [*_both_sides(FIRST[:2]), "left_ear_top"]):
        _expect_refused(student, rng, names)


@mirror_faces.rung("edge cases", points=1)
def refuses_right_without_left(student: Student, rng: np.random.Generator) -> None:
    """A name with right whose partner is missing: ValueError."""
    for names in (["nose_tip", "right_eye_center"], ["right_ear_top", *_both_sides(FIRST[:2])]):
        _expect_refused(student, rng, names)


@kept(mirror_faces, points=1, hint="Work on a copy: the caller still needs the faces as they were.")
def leaves_the_faces(student: Student, rng: np.random.Generator) -> Kept:
    """Images, keypoints and names are as they were."""
    names = _draw_names(rng, FIRST[:2])
    images, keypoints = _draw_faces(rng, 3, len(names))
    value, after = student.call_and_args("mirror_faces", images, keypoints, names)
    # Who does nothing changes nothing.
    _expect_images(_pair(value)[0], images)
    yield "the images", images, after[0]
    yield "the keypoints", keypoints, after[1]
    yield "the names", names, after[2]


@mirror_faces.rung("side effects", points=1)
def returns_new_arrays(student: Student, rng: np.random.Generator) -> None:
    """What comes back is new: whoever writes into it leaves the stored faces alone."""
    names = _draw_names(rng, FIRST[:2])
    images, keypoints = _draw_faces(rng, 2, len(names))
    found = student.probe(
        "lesson_10.mirror_is_a_view", images=images.copy(), keypoints=keypoints.copy(), keypoint_names=names
    )
    _expect_images(_pair(found["value"])[0], images)
    hint = "A slice with a step of -1 is a view of the same memory. Which method makes an array of its own?"
    for part, shares in zip(PARTS, found["shares"], strict=True):
        expect.true(not shares, f"{part}: an array of its own", f"a view of the {part} that came in", hint=hint)
