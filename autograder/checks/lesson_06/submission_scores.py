"""Checks of ``score_submission``: an RMSE recomputed row by row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograder.checks.lesson_06.tables import expect_kept, expect_refused
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

score_submission = Ladder("score_submission")


def _scored(rng: np.random.Generator, rows: int) -> tuple[dict[str, list], dict[str, list]]:
    """A submission and the truth, in different orders."""
    truth = rng.uniform(5, 90, rows)
    guess = truth + rng.normal(0, 3, rows)
    row_ids = np.arange(1, rows + 1)
    there, here = rng.permutation(rows), rng.permutation(rows)
    tables = ((row_ids[here], guess[here]), (row_ids[there], truth[there]))
    submission, answer = ({"RowId": ids.tolist(), "Location": values.tolist()} for ids, values in tables)
    return submission, answer


def _sorted(table: dict[str, list]) -> dict[str, list]:
    pairs = sorted(zip(table["RowId"], table["Location"], strict=True))
    return {"RowId": [row for row, _ in pairs], "Location": [location for _, location in pairs]}


def _score(
    student: Student, submission: dict[str, list], truth: dict[str, list], index: list[list[int]] | None = None
) -> Any:
    """Return the score; ``index`` holds that of the submission and that of the truth."""
    return student.probe("lesson_06.score", submission=submission, truth=truth, index=index)["value"]


def _errors(submission: dict[str, list], truth: dict[str, list]) -> np.ndarray:
    answers = dict(zip(submission["RowId"], submission["Location"], strict=True))
    return np.array([answers[row] - location for row, location in zip(truth["RowId"], truth["Location"], strict=True)])


def _expect_score(student: Student, submission: dict[str, list], truth: dict[str, list], example: str) -> None:
    got = expect.number(_score(student, submission, truth), "score_submission(…)")
    want = np.sqrt(np.mean(_errors(submission, truth) ** 2))
    hint = "Read RMSE from right to left: it names the steps in their order. Which rows belong together, RowId says."
    expect.close(got, want, rtol=1e-5, what="the score", example=example, hint=hint)


@score_submission.rung("type", points=0.5, gate=True)
def returns_a_number(student: Student, rng: np.random.Generator) -> None:
    """Returns one number."""
    expect.finite(_score(student, *_scored(rng, 5)), "score_submission(…)")


@score_submission.rung("values", points=3)
def is_the_rmse(student: Student, rng: np.random.Generator) -> None:
    """The RMSE over all rows, in the same order in both tables."""
    for rows in (2, int(rng.integers(20, 60))):
        # Sorted, so that who sorts one of them loses what depends on the order alone.
        submission, truth = map(_sorted, _scored(rng, rows))
        example = f"errors {np.round(_errors(submission, truth), 3).tolist()}" if rows == 2 else f"{rows} rows"
        _expect_score(student, submission, truth, example)


@score_submission.rung("values", points=4)
def matches_rows_by_their_id(student: Student, rng: np.random.Generator) -> None:
    """The RMSE over all rows, in another order in each table."""
    submission, truth = _scored(rng, int(rng.integers(20, 60)))
    example = f"RowIds begin {submission['RowId'][:3]} in the submission, {truth['RowId'][:3]} in the truth"
    _expect_score(student, submission, truth, example)


@score_submission.rung("edge cases", points=0.5)
def extra_rows_never_count(student: Student, rng: np.random.Generator) -> None:
    """Rows of the submission that the truth does not have are left out of the score, or refused."""
    submission, truth = _scored(rng, 9)
    gone = {int(row) for row in rng.choice(9, 4, replace=False)}
    truth = {name: [v for row, v in enumerate(column) if row not in gone] for name, column in truth.items()}
    example = "9 rows in the submission; the truth has 5 of them"
    hint = "By how many rows do you divide, and which errors do you add up? The truth decides which rows count."
    try:
        value = _score(student, submission, truth)
    except StudentError as error:
        if expect.is_stub(error):
            raise
        expected = "the score over the rows of the truth, or a ValueError"
        expect.true("ValueError" in error.bases, expected, error.type, example, hint)
        # Who refuses everything refuses these rows for no reason.
        expect.finite(_score(student, *_scored(rng, 5)), "score_submission(…)")
        return
    got, want = expect.number(value, "score_submission(…)"), float(np.sqrt(np.mean(_errors(submission, truth) ** 2)))
    expect.close(got, want, rtol=1e-5, what="the score", example=example, hint=hint)


@score_submission.rung("edge cases", points=0.5)
def takes_any_index(student: Student, rng: np.random.Generator) -> None:
    """Tables whose index does not count from 0, such as some rows of larger ones, get the same score."""
    submission, truth = _scored(rng, 9)
    # The same labels in both, so that who subtracts by them gets a number.
    index = [[int(label) for label in 10 + rng.permutation(9)] for _ in range(2)]
    example = f"the index of the submission begins {index[0][:3]}, that of the truth {index[1][:3]}"
    hint = "pandas subtracts columns by their index, wherever the rows stand: sorting a table moves the labels along."
    got = expect.number(_score(student, submission, truth, index), "score_submission(…)")
    want = float(np.sqrt(np.mean(_errors(submission, truth) ** 2)))
    expect.close(got, want, rtol=1e-5, what="the score", example=example, hint=hint)


def _spoiled(rng: np.random.Generator, how: str) -> tuple[dict[str, list], dict[str, list]]:
    submission, truth = _scored(rng, 8)
    row, other = (int(i) for i in rng.choice(8, 2, replace=False))
    columns = list(submission.values())
    if how == "missing":
        for column in columns:
            del column[row]
    elif how == "repeated":
        for column in columns:
            column.append(column[row])
    elif how == "repeated in place of another":
        columns[0][row] = columns[0][other]
    else:
        columns[1][row] = {"NaN": math.nan, "infinite": math.inf, "minus infinity": -math.inf}[how]
    return submission, truth


def _say_score(value: Any) -> str:
    score = expect.number(value, "score_submission(…)")
    return "; a finite score" if math.isfinite(score) else f"; the score {score}"


def _rejects(student: Student, rng: np.random.Generator, how: str, hint: str) -> None:
    submission, truth = _spoiled(rng, how)
    place = "a RowId" if how.startswith(("missing", "repeated")) else "a Location that is"
    broken = f"score_submission, {place} {how}"
    expect_refused(lambda: _score(student, submission, truth), _say_score, broken, "8 rows of truth", hint)


@score_submission.rung("edge cases", points=1)
def rejects_missing_rows(student: Student, rng: np.random.Generator) -> None:
    """A submission without one of the RowIds is a ValueError."""
    hint = "A score over the remaining rows would be too good: leaving out hard faces would pay."
    _rejects(student, rng, "missing", hint)


@score_submission.rung("edge cases", points=1)
def rejects_repeated_rows(student: Student, rng: np.random.Generator) -> None:
    """A submission with a repeated RowId is a ValueError."""
    hint = "Which of both answers counts? Kaggle does not guess."
    for how in ("repeated", "repeated in place of another"):
        _rejects(student, rng, how, hint)


@score_submission.rung("edge cases", points=1)
def rejects_unfinished_rows(student: Student, rng: np.random.Generator) -> None:
    """A Location that is NaN or infinite is a ValueError."""
    hint = "pandas leaves NaN out of a mean without a word, so that an answer that is missing would cost nothing."
    for how in ("NaN", "infinite", "minus infinity"):
        _rejects(student, rng, how, hint)


@score_submission.rung("side effects", points=0.5)
def leaves_the_tables_alone(student: Student, rng: np.random.Generator) -> None:
    """Both tables are the same afterwards."""
    submission, truth = _scored(rng, 12)
    found = student.probe("lesson_06.score", submission=submission, truth=truth)
    hint = "sort_values and set_index with inplace=True, and new columns, change the caller's table."
    for name, before in (("submission", submission), ("truth", truth)):
        expect_kept(found[f"{name}_after"], before, f"the {name}", f"a {name}", hint)
