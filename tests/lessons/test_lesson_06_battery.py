"""The checks of lesson 06 against right answers in other styles; and mistakes that the catalogue leaves out."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import torch

from tests.lessons.battery import grade, story
from tests.reference import reference_names

LESSON = "06_kaggle_submission"
REFERENCE = reference_names(LESSON)


def predict_by_loader(model: Any, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
    if not isinstance(model, keras.Model):
        before = model.training
        model.train(False)
        data = torch.utils.data.TensorDataset(torch.from_numpy(images)[:, None])
        with torch.inference_mode():
            parts = [model(x) for (x,) in torch.utils.data.DataLoader(data, batch_size=batch_size)]
        model.train(before)
        out = torch.cat(parts).numpy()
    else:
        parts = [
            np.asarray(model(images[start : start + batch_size, :, :, None], training=False))
            for start in range(0, len(images), batch_size)
        ]
        out = np.concatenate(parts) * 96
    return np.stack([out[:, 0::2], out[:, 1::2]], axis=-1).clip(0, 96)


@torch.no_grad()
def predict_in_place(model: Any, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
    result = np.empty((len(images), 15, 2), dtype=np.float64)
    is_torch = isinstance(model, torch.nn.Module)
    was = model.training if is_torch else None
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        if is_torch:
            answer = model.eval()(torch.tensor(batch).reshape(-1, 1, 96, 96)).cpu().detach().numpy()
        else:
            answer = 96 * model.predict_on_batch(np.expand_dims(batch, -1))
        result[start : start + batch_size] = np.asarray(answer).reshape((-1, 15, 2))
    if was:
        model.train()
    return np.minimum(np.maximum(result, 0), 96)


def predict_by_keras_dataset(model: Any, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
    if "keras" in type(model).__module__ or isinstance(model, keras.Model):
        return np.clip(model.predict(images.reshape(-1, 96, 96, 1), batch_size, 0) * 96.0, 0, 96).reshape(-1, 15, 2)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        chunks = np.array_split(images, math.ceil(len(images) / batch_size))
        answers = np.vstack([model(torch.Tensor(chunk[:, None])).numpy() for chunk in chunks])
    for module, mode in modes:
        module.training = mode
    return np.clip(answers.reshape(len(answers), 15, 2), 0, 96, dtype=np.float32)


def submit_by_loop(keypoints: np.ndarray, names: list[str], lookup: pd.DataFrame) -> pd.DataFrame:
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
    columns = [f"{name}_{axis}" for name in names for axis in ("x", "y")]
    wide = pd.DataFrame(keypoints.reshape(len(keypoints), -1), columns=columns)
    wide.insert(0, "ImageId", np.arange(len(wide)) + 1)
    tall = wide.melt(id_vars="ImageId", var_name="FeatureName", value_name="Location")
    merged = lookup.merge(tall, how="left", on=["ImageId", "FeatureName"])
    if merged["Location"].isna().any():
        raise ValueError("unknown image or feature")
    return merged[["RowId", "Location"]]


def submit_by_lookup(keypoints: np.ndarray, names: list[str], lookup: pd.DataFrame) -> pd.DataFrame:
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


def score_by_merge(submission: pd.DataFrame, truth: pd.DataFrame) -> float:
    if submission["RowId"].duplicated().any() or not np.isfinite(submission["Location"]).all():
        raise ValueError("broken submission")
    both = truth.merge(submission, on="RowId", how="left", suffixes=("_truth", ""))
    if both["Location"].isna().any():
        raise ValueError("missing rows")
    return np.sqrt(((both["Location"] - both["Location_truth"]) ** 2).mean())


def score_by_dict(submission: pd.DataFrame, truth: pd.DataFrame) -> float:
    answers: dict[int, float] = {}
    for row_id, location in zip(submission["RowId"], submission["Location"], strict=True):
        if row_id in answers or math.isnan(location) or math.isinf(location):
            raise ValueError(f"row {row_id}")
        answers[row_id] = location
    total = 0.0
    for row in truth.itertuples(index=False):
        if row.RowId not in answers:
            raise ValueError(f"row {row.RowId} is missing")
        total += (answers[row.RowId] - row.Location) ** 2
    return math.sqrt(total / len(truth))


def score_by_sorting(submission: pd.DataFrame, truth: pd.DataFrame) -> float:
    s, t = submission.sort_values("RowId"), truth.sort_values("RowId")
    if s["RowId"].tolist() != t["RowId"].tolist() or not np.all(np.isfinite(s["Location"])):
        raise ValueError("the rows are not those of the truth")
    return float(np.linalg.norm(s["Location"].values - t["Location"].values) / len(t) ** 0.5)


RIGHT: dict[str, list[Callable]] = {
    "predict_keypoints": [predict_by_loader, predict_in_place, predict_by_keras_dataset],
    "make_submission": [
        submit_by_loop,
        submit_by_merge,
        submit_by_lookup,
        submit_with_nullable_types,
        submit_with_small_types,
    ],
    "score_submission": [score_by_merge, score_by_dict, score_by_sorting],
}
for _name, _answers in RIGHT.items():
    _answers.append(REFERENCE[_name])


@pytest.mark.slow
@pytest.mark.parametrize(("exercise", "answer"), [(name, answer) for name, found in RIGHT.items() for answer in found])
def test_right_answers_score_in_full_with_every_seed(exercise: str, answer: Callable) -> None:
    for seed in range(20):
        result = grade(exercise, {**REFERENCE, exercise: answer}, seed)
        assert result.outcome == "passed", f"seed {seed}: {story(result)}"


CLIP = "np.clip(answers, 0, IMAGE_SIZE)"
# Exercise, mistake, the change of the reference that makes it, and words that the student must read.
WRONG: list[tuple[str, str, tuple[str, str], str]] = [
    ("predict_keypoints", "clips to 1", (CLIP, "np.clip(answers, 0, 1)"), "predict_keypoints"),
    ("predict_keypoints", "Keras by 95", ("IMAGE_SIZE * model.predict", "95 * model.predict"), "96 pixels"),
    (
        "predict_keypoints",
        "gradients and numpy",
        ("torch.no_grad():", "torch.enable_grad():"),
        "Can't call numpy() on Tensor that requires grad",
    ),
    ("predict_keypoints", "first batch only", ("for batch in batches]", "for batch in batches[:1]]"), "it sees 4"),
    ("make_submission", "IndexError", (" | (image_ids > len(keypoints))", ""), "IndexError"),
    (
        "make_submission",
        "0 for unknown",
        ("if columns.isna().any():", "columns = columns.fillna(0)\n    if False:"),
        "must not",
    ),
    (
        "make_submission",
        "whole numbers",
        ('"Location": locations', '"Location": locations.round().astype(int)'),
        "floats",
    ),
    ("make_submission", "text", ('"Location": locations', '"Location": [f"{v:.2f}" for v in locations]'), "floats"),
    ("score_submission", "an array", ("return float(np.sqrt(np.mean(errors**2)))", "return np.abs(errors)"), "a float"),
    (
        "score_submission",
        "in place",
        (
            "    answers = submission.set",
            '    submission.sort_values("RowId", inplace=True)\n    answers = submission.set',
        ),
        "inplace",
    ),
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The inplace keyword")
@pytest.mark.parametrize(
    ("exercise", "change", "said"), [pytest.param(e, change, said, id=f"{e}-{m}") for e, m, change, said in WRONG]
)
def test_wrong_answers_lose_points_and_are_told_why(exercise: str, change: tuple[str, str], said: str) -> None:
    names = reference_names(LESSON, change)
    for seed in range(2):
        result = grade(exercise, names, seed)
        assert result.outcome != "passed", f"seed {seed}"
        assert result.score < result.exercise.points
        assert said in str(result.problem), story(result)


def test_the_columns_of_a_submission_are_those_that_kaggle_reads(tmp_path: Any) -> None:
    lookup = pd.DataFrame({"RowId": [2, 1], "ImageId": [1, 1], "FeatureName": ["nose_tip_y", "nose_tip_x"]})
    table = REFERENCE["make_submission"](np.array([[[48.5, 60.25]]], np.float32), ["nose_tip"], lookup)
    table.to_csv(tmp_path / "submission.csv", index=False)
    with open(tmp_path / "submission.csv", newline="") as file:
        assert list(csv.reader(file)) == [["RowId", "Location"], ["2", "60.25"], ["1", "48.5"]]
