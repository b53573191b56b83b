"""Scores of lesson 06 as other students write them: right, wrong, and with the mistakes of the catalogue."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from tests.lessons.answers import Answer, Names, change_reference, name_answers


def score_by_merge(submission: pd.DataFrame, truth: pd.DataFrame) -> float:
    """Both tables merged into one."""
    if submission["RowId"].duplicated().any() or not np.isfinite(submission["Location"]).all():
        raise ValueError("broken submission")
    both = truth.merge(submission, on="RowId", how="left", suffixes=("_truth", ""))
    if both["Location"].isna().any():
        raise ValueError("missing rows")
    return np.sqrt(((both["Location"] - both["Location_truth"]) ** 2).mean())


def score_by_dict(submission: pd.DataFrame, truth: pd.DataFrame) -> float:
    """A dictionary, row by row."""
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
    """Both tables sorted; the length of the vector of errors."""
    s, t = submission.sort_values("RowId"), truth.sort_values("RowId")
    if s["RowId"].tolist() != t["RowId"].tolist() or not np.all(np.isfinite(s["Location"])):
        raise ValueError("the rows are not those of the truth")
    return float(np.linalg.norm(s["Location"].values - t["Location"].values) / len(t) ** 0.5)


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
    "divided-by-one-less": [score(lambda errors: math.sqrt(errors @ errors / (len(errors) - 1)))],
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

RIGHT = [
    Answer("score_submission", "score_submission", {}),
    *[
        Answer("score_submission", score.__name__, {"score_submission": score})
        for score in (score_by_merge, score_by_dict, score_by_sorting)
    ],
]
RETURN, ANSWERS = "return float(np.sqrt(np.mean(errors**2)))", "    answers = submission.set"
SORTED = '    submission.sort_values("RowId", inplace=True)\n'
WRONG = [
    change_reference("score_submission", "an array", RETURN, "return np.abs(errors)", said="a float"),
    change_reference("score_submission", "in place", ANSWERS, SORTED + ANSWERS, said="inplace"),
    change_reference(
        "score_submission",
        "divided by the rows of the submission",
        RETURN,
        "return float(np.sqrt(np.sum(errors**2) / len(submission)))",
        said="the score",
    ),
]
NAMED = name_answers((f"score_submission/{id}", names) for id, spellings in SCORES.items() for names in spellings)
