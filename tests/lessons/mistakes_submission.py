"""Mistakes in submissions and scores as other students would write them: names by id and spelling."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from autograder.checks.lesson_01.face_file import KEYPOINTS

Names = dict[str, Any]


class Submit:
    """A right make_submission: all coordinates in one tall table, merged with the look-up table."""

    first = 1
    axes = "xy"
    how = "left"

    def __call__(self, keypoints: np.ndarray, names: Sequence[str], lookup: pd.DataFrame) -> pd.DataFrame:
        """Return the table of answers."""
        asked = self.asked(lookup)
        merged = asked.merge(self.tall(keypoints, self.order(names)), how=self.how, on=["ImageId", "FeatureName"])
        self.check(merged)
        return self.rows(merged)

    def asked(self, lookup: pd.DataFrame) -> pd.DataFrame:
        return lookup

    def order(self, names: Sequence[str]) -> list[str]:
        return list(names)

    def tall(self, keypoints: np.ndarray, names: list[str]) -> pd.DataFrame:
        numbers = keypoints.reshape(len(keypoints), -1)
        wide = pd.DataFrame(numbers, columns=[f"{name}_{axis}" for name in names for axis in self.axes])
        wide["ImageId"] = wide.index + self.first
        return wide.melt(id_vars="ImageId", var_name="FeatureName", value_name="Location")

    def check(self, merged: pd.DataFrame) -> None:
        if merged["Location"].isna().any():
            raise ValueError("unknown image or feature")

    def rows(self, merged: pd.DataFrame) -> pd.DataFrame:
        return merged[["RowId", "Location"]]


def submit(**methods: Any) -> Names:
    """Return a make_submission that differs from the right one in these methods."""
    return {"make_submission": type("Submit", (Submit,), methods)()}


def look_up(
    answer: Callable[[np.ndarray, list[str], int, str], float],
    rows: Callable[[list], pd.DataFrame] = lambda rows: pd.DataFrame(rows, columns=["RowId", "Location"]),
) -> Names:
    """Return a make_submission that answers row by row: keypoints, names, ImageId and feature give a Location."""

    def make_submission(keypoints: np.ndarray, names: Sequence[str], lookup: pd.DataFrame) -> pd.DataFrame:
        answers = [
            (row.RowId, float(answer(keypoints, list(names), row.ImageId, row.FeatureName)))
            for row in lookup.itertuples(index=False)
        ]
        return rows(answers)

    return {"make_submission": make_submission}


def coordinate(keypoints: np.ndarray, names: list[str], image: int, feature: str) -> float:
    """Answer one question."""
    name, axis = feature[:-2], feature[-2:]
    if name not in names or axis not in ("_x", "_y") or not 1 <= image <= len(keypoints):
        raise ValueError(f"{image} {feature}")
    return keypoints[image - 1][names.index(name)][int(axis == "_y")]


def of_next_face(keypoints: np.ndarray, names: list[str], image: int, feature: str) -> float:
    """Answer one question with the face behind."""
    coordinate(keypoints, names, image, feature)
    return keypoints[image, names.index(feature[:-2]), int(feature[-1] == "y")]


def of_other_axis(keypoints: np.ndarray, names: list[str], image: int, feature: str) -> float:
    """Answer one question with the other coordinate."""
    return coordinate(keypoints[..., ::-1], names, image, feature)


def of_last_face(keypoints: np.ndarray, names: list[str], image: int, feature: str) -> float:
    """Answer one question, also about face 0."""
    if image == 0:
        return coordinate(keypoints, names, len(keypoints), feature)
    return coordinate(keypoints, names, image, feature)


def of_known_feature(keypoints: np.ndarray, names: list[str], image: int, feature: str) -> float:
    """Answer one question, or NaN."""
    known = [f"{name}_{axis}" for name in names for axis in "xy"]
    return coordinate(keypoints, names, image, feature) if feature in known else math.nan


def of_dictionary(keypoints: np.ndarray, names: list[str], image: int, feature: str) -> float:
    """Answer one question from a dictionary."""
    coordinate(keypoints, names, image, f"{names[0]}_x")
    faces = [dict(zip([f"{n}_{a}" for n in names for a in "xy"], face.ravel(), strict=True)) for face in keypoints]
    return faces[image - 1][feature]


def other_side(name: str) -> str:
    """Return the name with the other side of the face."""
    return name.replace("left", "?").replace("right", "left").replace("?", "right")


def tall_without_names(keypoints: np.ndarray, names: list[str], lookup: pd.DataFrame) -> pd.DataFrame:
    """Answer everything, face by face."""
    locations = [float(number) for face in keypoints for point in face for number in point]
    return pd.DataFrame({"RowId": range(1, len(locations) + 1), "Location": locations})


def numbered(rows: list) -> pd.DataFrame:
    """Return the answers with numbers of their own."""
    return pd.DataFrame([(number, location) for number, (_, location) in enumerate(rows, 1)]).set_axis(
        ["RowId", "Location"], axis=1
    )


def write_into(self: Submit, lookup: pd.DataFrame) -> pd.DataFrame:
    """Split the features in the very table."""
    lookup["Name"] = lookup["FeatureName"].str[:-2]
    return lookup


SUBMISSIONS: dict[str, list[Names]] = {
    "image-id-counts-from-0": [look_up(of_next_face), submit(first=0), submit(first=0, how="inner")],
    "x-and-y-exchanged": [look_up(of_other_axis), submit(axes="yx")],
    "all-x-before-all-y": [
        submit(
            tall=lambda self, keypoints, names: Submit.tall(
                self, keypoints.reshape(len(keypoints), 2, -1).swapaxes(1, 2), names
            )
        )
    ],
    "names-sorted": [
        submit(order=lambda self, names: sorted(names)),
        submit(order=lambda self, names: [*np.unique(names)]),
    ],
    "order-known-by-heart": [submit(order=lambda self, names: list(KEYPOINTS))],
    "left-and-right-exchanged": [submit(order=lambda self, names: [other_side(name) for name in names])],
    "every-location": [{"make_submission": tall_without_names}],
    "row-id-counted": [
        look_up(coordinate, numbered),
        submit(
            rows=lambda self, merged: (
                merged[["Location"]].reset_index(names="RowId").assign(RowId=lambda table: table["RowId"] + 1)
            )
        ),
    ],
    "sorted-by-row-id": [look_up(coordinate, lambda rows: pd.DataFrame(sorted(rows), columns=["RowId", "Location"]))],
    "sorted-by-image": [
        submit(rows=lambda self, merged: merged.sort_values("ImageId", kind="stable")[["RowId", "Location"]]),
        submit(asked=lambda self, lookup: pd.concat([face for _, face in lookup.groupby("ImageId")])),
    ],
    "row-id-is-the-index": [
        look_up(coordinate, lambda rows: pd.Series(dict(rows), name="Location").rename_axis("RowId").to_frame())
    ],
    "columns-left-over": [
        submit(rows=lambda self, merged: merged[["RowId", "ImageId", "FeatureName", "Location"]].copy())
    ],
    "unknown-feature-is-nan": [look_up(of_known_feature)],
    "unknown-feature-is-a-key-error": [look_up(of_dictionary)],
    "image-0-is-the-last": [look_up(of_last_face)],
    "lookup-changed": [submit(asked=write_into)],
}


def score(
    combine: Callable[[np.ndarray], float] = lambda errors: math.sqrt((errors**2).mean()),
    check: Callable[[pd.DataFrame, pd.DataFrame], bool] | None = None,
    how: str = "left",
) -> Names:
    """Return a score_submission that merges both tables, and rejects what ``check`` rejects."""

    def is_right(submission: pd.DataFrame, truth: pd.DataFrame) -> bool:
        finite = np.isfinite(submission["Location"]).all()
        return bool(finite) and submission["RowId"].is_unique and set(truth["RowId"]) <= set(submission["RowId"])

    def score_submission(submission: pd.DataFrame, truth: pd.DataFrame) -> float:
        if not (check or is_right)(submission, truth):
            raise ValueError("a broken submission")
        both = truth.merge(submission, on="RowId", how=how, suffixes=("_t", "_s"))
        return combine((both["Location_s"] - both["Location_t"]).to_numpy())

    return {"score_submission": score_submission}


def is_finite(submission: pd.DataFrame, truth: pd.DataFrame) -> bool:
    """Return whether all answers are finite."""
    return bool(np.isfinite(submission["Location"]).all())


def is_complete(submission: pd.DataFrame, truth: pd.DataFrame) -> bool:
    """Return whether every row is answered, and once."""
    return sorted(submission["RowId"]) == sorted(truth["RowId"])


def score_by_position(submission: pd.DataFrame, truth: pd.DataFrame) -> float:
    """Compare line by line."""
    if not (is_finite(submission, truth) and is_complete(submission, truth)):
        raise ValueError("a broken submission")
    pairs = zip(submission["Location"], truth["Location"], strict=True)
    return (sum((a - b) ** 2 for a, b in pairs) / len(truth)) ** 0.5


def score_by_dictionary(submission: pd.DataFrame, truth: pd.DataFrame) -> float:
    """Look each row up."""
    if submission["RowId"].duplicated().any() or not is_finite(submission, truth):
        raise ValueError("a broken submission")
    answers = dict(zip(submission["RowId"], submission["Location"], strict=True))
    squares = [(answers[row] - location) ** 2 for row, location in zip(truth["RowId"], truth["Location"], strict=True)]
    return math.sqrt(sum(squares) / len(squares))


SCORES: dict[str, list[Names]] = {
    "no-root": [score(lambda errors: float(errors @ errors) / len(errors))],
    "absolute-errors": [
        score(lambda errors: sum(map(abs, errors)) / len(errors)),
        score(lambda e: np.sqrt(e**2).mean()),
    ],
    "root-of-the-sum": [score(np.linalg.norm)],
    "root-before-the-mean": [score(lambda errors: np.linalg.norm(errors) / errors.size)],
    "rows-by-position": [{"score_submission": score_by_position}],
    "missing-rows-ignored": [
        score(
            how="inner", check=lambda submission, truth: submission["RowId"].is_unique and is_finite(submission, truth)
        ),
        score(
            lambda errors: math.sqrt(np.nanmean(errors**2)),
            check=lambda submission, truth: submission["RowId"].is_unique and is_finite(submission, truth),
        ),
    ],
    "missing-row-is-a-key-error": [{"score_submission": score_by_dictionary}],
    "repeated-rows-ignored": [
        score(
            check=lambda submission, truth: (
                set(truth["RowId"]) <= set(submission["RowId"]) and is_finite(submission, truth)
            )
        ),
    ],
    "nan-skipped": [
        score(lambda errors: pd.Series(errors).pow(2).mean() ** 0.5, check=is_complete),
        score(lambda errors: np.sqrt((errors[np.isfinite(errors)] ** 2).mean()), check=is_complete),
    ],
    "nan-scored": [score(check=is_complete)],
    "infinity-scored": [
        score(
            check=lambda submission, truth: is_complete(submission, truth) and not submission["Location"].isna().any()
        ),
    ],
}

SPELLED = {"make_submission": SUBMISSIONS, "score_submission": SCORES}
