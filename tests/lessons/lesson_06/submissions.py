"""Submissions of lesson 06 as other students write them: right, wrong, and with the mistakes of the catalogue."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from autograder.checks.common.kaggle_names import KEYPOINTS
from tests.lessons.answers import Answer, Names, change_reference, name_answers


def submit_by_loop(keypoints: np.ndarray, names: list[str], lookup: pd.DataFrame) -> pd.DataFrame:
    """One row after the other."""
    rows = []
    for _, row in lookup.iterrows():
        name, axis = row["FeatureName"][:-2], row["FeatureName"][-2:]
        if name not in names or axis not in ("_x", "_y"):
            raise ValueError(row["FeatureName"])
        if not 1 <= row["ImageId"] <= len(keypoints):
            raise ValueError(row["ImageId"])
        value = float(keypoints[row["ImageId"] - 1][list(names).index(name)][0 if axis == "_x" else 1])
        rows.append({"RowId": int(row["RowId"]), "Location": value})
    return pd.DataFrame(rows, columns=["RowId", "Location"])


def submit_by_merge(keypoints: np.ndarray, names: list[str], lookup: pd.DataFrame) -> pd.DataFrame:
    """All coordinates in one tall table, merged."""
    columns = [f"{name}_{axis}" for name in names for axis in ("x", "y")]
    wide = pd.DataFrame(keypoints.reshape(len(keypoints), -1), columns=columns)
    wide.insert(0, "ImageId", np.arange(len(wide)) + 1)
    tall = wide.melt(id_vars="ImageId", var_name="FeatureName", value_name="Location")
    merged = lookup.merge(tall, how="left", on=["ImageId", "FeatureName"])
    if merged["Location"].isna().any():
        raise ValueError("unknown image or feature")
    return merged[["RowId", "Location"]]


def submit_by_lookup(keypoints: np.ndarray, names: list[str], lookup: pd.DataFrame) -> pd.DataFrame:
    """Three arrays of indices."""
    out = lookup.copy()
    try:
        feature = out["FeatureName"].str.rsplit("_", n=1, expand=True)
        k = np.array([list(names).index(name) for name in feature[0]])
        a = np.array([["x", "y"].index(axis) for axis in feature[1]])
        if out["ImageId"].min() < 1:
            raise IndexError
        out["Location"] = keypoints[out["ImageId"].values - 1, k, a].astype(float)
    except (IndexError, KeyError) as error:
        raise ValueError("unknown image or feature") from error
    return out.set_index("RowId")[["Location"]].reset_index()


def submit_with_nullable_types(keypoints: np.ndarray, names: list[str], lookup: pd.DataFrame) -> pd.DataFrame:
    """pandas' own column types, looked up by two indices."""
    long = pd.DataFrame(
        {
            "ImageId": np.repeat(np.arange(1, len(keypoints) + 1), 2 * len(names)),
            "FeatureName": [f"{name}_{axis}" for _ in keypoints for name in names for axis in "xy"],
            "Location": keypoints.ravel(),
        }
    ).convert_dtypes()
    answers = long.set_index(["ImageId", "FeatureName"])["Location"]
    asked = pd.MultiIndex.from_frame(lookup[["ImageId", "FeatureName"]].astype({"FeatureName": "string"}))
    if not asked.isin(answers.index).all():
        raise ValueError("unknown image or feature")
    # An index of its own, and columns of pandas' own types.
    return lookup[["RowId"]].convert_dtypes().assign(Location=answers.loc[asked].array).set_index(asked.to_flat_index())


def submit_with_small_types(keypoints: np.ndarray, names: list[str], lookup: pd.DataFrame) -> pd.DataFrame:
    """A dictionary of questions; small integers and floats."""

    class UnknownQuestion(ValueError):
        pass

    place = {}
    for n in range(keypoints.shape[0]):
        for k, name in enumerate(names):
            place[n + 1, name + "_x"], place[n + 1, name + "_y"] = keypoints[n, k]
    try:
        found = [place[question] for question in zip(lookup.ImageId, lookup.FeatureName, strict=True)]
    except KeyError as error:
        raise UnknownQuestion(f"expected a known question, got {error}") from None
    table = np.rec.fromarrays([lookup.RowId.astype("int32"), found], dtype=[("RowId", "i4"), ("Location", "f4")])
    return pd.DataFrame.from_records(table)


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


def of_image_in_list(keypoints: np.ndarray, names: list[str], image: int, feature: str) -> float:
    """Answer one question from a list of faces, which ends somewhere."""
    coordinate(keypoints, names, min(image, len(keypoints)), feature)
    return list(keypoints)[image - 1][names.index(feature[:-2])]["xy".index(feature[-1])]


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


class InOrderOfTheArray(Submit):
    """Answers one coordinate after the other."""

    def __call__(self, keypoints: np.ndarray, names: Sequence[str], lookup: pd.DataFrame) -> pd.DataFrame:
        """Return the table of answers."""
        right = super().__call__(keypoints, names, lookup)
        return right.assign(Location=[number for face in keypoints for number in face.ravel()][: len(right)])


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
    "order-of-the-array": [{"make_submission": InOrderOfTheArray()}],
    "image-beyond-is-an-index-error": [look_up(of_image_in_list)],
}

RIGHT = [
    Answer("make_submission", "make_submission", {}),
    *[
        Answer("make_submission", submit.__name__, {"make_submission": submit})
        for submit in (
            submit_by_loop,
            submit_by_merge,
            submit_by_lookup,
            submit_with_nullable_types,
            submit_with_small_types,
        )
    ],
]
LOCATION = '"Location": locations'
# Id, what the reference holds and what it is changed to, and words that the student must read.
WRONG = [
    change_reference("make_submission", *texts)
    for texts in (
        (
            "IndexError",
            " | (image_ids > len(keypoints))",
            "",
            "IndexError",
            "make_submission/image-beyond-is-an-index-error",
        ),
        ("0 for unknown", "if columns.isna().any():", "columns = columns.fillna(0)\n    if False:", "must not"),
        ("whole numbers", LOCATION, f"{LOCATION}.round().astype(int)", "floats"),
        ("zeros", LOCATION, f"{LOCATION} * 0", "Locations that stand in keypoints"),
        (
            "names by their beginning",
            'columns = lookup["FeatureName"].map(position)',
            "begins = lambda f: [p for k, p in position.items() if f.startswith(k[:-2]) and f[-1] == k[-1]]\n"
            '    columns = lookup["FeatureName"].map(lambda f: (begins(f) or [None])[-1])',
            "Location",
        ),
        (
            "names stripped of letters",
            'columns = lookup["FeatureName"].map(position)',
            "columns = lookup[\"FeatureName\"].map(lambda f: position.get(f.rstrip('_xy') + f[-2:]))",
            "ValueError",
        ),
        (
            "columns with indexes of their own",
            'lookup["RowId"].to_numpy(), "Location": locations',
            'lookup["RowId"], "Location": pd.Series(locations)',
            "Locations that stand in keypoints",
        ),
        (
            "rows by their labels",
            'lookup["ImageId"].to_numpy()',
            'np.array([lookup["ImageId"][row] for row in range(len(lookup))])',
            "an answer to each row",
        ),
        ("text", LOCATION, '"Location": [f"{v:.2f}" for v in locations]', "floats"),
    )
]
NAMED = [
    *[answer for answer in WRONG if answer.misconception],
    *name_answers((f"make_submission/{id}", names) for id, spellings in SUBMISSIONS.items() for names in spellings),
]
