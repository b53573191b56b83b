"""Which labels are missing, as in Kaggle's training.csv: two groups of people labelled the faces.

The first 2,284 of 7,049 rows carry nearly all 15 keypoints; the others, but for ten rows, exactly four. The rates below
are counts in the public training.csv, in its row order.
"""

import numpy as np

from data_scripts.drawing.shape import KEYPOINT_NAMES

FULL_ROWS, DENSE_ROWS, COMPLETE_ROWS = 7049, 2284, 2140
TEST_IMAGES, LOOKUP_ROWS = 1783, 27124
DENSE_TEST_IMAGES = 590  # an estimate: as many as leave 1 % of their labels unasked, as the dense training rows do

# Share of the 2,284 densely labelled rows that lack each keypoint, in KEYPOINT_NAMES' order.
DENSE_MISSING = np.array(
    [
        0.0044, 0.0057, 0.0057, 0.0074, 0.0070, 0.0070, 0.0061, 0.0258,
        0.0061, 0.0210, 0.0000, 0.0066, 0.0061, 0.0039, 0.0101,
    ]
)  # fmt: skip
SPARSE_NAMES = ("left_eye_center", "right_eye_center", "nose_tip", "mouth_center_bottom_lip")
SPARSE = np.array([name in SPARSE_NAMES for name in KEYPOINT_NAMES])
SPARSE_BOTTOM_LIP_MISSING = 0.0021  # the only one of the four that the sparse rows ever lack


def missing_labels(n_rows: int, rng: np.random.Generator) -> np.ndarray:
    """Which labels each training row lacks: (n_rows, 15) bool, the densely labelled rows first.

    At 7,049 rows exactly 2,140 lack nothing; other sizes keep the proportion. ValueError for a negative count.
    """
    if n_rows < 0:
        raise ValueError(f"n_rows must be 0 or more, got {n_rows}; give the number of training faces")
    dense = round(n_rows * DENSE_ROWS / FULL_ROWS)
    complete = min(dense, round(n_rows * COMPLETE_ROWS / FULL_ROWS))
    missing = np.zeros((n_rows, len(KEYPOINT_NAMES)), bool)
    missing[dense:] = ~SPARSE
    bottom = KEYPOINT_NAMES.index("mouth_center_bottom_lip")
    missing[dense:, bottom] = rng.random(n_rows - dense) < SPARSE_BOTTOM_LIP_MISSING

    # Every incomplete row lacks at least one label, so each keypoint's share among them is its rate scaled up.
    incomplete = rng.choice(dense, size=dense - complete, replace=False) if dense else np.zeros(0, int)
    share = np.minimum(DENSE_MISSING * DENSE_ROWS / (DENSE_ROWS - COMPLETE_ROWS), 1)
    gaps = rng.random((len(incomplete), len(KEYPOINT_NAMES))) < share
    empty = np.flatnonzero(~gaps.any(axis=1))
    gaps[empty, rng.choice(len(KEYPOINT_NAMES), size=len(empty), p=share / share.sum())] = True
    missing[incomplete] = gaps
    return missing


def asked_keypoints(n_images: int, rng: np.random.Generator) -> np.ndarray:
    """Which keypoints the look-up table asks of each test image: (n_images, 15) bool.

    As Kaggle's: a third of the images ask all 15 keypoints, or nearly, the others the four of the sparse source. At
    1,783 images that makes exactly 27,124 rows, x and y counted apart; other sizes keep the proportion.
    """
    asked = np.tile(SPARSE, (n_images, 1))
    dense = rng.permutation(n_images)[: round(n_images * DENSE_TEST_IMAGES / TEST_IMAGES)]
    asked[dense] = True
    surplus = int(asked.sum()) - round(n_images * LOOKUP_ROWS / (2 * TEST_IMAGES))
    rows, columns = np.nonzero(asked & ~SPARSE)
    drop = rng.choice(len(rows), size=max(surplus, 0), replace=False)
    asked[rows[drop], columns[drop]] = False
    return asked
