"""The submission that the reference code of lesson 06 writes, as Kaggle reads it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from tests.reference import reference_names


def test_the_columns_of_a_submission_are_those_that_kaggle_reads(tmp_path: Path) -> None:
    lookup = pd.DataFrame({"RowId": [2, 1], "ImageId": [1, 1], "FeatureName": ["nose_tip_y", "nose_tip_x"]})
    table = reference_names("06_kaggle_submission")["make_submission"](
        np.array([[[48.5, 60.25]]], np.float32), ["nose_tip"], lookup
    )
    table.to_csv(tmp_path / "submission.csv", index=False)
    with open(tmp_path / "submission.csv", newline="") as file:
        assert list(csv.reader(file)) == [["RowId", "Location"], ["2", "60.25"], ["1", "48.5"]]
