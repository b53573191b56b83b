"""Checks of ``make_submission``: tables small enough to be looked up one by one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograder import expect
from autograder.checks.probing import raises_value_error
from autograder.checks.recognize import hint_for
from autograder.ladder import Ladder
from autograder.student import Student, StudentError
from autograder.worker.plain import TableValue, type_name

make_submission = Ladder("make_submission")

NAMES = ["nose_tip", "left_eye_center", "mouth_center_bottom_lip", "right_eye_center"]


def _questions(rng: np.random.Generator, faces: int) -> tuple[np.ndarray, list[str], dict[str, list]]:
    """Keypoints, their names in an order of their own, and a look-up table that asks for about half of them."""
    names = [NAMES[i] for i in rng.permutation(len(NAMES))]
    keypoints = rng.uniform(1, 95, (faces, len(names), 2)).astype(np.float32)
    asked = [(face, f"{name}_{axis}") for face in range(1, faces + 1) for name in NAMES for axis in "xy"]
    chosen = [asked[i] for i in rng.permutation(len(asked))[: len(asked) // 2]]
    # The first and the last face are asked for in every run.
    chosen += [question for question in ((1, "nose_tip_x"), (faces, "nose_tip_y")) if question not in chosen]
    row_ids = [int(number) for number in rng.permutation(len(chosen)) + 1]
    lookup = {"RowId": row_ids, "ImageId": [face for face, _ in chosen], "FeatureName": [name for _, name in chosen]}
    return keypoints, names, lookup


def _locations(
    keypoints: np.ndarray, names: list[str], lookup: dict[str, list], first_id: int = 1, axes: str = "xy"
) -> list[float]:
    """The answers, looked up one by one."""
    found = []
    for image_id, feature in zip(lookup["ImageId"], lookup["FeatureName"], strict=True):
        name, _, axis = feature.rpartition("_")
        found.append(float(keypoints[(image_id - first_id) % len(keypoints), names.index(name), axes.index(axis)]))
    return found


def _submitted(student: Student, keypoints: np.ndarray, names: list[str], lookup: dict[str, list]) -> dict[str, Any]:
    try:
        return student.probe("kaggle_submission.submit", keypoints=keypoints, keypoint_names=names, lookup=lookup)
    except StudentError as error:
        if error.type != "IndexError":
            raise
        raise expect.Mismatch(
            f"make_submission(…): an answer to ImageId 1 to {len(keypoints)}", str(error), error.where,
            "An index ran past the end. ImageId counts from 1, the rows of an array count from 0.") from None


def _table(found: dict[str, Any]) -> TableValue:
    value = found["value"]
    if not isinstance(value, TableValue):
        raise expect.Mismatch("make_submission(…): a pandas.DataFrame", f"{type_name(value)}: {expect.show(value)}")
    return value


def _asked_text(lookup: dict[str, list], row: int = 0) -> str:
    return f"RowId {lookup['RowId'][row]}, ImageId {lookup['ImageId'][row]}, {lookup['FeatureName'][row]}"


@make_submission.rung("type", points=1, gate=True)
def returns_a_table(student: Student, rng: np.random.Generator) -> None:
    """A DataFrame with the columns RowId and Location, in this order."""
    table = _table(_submitted(student, *_questions(rng, 3)))
    hint = None
    if table.columns == ["Location"]:
        hint = "RowId must be a column, not the index of the table."
    elif set(table.columns) > {"RowId", "Location"}:
        hint = "Kaggle takes these two columns and no other."
    expect.true(
        table.columns == ["RowId", "Location"], "columns ['RowId', 'Location']", f"columns {table.columns}", hint=hint
    )


@make_submission.rung("shape", points=1, gate=True)
def answers_each_question_once(student: Student, rng: np.random.Generator) -> None:
    """One row for each row of the look-up table."""
    keypoints, names, lookup = _questions(rng, 4)
    rows, asked = len(_table(_submitted(student, keypoints, names, lookup)).index), len(lookup["RowId"])
    hint = "Not every coordinate of every face is asked for." if rows == keypoints.size else None
    expect.true(rows == asked, f"{asked} rows, as in the look-up table", f"{rows} rows", hint=hint)


@make_submission.rung("dtype", points=1)
def locations_are_floats(student: Student, rng: np.random.Generator) -> None:
    """RowId holds integers, Location floats."""
    table = _table(_submitted(student, *_questions(rng, 3)))
    for column, kinds, wanted in (("RowId", "iu", "integers"), ("Location", "f", "floats")):
        values = table.data[column]
        kind = values.dtype.kind if isinstance(values, np.ndarray) else "O"
        got = values.dtype.name if isinstance(values, np.ndarray) else f"objects such as {expect.show(values[:1])}"
        expect.true(kind in kinds, f"{column}: {wanted}", got)


@make_submission.rung("values", points=2)
def keeps_the_order(student: Student, rng: np.random.Generator) -> None:
    """RowIds as in the look-up table, in its order."""
    keypoints, names, lookup = _questions(rng, 4)
    row_ids = np.asarray(_table(_submitted(student, keypoints, names, lookup)).data["RowId"])
    hint = None
    if np.array_equal(row_ids, np.sort(lookup["RowId"])) or np.array_equal(row_ids, np.arange(1, len(row_ids) + 1)):
        hint = "RowId comes from the look-up table, whatever its order; do not sort or count it yourself."
    elif sorted(row_ids.tolist()) == sorted(lookup["RowId"]):
        hint = "All rows are there, but something has sorted or grouped them."
    want = np.array(lookup["RowId"])
    expect.equal(row_ids, want, what="RowId", example=f"the first row asks for {_asked_text(lookup)}", hint=hint)


@make_submission.rung("values", points=5)
def finds_each_coordinate(student: Student, rng: np.random.Generator) -> None:
    """Location is the coordinate of that image and that feature."""
    for faces in (2, int(rng.integers(4, 8))):
        keypoints, names, lookup = _questions(rng, faces)
        table = _table(_submitted(student, keypoints, names, lookup))
        # Compared by RowId, so that a wrong order is not punished twice.
        by_id = dict(
            zip(np.asarray(table.data["RowId"]).tolist(), np.asarray(table.data["Location"]).tolist(), strict=True)
        )
        got = [by_id.get(row_id, math.nan) for row_id in lookup["RowId"]]
        by_axis = keypoints.transpose(0, 2, 1).reshape(faces, -1, 2)
        hint = hint_for(
            got,
            [
                (
                    _locations(keypoints, names, lookup, first_id=0),
                    "Every answer belongs to the next face: ImageId counts from 1, an array from 0.",
                ),
                (
                    _locations(keypoints, names, lookup, axes="yx"),
                    "x and y have changed places: `_x` asks for the first coordinate of a keypoint.",
                ),
                (
                    _locations(keypoints, NAMES, lookup),
                    "The order of the keypoints is that of `names`, not one known beforehand.",
                ),
                (
                    _locations(keypoints, sorted(names), lookup),
                    "The order of the keypoints is that of `names`; do not sort it.",
                ),
                (
                    _locations(by_axis, names, lookup),
                    "keypoints hold x and y of one keypoint side by side: flattened, that is x0, y0, x1, y1, …",
                ),
                (
                    keypoints.reshape(-1)[: len(got)],
                    "The answers come in the order of the array; follow ImageId and FeatureName.",
                ),
            ],
        )
        example = f"names {names}; the first row asks for {_asked_text(lookup)}"
        expect.close(got, _locations(keypoints, names, lookup), what="Location", example=example, hint=hint)


@make_submission.rung("edge cases", points=2)
def rejects_unknown_images(student: Student, rng: np.random.Generator) -> None:
    """An ImageId outside of 1 to N is a ValueError."""
    for wrong, hint in (
        (0, "ImageId 0 would become index -1, and Python reads that as the last face without a word."),
        (4, "There are only 3 faces. An IndexError comes too, but say what was expected and what came."),
        (-2, "A negative ImageId would be read from the end of the array without a word."),
    ):
        keypoints, names, lookup = _questions(rng, 3)
        lookup["ImageId"][int(rng.integers(len(lookup["ImageId"])))] = wrong
        raises_value_error(
            student,
            "kaggle_submission.submit",
            f"make_submission, ImageId {wrong} of 3 faces",
            "a look-up table with one such row",
            hint,
            keypoints=keypoints,
            keypoint_names=names,
            lookup=lookup,
        )


@make_submission.rung("edge cases", points=2)
def rejects_unknown_features(student: Student, rng: np.random.Generator) -> None:
    """A FeatureName that is no coordinate of a keypoint is a ValueError."""
    hint = "An unknown name must not become NaN, 0, or a KeyError that does not say which names there are."
    for wrong in ("left_ear_x", "nose_tip_z"):
        keypoints, names, lookup = _questions(rng, 3)
        lookup["FeatureName"][int(rng.integers(len(lookup["FeatureName"])))] = wrong
        raises_value_error(
            student,
            "kaggle_submission.submit",
            f"make_submission, FeatureName {wrong!r}",
            "a look-up table with one such row",
            hint,
            keypoints=keypoints,
            keypoint_names=names,
            lookup=lookup,
        )


@make_submission.rung("side effects", points=1)
def leaves_the_lookup_alone(student: Student, rng: np.random.Generator) -> None:
    """The look-up table and the keypoints are the same afterwards."""
    keypoints, names, lookup = _questions(rng, 3)
    found = _submitted(student, keypoints, names, lookup)
    after = found["lookup_after"]
    same = after.columns == list(lookup) and all(list(after.data[name]) == lookup[name] for name in lookup)
    hint = "A new column in `lookup` is there for the caller too. Work on a copy."
    expect.true(
        same, f"a look-up table with the columns {list(lookup)}, as before", f"columns {after.columns}", hint=hint
    )
    expect.equal(found["keypoints_after"], keypoints, what="the keypoints afterwards")
