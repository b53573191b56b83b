"""The reference functions of lesson 01 against plain loops and against properties that must always hold."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from data_scripts.kaggle_csv import read_training
from tests.reference import reference_names

NAMES = reference_names("01_pixel_parsing")
parse_pixels, scale_pixels = NAMES["parse_pixels"], NAMES["scale_pixels"]
load_faces, split_rows = NAMES["load_faces"], NAMES["split_rows"]

PIXELS = hnp.arrays(np.uint8, (96, 96), elements=st.integers(0, 255))
GRAY_FLOATS = {dtype: st.floats(0, 255, width=8 * np.dtype(dtype).itemsize) for dtype in (np.float32, np.float64)}


def as_text(pixels: np.ndarray) -> str:
    return " ".join(str(int(value)) for value in pixels.ravel())


@settings(max_examples=25, deadline=None)
@given(PIXELS)
def test_parse_pixels_inverts_writing_row_by_row(pixels: np.ndarray) -> None:
    rows = [" ".join(str(int(value)) for value in row) for row in pixels]
    image = parse_pixels(" ".join(rows))
    assert image.shape == (96, 96)
    assert image.dtype == np.float32
    assert np.array_equal(image, pixels)


def test_parse_pixels_puts_number_i_in_row_y_column_x() -> None:
    i, x, y = 5 * 96 + 7, 7, 5
    values = ["0"] * 9216
    values[i] = "200"
    image = parse_pixels(" ".join(values))
    assert image[y, x] == 200
    assert image.sum() == 200


@pytest.mark.parametrize("count", [0, 1, 9215, 9217, 96 * 95, 97 * 96, 2 * 9216])
def test_parse_pixels_refuses_another_count(count: int) -> None:
    with pytest.raises(ValueError, match=f"9216 pixel values, got {count}"):
        parse_pixels(" ".join(["7"] * count))


@pytest.mark.parametrize("odd", ["256", "-1", "1000", "99999999999999999999", "x", "1x", "nan", ""])
def test_parse_pixels_refuses_an_odd_piece(odd: str) -> None:
    values = ["7"] * 9216
    values[4000] = odd
    with pytest.raises(ValueError, match="9216 pixel values|0 to 255|invalid literal"):
        parse_pixels(" ".join(values))


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=6)),
        *(
            hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=4, max_side=6), elements=floats)
            for dtype, floats in GRAY_FLOATS.items()
        ),
    )
)
def test_scale_pixels_is_a_division_by_255(images: np.ndarray) -> None:
    before = images.copy()
    scaled = scale_pixels(images)
    assert scaled.dtype == np.float32
    assert scaled.shape == images.shape
    assert not np.shares_memory(scaled, images)
    assert np.array_equal(images, before)
    for got, value in zip(scaled.ravel().tolist(), images.ravel().tolist(), strict=True):
        assert got == pytest.approx(value / 255, rel=1e-6, abs=1e-30)
        assert 0 <= got <= 1


def write_training(path: Path, keypoints: np.ndarray, pixels: np.ndarray, names: list[str]) -> None:
    columns = [f"{name}_{axis}" for name in names for axis in "xy"]
    table = pd.DataFrame(keypoints.reshape(len(keypoints), -1), columns=columns)
    table["Image"] = [as_text(image) for image in pixels]
    table.to_csv(path, index=False)


@pytest.mark.parametrize(("rows", "names"), [(1, ["nose_tip"]), (5, ["a_x_b", "left", "y"]), (3, list("zyxwv"))])
def test_load_faces_reads_what_was_written(tmp_path: Path, rows: int, names: list[str]) -> None:
    rng = np.random.default_rng(rows)
    keypoints = rng.uniform(0, 96, (rows, len(names), 2))
    keypoints[rng.random((rows, len(names))) < 0.3] = np.nan
    pixels = rng.integers(0, 256, (rows, 96, 96))
    write_training(tmp_path / "training.csv", keypoints, pixels, names)

    images, got, got_names = load_faces(tmp_path / "training.csv")
    assert images.dtype == got.dtype == np.float32
    assert images.shape == (rows, 96, 96)
    assert list(got_names) == names
    np.testing.assert_allclose(images, pixels / 255, rtol=1e-6)
    np.testing.assert_allclose(got, keypoints, rtol=1e-6)


def test_load_faces_and_the_fast_reader_agree(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(0, 96, (6, 3, 2)).round(3)
    keypoints[1:4, 1] = np.nan
    write_training(tmp_path / "training.csv", keypoints, rng.integers(0, 256, (6, 96, 96)), ["a", "b", "c"])
    images, got, names = load_faces(tmp_path / "training.csv")
    fast = read_training(tmp_path / "training.csv")
    assert np.array_equal(images, fast.images)
    assert np.array_equal(got, fast.keypoints, equal_nan=True)
    assert tuple(names) == fast.names


def test_load_faces_refuses_a_broken_image(tmp_path: Path) -> None:
    (tmp_path / "training.csv").write_text("nose_tip_x,nose_tip_y,Image\n1.0,2.0,1 2 3\n")
    with pytest.raises(ValueError, match="got 3"):
        load_faces(tmp_path / "training.csv")


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 300), st.floats(0, 1), st.integers(0, 2**32))
def test_split_rows_is_a_partition_of_the_right_size(n_rows: int, val_fraction: float, seed: int) -> None:
    train, val = split_rows(n_rows, val_fraction, seed)
    assert len(val) == round(n_rows * val_fraction)
    assert sorted([*train.tolist(), *val.tolist()]) == list(range(n_rows))
    assert train.dtype.kind == val.dtype.kind == "i"
    again = split_rows(n_rows, val_fraction, seed)
    assert all(np.array_equal(first, second) for first, second in zip((train, val), again, strict=True))


def test_split_rows_shuffles_and_depends_on_the_seed() -> None:
    held_back = [frozenset(split_rows(500, 0.2, seed)[1].tolist()) for seed in range(40)]
    assert len(set(held_back)) == 40
    # The mean place of 100 of 500 rows has a spread of about 13; that of 40 such means, 2.
    assert np.mean([list(rows) for rows in held_back]) == pytest.approx(249.5, abs=10)


def test_split_rows_leaves_global_random_states_alone() -> None:
    before = (repr(np.random.get_state()), random.getstate())  # noqa: NPY002 (the state that must not change)
    split_rows(100)
    assert (repr(np.random.get_state()), random.getstate()) == before  # noqa: NPY002
