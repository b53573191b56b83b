"""Which labels are missing, and which keypoints are asked for: as in the real set."""

from pathlib import Path

import numpy as np
import pytest

from data_scripts.drawing.shape import KEYPOINT_NAMES
from data_scripts.kaggle.labels import DENSE_MISSING, SPARSE, asked_keypoints, missing_labels

REAL_PATTERN = Path(__file__).parents[3] / "shared" / "data" / "kaggle_missing_pattern.npz"


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_labels_are_missing_as_in_the_real_set(seed: int) -> None:
    missing = missing_labels(7049, np.random.default_rng(seed))
    complete = ~missing.any(axis=1)
    assert complete.sum() == 2140
    assert complete[:2284].sum() == 2140
    assert missing[2284:, ~SPARSE].all()
    assert missing[2284:, SPARSE].mean() < 0.002
    # Four standard errors of a share among 2,284 rows, and one row besides.
    slack = 4 * np.sqrt(DENSE_MISSING * (1 - DENSE_MISSING) / 2284) + 1 / 2284
    assert (np.abs(missing[:2284].mean(axis=0) - DENSE_MISSING) <= slack).all()


@pytest.mark.skipif(not REAL_PATTERN.is_file(), reason="the real pattern of missing labels is not on this machine")
def test_rates_of_missing_labels_are_those_of_the_real_set() -> None:
    real = np.load(REAL_PATTERN)
    assert tuple(real["names"]) == KEYPOINT_NAMES
    np.testing.assert_allclose(real["missing"][:2284].mean(axis=0), DENSE_MISSING, atol=6e-5)
    np.testing.assert_array_equal(real["missing"][2284:].mean(axis=0) > 0.5, ~SPARSE)


@pytest.mark.parametrize("n_rows", [0, 1, 3, 50, 700])
def test_other_sizes_keep_the_proportion_of_complete_rows(n_rows: int) -> None:
    missing = missing_labels(n_rows, np.random.default_rng(0))
    assert missing.shape == (n_rows, 15)
    assert (~missing.any(axis=1)).sum() == min(round(n_rows * 2140 / 7049), round(n_rows * 2284 / 7049))


def test_lookup_table_asks_as_much_as_kaggles() -> None:
    asked = asked_keypoints(1783, np.random.default_rng(0))
    assert 2 * asked.sum() == 27124
    assert asked[:, SPARSE].all()
    assert set(asked[(~asked[:, ~SPARSE]).all(axis=1)].sum(axis=1)) == {4}
