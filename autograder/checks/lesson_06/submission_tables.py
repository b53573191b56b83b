"""Checks of ``make_submission``: tables small enough to be looked up one by one."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.common.kaggle_names import KEYPOINTS
from autograder.checks.lesson_06.asked_submissions import (
    ALIKE,
    FEW,
    agreeing,
    aligned,
    column_of,
    draw_questions,
    locations_of,
    origins,
    row_ids_of,
    submitted,
    table_of,
    values_of,
)
from autograder.checks.lesson_06.tables import expect_kept, expect_refused
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError
from autograder.worker.plain import TableValue

make_submission = Ladder("make_submission")


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
    table = table_of(student, *draw_questions(rng, 3, last=False))
    hint = "Kaggle reads these two columns and no other. The index of a table is no column."
    got = f"columns {table.columns}"
    expect.true(table.columns == ["RowId", "Location"], "columns ['RowId', 'Location']", got, hint=hint)


@make_submission.rung("shape", points=1)
def answers_each_question_once(student: Student, rng: np.random.Generator) -> None:
    """One row for each row of the look-up table."""
    keypoints, names, lookup = draw_questions(rng, 4, last=False)
    rows, asked = len(table_of(student, keypoints, names, lookup).index), len(lookup["RowId"])
    hint = "The look-up table says what is asked for: not every coordinate of every face."
    expect.true(rows == asked, f"{asked} rows, as in the look-up table", f"{rows} rows", hint=hint)


@make_submission.rung("dtype", points=1)
def locations_are_floats(student: Student, rng: np.random.Generator) -> None:
    """RowId holds integers, Location floats."""
    table = table_of(student, *draw_questions(rng, 3, last=False))
    for column, kinds, wanted in (("RowId", "iu", "integers"), ("Location", "f", "floats")):
        values = values_of(table, column)
        kind = values.dtype.kind if isinstance(values, np.ndarray) else "O"
        got = values.dtype.name if isinstance(values, np.ndarray) else f"objects such as {expect.show(values[:1])}"
        expect.true(kind in kinds, f"{column}: {wanted}", got)


@make_submission.rung("edge cases", points=2)
def keeps_the_order(student: Student, rng: np.random.Generator) -> None:
    """RowIds as in the look-up table, in its order."""
    keypoints, names, lookup = draw_questions(rng, 4, last=False)
    table = table_of(student, keypoints, names, lookup)
    row_ids, locations = np.asarray(row_ids_of(table)), column_of(table, "Location")
    hint = "RowId comes from the look-up table, whatever its order: do not count, sort or group it."
    want = np.array(lookup["RowId"])
    _expect_rows(row_ids, want, "RowId", f"the first row asks for {_asked_text(lookup)}", hint)
    # Whose coordinates they are is asked by the next rung; made-up numbers are none.
    known = locations.dtype.kind == "f" and bool(np.isin(locations.astype(np.float32), keypoints).all())
    known = known and 2 * len(np.unique(locations)) > len(locations)
    hint = "Each Location is one of the numbers in `keypoints`, as it stands there."
    expect.true(known, "Locations that stand in keypoints", expect.show(locations[:6]), hint=hint)


@make_submission.rung("values", points=3)
def finds_each_coordinate(student: Student, rng: np.random.Generator) -> None:
    """Location is the coordinate of that image and that feature."""
    hint = "Follow one row by hand: whose face is it, where in `names` does its feature stand, and which axis is asked?"
    for faces, last, known in (
        (3, False, KEYPOINTS),
        (2, True, FEW),
        (4, True, ALIKE),
        (int(rng.integers(4, 8)), True, KEYPOINTS),
    ):
        keypoints, names, lookup = draw_questions(rng, faces, last, known)
        table = table_of(student, keypoints, names, lookup)
        want, alike = locations_of(keypoints, names, lookup), aligned(table, lookup)
        got = max(alike, key=lambda locations: agreeing(locations, want))
        example = f"names begin {names[:3]}; the first row asks for {_asked_text(lookup)}"
        _expect_rows(got, want, "Location", example, hint)


PARTS = ("face", "keypoint", "axis")


def _expect_part(student: Student, rng: np.random.Generator, part: str, hint: str) -> None:
    """Expect that every Location is of the asked face, or keypoint, or axis, whatever the other two are."""
    keypoints, names, lookup = draw_questions(rng, 4, last=False)
    table = table_of(student, keypoints, names, lookup)
    features = [feature.rpartition("_") for feature in lookup["FeatureName"]]
    asked = (
        np.array(lookup["ImageId"]) - 1,
        np.array([names.index(name) for name, _, _ in features]),
        np.array(["xy".index(axis) for _, _, axis in features]),
    )
    number = PARTS.index(part)
    found = [origins(locations, keypoints)[:, number] == asked[number] for locations in aligned(table, lookup)]
    right, count = max(int(same.sum()) for same in found), len(asked[number])
    got = f"Locations of the asked {part} in {right} of {count} rows"
    expect.true(right == count, f"in every row a Location of the asked {part}", got, hint=hint)


@make_submission.rung("values", points=1)
def finds_the_face(student: Student, rng: np.random.Generator) -> None:
    """Location is a coordinate of the face that ImageId asks for, whichever coordinate."""
    _expect_part(student, rng, "face", "ImageId counts from 1. From which number does an array count?")


@make_submission.rung("values", points=1)
def finds_the_keypoint(student: Student, rng: np.random.Generator) -> None:
    """Location is a coordinate of the keypoint that FeatureName asks for, of whichever face and axis."""
    _expect_part(student, rng, "keypoint", "The keypoints come in the order of `names`, whatever it is.")


@make_submission.rung("values", points=1)
def finds_the_axis(student: Student, rng: np.random.Generator) -> None:
    """Location is an x where FeatureName ends in _x and a y where it ends in _y, of whichever keypoint."""
    _expect_part(student, rng, "axis", "Which of the two coordinates of a keypoint is stored first?")


@make_submission.rung("edge cases", points=1)
def takes_any_index(student: Student, rng: np.random.Generator) -> None:
    """A look-up table whose index does not count from 0, such as some rows of a larger one, is answered alike."""
    keypoints, names, lookup = draw_questions(rng, 4, last=False)
    index = [int(number) for number in rng.permutation(10 * len(lookup["RowId"]))[: len(lookup["RowId"])]]
    hint = "pandas puts columns together by their index, and table[column][0] is the row of that name, not the first."
    example = f"a look-up table whose index begins {index[:4]}"
    try:
        table = table_of(student, keypoints, names, lookup, index)
    except StudentError as error:
        if expect.is_stub(error):
            raise
        raise expect.Mismatch("an answer to each row", error.type, example, hint, where=error.where) from None
    # What is wrong with the answers whatever the index is, other rungs say.
    plain, got = (column_of(each, "Location") for each in (table_of(student, keypoints, names, lookup), table))
    known = bool((origins(got.tolist(), keypoints) >= 0).all())
    expect.true(known, "Locations that stand in keypoints", "others", example, hint)
    same = got.shape == plain.shape and bool((got == plain).all())
    expect.true(same, "the answers that the same rows get with an index from 0 on", "others", example, hint)


def _rejects(student: Student, rng: np.random.Generator, column: str, wrong: int | str, broken: str, hint: str) -> None:
    """Expect a ValueError for a look-up table with something ``wrong`` in one row."""
    keypoints, names, lookup = draw_questions(rng, 3)
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
    keypoints, names, lookup = draw_questions(rng, 3)
    found = submitted(student, keypoints, names, lookup)
    hint = "A new column in `lookup` is there for the caller too. Work on a copy."
    expect_kept(found["lookup_after"], lookup, "the look-up table", "a look-up table", hint)
    kept = np.array_equal(found["keypoints_after"], keypoints)
    expect.true(kept, "the keypoints afterwards, as before", "keypoints that were overwritten")
