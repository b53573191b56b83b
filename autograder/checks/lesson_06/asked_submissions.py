"""What make_submission is asked, how its table is read, and whose coordinates its answers are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograder.checks.common.kaggle_names import KEYPOINTS
from autograder.ladder import expect
from autograder.ladder.student import Student, StudentError
from autograder.worker.plain import TableValue, type_name

FEW = ("nose_tip", "left_eye_center", "mouth_center_bottom_lip", "right_eye_center")
# One name begins another, and one ends as an axis does.
ALIKE = ("nose_tip", "nose", "apex", "apex_left", "philtrum_y")


def draw_questions(
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
    # With gaps, so that who counts rows is told from who sorts them.
    row_ids = [int(number) for number in rng.permutation(2 * len(chosen))[: len(chosen)] + 1]
    lookup = {"RowId": row_ids, "ImageId": [face for face, _ in chosen], "FeatureName": [name for _, name in chosen]}
    return keypoints, names, lookup


def locations_of(keypoints: np.ndarray, names: list[str], lookup: dict[str, list]) -> np.ndarray:
    """The answers, looked up one by one."""
    found = []
    for image_id, feature in zip(lookup["ImageId"], lookup["FeatureName"], strict=True):
        name, _, axis = feature.rpartition("_")
        found.append(float(keypoints[image_id - 1, names.index(name), "xy".index(axis)]))
    return np.array(found)


def submitted(
    student: Student, keypoints: np.ndarray, names: list[str], lookup: dict[str, list], index: list[int] | None = None
) -> dict[str, Any]:
    """Return what the probe tells of the student's make_submission; ``index`` is the look-up table's."""
    try:
        return student.probe("lesson_06.submit", keypoints=keypoints, keypoint_names=names, lookup=lookup, index=index)
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


def table_of(
    student: Student, keypoints: np.ndarray, names: list[str], lookup: dict[str, list], index: list[int] | None = None
) -> TableValue:
    """Return the student's table; raise Mismatch where it is none."""
    value = submitted(student, keypoints, names, lookup, index)["value"]
    if not isinstance(value, TableValue):
        raise expect.Mismatch("make_submission(…): a pandas.DataFrame", f"a {type_name(value)}")
    return value


def values_of(table: TableValue, name: str) -> np.ndarray | list:
    """Return a column as it came; one with another spelling costs the rung of the columns' names alone."""
    alike = [column for column in table.columns if column.strip().lower() == name.lower()]
    there = f"columns {table.columns}"
    expect.true(bool(alike), f"make_submission(…): a column {name}", there, hint="An index is no column.")
    return table.data[name if name in alike else alike[0]]


def column_of(table: TableValue, name: str) -> np.ndarray:
    """Return a column as an array; see ``values_of``."""
    return np.asarray(values_of(table, name))


def row_ids_of(table: TableValue) -> list:
    """Return the RowIds, be they a column or the index: only the rung of the columns' names minds."""
    if any(column.strip().lower() == "rowid" for column in table.columns):
        return column_of(table, "RowId").tolist()
    return list(table.index)


def aligned(table: TableValue, lookup: dict[str, list]) -> tuple[list, list]:
    """Return the Locations by their RowIds and by their places: who got the one wrong does not pay for the other."""
    locations, count = column_of(table, "Location").tolist(), len(lookup["RowId"])
    by_id = dict(zip(row_ids_of(table), locations, strict=True))
    return [by_id.get(row_id, math.nan) for row_id in lookup["RowId"]], (locations + [math.nan] * count)[:count]


def agreeing(locations: list, want: np.ndarray) -> int:
    """Return how many Locations are the wanted ones."""
    numbers = all(isinstance(value, int | float) for value in locations)
    return int(np.isclose(np.array(locations, float), want, rtol=1e-5, atol=1e-6).sum()) if numbers else 0


def origins(locations: list, keypoints: np.ndarray) -> np.ndarray:
    """Return of each Location face, keypoint and axis of the number in ``keypoints`` that it is, (n, 3); -1 for none.

    The numbers are drawn so that no two are the same.
    """
    numbers = np.array([value if isinstance(value, int | float) else math.nan for value in locations], float)
    apart = np.abs(keypoints.reshape(1, -1).astype(float) - np.nan_to_num(numbers, nan=-1e3)[:, None])
    places = np.stack(np.unravel_index(apart.argmin(axis=1), keypoints.shape), axis=1)
    return np.where(apart.min(axis=1, keepdims=True) < 1e-4, places, -1)
