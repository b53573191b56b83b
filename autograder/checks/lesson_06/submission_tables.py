"""Checks of ``make_submission``: tables small enough to be looked up one by one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograder.checks.common.kaggle_names import KEYPOINTS
from autograder.checks.lesson_06.tables import expect_kept, expect_refused
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError
from autograder.worker.plain import TableValue, type_name

make_submission = Ladder("make_submission")

FEW = ("nose_tip", "left_eye_center", "mouth_center_bottom_lip", "right_eye_center")
# One name begins another, and one ends as an axis does.
ALIKE = ("nose_tip", "nose", "apex", "apex_left", "philtrum_y")


def _questions(
    rng: np.random.Generator, faces: int, last: bool = True, known: tuple[str, ...] = KEYPOINTS
) -> tuple[np.ndarray, list[str], dict[str, list]]:
    """Keypoints, their names in an order of their own, and a look-up table that asks for about half of them.

    Without ``last`` it never asks for the last face: there, whoever counts from 0 would fail in many different ways.
    """
    names = [known[i] for i in rng.permutation(len(known))]
    keypoints = rng.uniform(1, 95, (faces, len(names), 2)).astype(np.float32)
    highest = faces if last else faces - 1
    asked = [(face, f"{name}_{axis}") for face in range(1, highest + 1) for name in known for axis in "xy"]
    chosen = [asked[i] for i in rng.permutation(len(asked))[: len(asked) // 2]]
    # The first and the highest face are asked for in every run.
    chosen += [question for question in ((1, "nose_tip_x"), (highest, "nose_tip_y")) if question not in chosen]
    row_ids = [int(number) for number in rng.permutation(len(chosen)) + 1]
    lookup = {"RowId": row_ids, "ImageId": [face for face, _ in chosen], "FeatureName": [name for _, name in chosen]}
    return keypoints, names, lookup


def _locations(keypoints: np.ndarray, names: list[str], lookup: dict[str, list]) -> np.ndarray:
    """The answers, looked up one by one."""
    found = []
    for image_id, feature in zip(lookup["ImageId"], lookup["FeatureName"], strict=True):
        name, _, axis = feature.rpartition("_")
        found.append(float(keypoints[image_id - 1, names.index(name), "xy".index(axis)]))
    return np.array(found)


def _submitted(student: Student, keypoints: np.ndarray, names: list[str], lookup: dict[str, list]) -> dict[str, Any]:
    try:
        return student.probe("lesson_06.submit", keypoints=keypoints, keypoint_names=names, lookup=lookup)
    except StudentError as error:
        count = len(keypoints)
        # The face behind the last one was asked for; any other index error is another mistake.
        if error.type != "IndexError" or f"index {count} is out of bounds for axis 0 with size {count}" not in str(
            error
        ):
            raise
        expected = f"make_submission(…): an answer to every ImageId from 1 to {count}"
        hint = "An index ran past the end. ImageId counts from 1, the rows of an array count from 0."
        raise expect.Mismatch(expected, "an IndexError", hint=hint, where=error.where) from None


def _table(student: Student, keypoints: np.ndarray, names: list[str], lookup: dict[str, list]) -> TableValue:
    value = _submitted(student, keypoints, names, lookup)["value"]
    if not isinstance(value, TableValue):
        raise expect.Mismatch("make_submission(…): a pandas.DataFrame", f"{type_name(value)}: {expect.show(value)}")
    return value


def _column(table: TableValue, name: str) -> np.ndarray:
    """Return a column as an array."""
    there = f"columns {table.columns}"
    expect.true(name in table.columns, f"make_submission(…): a column {name}", there, hint="An index is no column.")
    return np.asarray(table.data[name])


def _asked_text(lookup: dict[str, list], row: int = 0) -> str:
    return f"RowId {lookup['RowId'][row]}, ImageId {lookup['ImageId'][row]}, {lookup['FeatureName'][row]}"


def _expect_rows(got: Any, want: np.ndarray, what: str, example: str, hint: str) -> None:
    """Expect this column; several rows are told from the first wrong one on, since one alone fits many mistakes."""
    try:
        expect.close(got, want, what=what, example=example, hint=hint)
    except expect.Mismatch as found:
        if found.difference is None:
            raise
        wrong = int(np.flatnonzero(~np.isclose(got, want, rtol=1e-5, atol=1e-6))[0])
        rows = slice(wrong, wrong + 6)
        expected, came = (expect.show(np.round(np.asarray(column)[rows], 2)) for column in (want, got))
        raise expect.Mismatch(
            f"{what} from row {wrong} on: {expected}", came, example, hint, found.difference
        ) from None


@make_submission.rung("type", points=1)
def returns_a_table(student: Student, rng: np.random.Generator) -> None:
    """A DataFrame with the columns RowId and Location, in this order."""
    table = _table(student, *_questions(rng, 3, last=False))
    hint = "Kaggle reads these two columns and no other. The index of a table is no column."
    got = f"columns {table.columns}"
    expect.true(table.columns == ["RowId", "Location"], "columns ['RowId', 'Location']", got, hint=hint)


@make_submission.rung("shape", points=1)
def answers_each_question_once(student: Student, rng: np.random.Generator) -> None:
    """One row for each row of the look-up table."""
    keypoints, names, lookup = _questions(rng, 4, last=False)
    rows, asked = len(_table(student, keypoints, names, lookup).index), len(lookup["RowId"])
    hint = "The look-up table says what is asked for: not every coordinate of every face."
    expect.true(rows == asked, f"{asked} rows, as in the look-up table", f"{rows} rows", hint=hint)


@make_submission.rung("dtype", points=1)
def locations_are_floats(student: Student, rng: np.random.Generator) -> None:
    """RowId holds integers, Location floats."""
    table = _table(student, *_questions(rng, 3, last=False))
    for column, kinds, wanted in (("RowId", "iu", "integers"), ("Location", "f", "floats")):
        _column(table, column)
        values = table.data[column]
        kind = values.dtype.kind if isinstance(values, np.ndarray) else "O"
        got = values.dtype.name if isinstance(values, np.ndarray) else f"objects such as {expect.show(values[:1])}"
        expect.true(kind in kinds, f"{column}: {wanted}", got)


@make_submission.rung("edge cases", points=2)
def keeps_the_order(student: Student, rng: np.random.Generator) -> None:
    """RowIds as in the look-up table, in its order."""
    keypoints, names, lookup = _questions(rng, 4, last=False)
    table = _table(student, keypoints, names, lookup)
    row_ids, locations = _column(table, "RowId"), _column(table, "Location")
    hint = "RowId comes from the look-up table, whatever its order: do not count, sort or group it."
    want = np.array(lookup["RowId"])
    _expect_rows(row_ids, want, "RowId", f"the first row asks for {_asked_text(lookup)}", hint)
    # Whose coordinates they are is asked by the next rung; made-up numbers are none.
    known = locations.dtype.kind == "f" and bool(np.isin(locations.astype(np.float32), keypoints).all())
    known = known and 2 * len(np.unique(locations)) > len(locations)
    hint = "Each Location is one of the numbers in `keypoints`, as it stands there."
    expect.true(known, "Locations that stand in keypoints", expect.show(locations[:6]), hint=hint)


@make_submission.rung("values", points=5)
def finds_each_coordinate(student: Student, rng: np.random.Generator) -> None:
    """Location is the coordinate of that image and that feature."""
    hint = "Follow one row by hand: whose face is it, where in `names` does its feature stand, and which axis is asked?"
    for faces, last, known in (
        (3, False, KEYPOINTS),
        (2, True, FEW),
        (4, True, ALIKE),
        (int(rng.integers(4, 8)), True, KEYPOINTS),
    ):
        keypoints, names, lookup = _questions(rng, faces, last, known)
        table = _table(student, keypoints, names, lookup)
        # Compared by RowId, so that a wrong order is not punished twice.
        row_ids, locations = (_column(table, column).tolist() for column in ("RowId", "Location"))
        by_id = dict(zip(row_ids, locations, strict=True))
        got = [by_id.get(row_id, math.nan) for row_id in lookup["RowId"]]
        example = f"names begin {names[:3]}; the first row asks for {_asked_text(lookup)}"
        _expect_rows(got, _locations(keypoints, names, lookup), "Location", example, hint)


def _rejects(student: Student, rng: np.random.Generator, column: str, wrong: int | str, broken: str, hint: str) -> None:
    """Expect a ValueError for a look-up table with something ``wrong`` in one row."""
    keypoints, names, lookup = _questions(rng, 3)
    row = int(rng.integers(len(lookup[column])))
    lookup[column][row] = wrong

    def ask() -> Any:
        return student.probe("lesson_06.submit", keypoints=keypoints, keypoint_names=names, lookup=lookup)["value"]

    def say(value: Any) -> str:
        if not isinstance(value, TableValue) or not {"RowId", "Location"} <= set(value.columns):
            return ""
        by_id = dict(zip(list(value.data["RowId"]), list(value.data["Location"]), strict=True))
        row_id = lookup["RowId"][row]
        return f"; Location {expect.show(float(by_id[row_id]))}" if row_id in by_id else "; no such row"

    expect_refused(ask, say, broken, f"the row that asks for {_asked_text(lookup, row)}", hint)


@make_submission.rung("edge cases", points=2)
def rejects_unknown_images(student: Student, rng: np.random.Generator) -> None:
    """An ImageId outside of 1 to N is a ValueError."""
    hint = "An index below 0 is read from the end without a word; an IndexError does not say which images there are."
    for wrong in (0, 4, -2):
        _rejects(student, rng, "ImageId", wrong, f"make_submission, ImageId {wrong} of 3 faces", hint)


@make_submission.rung("edge cases", points=2)
def rejects_unknown_features(student: Student, rng: np.random.Generator) -> None:
    """A FeatureName that is no coordinate of a keypoint is a ValueError."""
    hint = "An unknown name must not become NaN, 0, or a KeyError that does not say which names there are."
    for wrong in ("left_ear_x", "nose_tip_z", "nose_tipped_x"):
        _rejects(student, rng, "FeatureName", wrong, f"make_submission, FeatureName {wrong!r}", hint)


@make_submission.rung("side effects", points=1)
def leaves_the_lookup_alone(student: Student, rng: np.random.Generator) -> None:
    """The look-up table and the keypoints are the same afterwards."""
    keypoints, names, lookup = _questions(rng, 3)
    found = _submitted(student, keypoints, names, lookup)
    hint = "A new column in `lookup` is there for the caller too. Work on a copy."
    expect_kept(found["lookup_after"], lookup, "the look-up table", "a look-up table", hint)
    kept = np.array_equal(found["keypoints_after"], keypoints)
    expect.true(kept, "the keypoints afterwards, as before", "keypoints that were overwritten")
