"""The checks of lesson 01 against right answers in other styles and the mistakes that students make."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tests.battery import grade, story
from tests.reference import reference_names

REFERENCE = reference_names("01_pixel_parsing")
SEEDS = range(20)
COUNT = 96 * 96
Split = tuple[np.ndarray, np.ndarray]


def parse_by_loops(pixels: str) -> np.ndarray:
    pieces = pixels.split(" ")
    if len(pieces) != COUNT:
        raise ValueError("count")
    image = np.empty((96, 96), dtype="float32")
    for y in range(96):
        for x in range(96):
            value = int(pieces[96 * y + x])
            if not 0 <= value <= 255:
                raise ValueError("range")
            image[y, x] = value
    return image


def parse_by_array(pixels: str) -> np.ndarray:
    array = np.array(pixels.split(), dtype=np.float64)
    if array.size != COUNT or array.min() < 0 or array.max() > 255:
        raise ValueError("not an image")
    return array.astype(np.float32).reshape((96, 96))


def parse_by_pattern(pixels: str) -> np.ndarray:
    class BrokenImage(ValueError):
        pass

    if not re.fullmatch(r"\d{1,3}( \d{1,3})*", pixels):
        raise BrokenImage(pixels[:20])
    values = list(map(int, pixels.split()))
    if len(values) != COUNT or max(values) > 255:
        raise BrokenImage(len(values))
    return np.asarray([values[start : start + 96] for start in range(0, COUNT, 96)], np.float32)


def parse_by_pandas(pixels: str) -> np.ndarray:
    numbers = pd.to_numeric(pd.Series(pixels.split(), dtype=object), errors="raise")
    if len(numbers) != COUNT or not numbers.between(0, 255).all():
        raise ValueError("not an image")
    return numbers.to_numpy(np.float32).reshape(-1, 96)


def parse_by_torch(pixels: str) -> np.ndarray:
    values = torch.tensor([float(piece) for piece in pixels.split()])
    if values.numel() != COUNT or bool(((values < 0) | (values > 255)).any()):
        raise ValueError("not an image")
    return values.view(96, 96).numpy()


def scale_by_table(images: np.ndarray) -> np.ndarray:
    result = np.empty(images.shape, np.float32)
    np.divide(images, 255, out=result, casting="unsafe")
    return result


def scale_by_factor(images: np.ndarray) -> np.ndarray:
    return np.array(images, dtype=np.float32, copy=True) * np.float32(1 / 255)


def scale_in_double(images: np.ndarray) -> np.ndarray:
    return (np.asarray(images, float) / 255.0).astype("float32")


def scale_by_loop(images: np.ndarray) -> np.ndarray:
    flat = [float(value) / 255 for value in images.ravel()]
    return np.array(flat, np.float32).reshape(images.shape)


def load_by_csv(csv_path: Path) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    with open(csv_path, newline="") as file:
        header, *rows = csv.reader(file)
    names = tuple(column[:-2] for column in header if column.endswith("_x"))
    keypoints = np.full((len(rows), len(names), 2), np.nan, np.float32)
    images = np.zeros((len(rows), 96, 96), np.float32)
    for n, row in enumerate(rows):
        cells = dict(zip(header, row, strict=True))
        images[n] = parse_by_array(cells["Image"]) / 255
        for k, name in enumerate(names):
            for axis, letter in enumerate("xy"):
                text = cells[f"{name}_{letter}"]
                keypoints[n, k, axis] = float(text) if text else np.nan
    return images, keypoints, names


def load_by_filters(csv_path: Path) -> list[Any]:
    table = pd.read_csv(csv_path)
    x, y = table.filter(regex="_x$"), table.filter(regex="_y$")
    keypoints = np.stack([x.values, y.values], axis=-1).astype(np.float32)
    images = table.pop("Image").apply(lambda text: np.array(text.split(" "), dtype=np.float32) / 255.0)
    return [np.array(images.tolist()).reshape(-1, 96, 96), keypoints, x.columns.str.replace("_x", "", regex=False)]


def load_by_position(csv_path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = pd.read_csv(str(csv_path))
    labels = table.iloc[:, :-1]
    images = np.stack([np.fromstring(text, sep=" ", dtype=np.float32).reshape(96, 96) for text in table.iloc[:, -1]])
    names = np.array([str(column).rsplit("_", 1)[0] for column in labels.columns])[0::2]
    return images / 255, labels.values.reshape(len(table), -1, 2).astype("f4"), names


def split_by_random_state(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    order = np.random.RandomState(seed).permutation(n_rows)
    n_train = n_rows - round(n_rows * val_fraction)
    return order[:n_train], order[n_train:]


def split_by_python(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> list[np.ndarray]:
    rows = list(range(n_rows))
    random.Random(seed).shuffle(rows)
    count = round(val_fraction * n_rows)
    return [np.array(rows[count:], dtype=int), np.array(rows[:count], dtype=int)]


def split_by_torch(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    generator = torch.Generator().manual_seed(seed)
    train, val = torch.randperm(n_rows, generator=generator).split(
        [n_rows - round(n_rows * val_fraction), round(n_rows * val_fraction)]
    )
    return train.numpy(), val.numpy()


def split_by_choice(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    rng = np.random.default_rng(seed)
    val = rng.choice(n_rows, size=int(np.round(n_rows * val_fraction)), replace=False)
    train = rng.permutation(np.setdiff1d(np.arange(n_rows), val))
    return train, val


def split_with_state_restored(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    state = np.random.get_state()  # noqa: NPY002 (a right answer may use it if it puts it back)
    np.random.seed(seed)  # noqa: NPY002
    order = np.random.permutation(n_rows)  # noqa: NPY002
    np.random.set_state(state)  # noqa: NPY002
    count = round(n_rows * val_fraction)
    return order[count:], order[:count]


RIGHT: dict[str, list[Callable]] = {
    "parse_pixels": [parse_by_loops, parse_by_array, parse_by_pattern, parse_by_pandas, parse_by_torch],
    "scale_pixels": [scale_by_table, scale_by_factor, scale_in_double, scale_by_loop],
    "load_faces": [load_by_csv, load_by_filters, load_by_position],
    "split_rows": [split_by_random_state, split_by_python, split_by_torch, split_by_choice, split_with_state_restored],
}


@pytest.mark.parametrize(
    ("exercise", "answer"), [(name, answer) for name, answers in RIGHT.items() for answer in answers]
)
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_right_answers_score_in_full_with_every_seed(exercise: str, answer: Callable) -> None:
    for seed in SEEDS:
        result = grade(exercise, {**REFERENCE, exercise: answer}, seed)
        assert result.outcome == "passed", story(result)



def _cut_or_pad(pixels: str) -> np.ndarray:
    values = [int(piece) for piece in pixels.split()][:COUNT]
    return np.array(values + [0] * (COUNT - len(values)), np.float32).reshape(96, 96)


def _wrap(pixels: str) -> np.ndarray:
    values = np.array([int(piece) for piece in pixels.split()])
    if len(values) != COUNT:
        raise ValueError("count")
    return values.astype(np.uint8).astype(np.float32).reshape(96, 96)


def _skip_words(pixels: str) -> np.ndarray:
    pieces = [piece if piece.lstrip("-").isdigit() else "0" for piece in pixels.split()]
    return parse_by_array(" ".join(pieces))


def _unchecked(pixels: str) -> np.ndarray:
    return np.array(pixels.split(), np.float32).reshape(96, 96)


def _asserting(pixels: str) -> np.ndarray:
    values = np.array(pixels.split(), np.float32)
    assert len(values) == COUNT
    assert values.min() >= 0
    assert values.max() <= 255
    return values.reshape(96, 96)


def _load(csv_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table) -> tuple:
    table = change(pd.read_csv(csv_path))
    labels = table.drop(columns="Image")
    images = np.array([parse_by_array(text) for text in table["Image"]], np.float32).reshape(-1, 96, 96) / 255
    keypoints = labels.to_numpy(np.float32).reshape(len(table), labels.shape[1] // 2, 2)
    return images, keypoints, [column[:-2] for column in labels.columns[::2]]


def _load_xy_swapped(csv_path: Path) -> tuple:
    images, keypoints, names = _load(csv_path)
    return images, keypoints[..., ::-1], names


def _load_all_x_first(csv_path: Path) -> tuple:
    images, keypoints, names = _load(csv_path)
    return images, keypoints.reshape(len(images), 2, -1).transpose(0, 2, 1), names


def _load_unscaled(csv_path: Path) -> tuple:
    images, keypoints, names = _load(csv_path)
    return images * 255, keypoints, names


def _load_without_incomplete(csv_path: Path) -> tuple:
    return _load(csv_path, lambda table: table.dropna())


def _load_with_zeros(csv_path: Path) -> tuple:
    return _load(csv_path, lambda table: table.fillna(0))


def _load_filled_forward(csv_path: Path) -> tuple:
    return _load(csv_path, lambda table: table.ffill())


def _load_names_twice(csv_path: Path) -> tuple:
    images, keypoints, names = _load(csv_path)
    return images, keypoints, [f"{name}_{axis}" for name in names for axis in "xy"]


def _load_names_sorted(csv_path: Path) -> tuple:
    images, keypoints, names = _load(csv_path)
    return images, keypoints, sorted(names)


def _load_always_15(csv_path: Path) -> tuple:
    images, keypoints, names = _load(csv_path)
    return images, keypoints.reshape(-1, 15, 2), names


def _load_double(csv_path: Path) -> tuple:
    images, keypoints, names = _load(csv_path)
    return images.astype(float), keypoints, names


def _load_on_their_side(csv_path: Path) -> tuple:
    images, keypoints, names = _load(csv_path)
    return images.transpose(0, 2, 1), keypoints, names


def _cut(order: np.ndarray, n_val: int) -> Split:
    return order[n_val:], order[:n_val]


def _split_in_file_order(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    return _cut(np.arange(n_rows), round(n_rows * val_fraction))


def _split_shuffled_late(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    train, val = _split_in_file_order(n_rows, val_fraction)
    rng = np.random.default_rng(seed)
    return rng.permutation(train), rng.permutation(val)


def _split_truncated(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    return _cut(np.random.default_rng(seed).permutation(n_rows), int(n_rows * val_fraction))


def _split_half_up(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    return _cut(np.random.default_rng(seed).permutation(n_rows), int(n_rows * val_fraction + 0.5))


def _split_by_global_seed(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    np.random.seed(seed)  # noqa: NPY002 (the mistake itself)
    return _cut(np.random.permutation(n_rows), round(n_rows * val_fraction))  # noqa: NPY002


def _split_unseeded(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    return _cut(np.random.default_rng().permutation(n_rows), round(n_rows * val_fraction))


def _split_ignoring_seed(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    return _cut(np.random.default_rng(0).permutation(n_rows), round(n_rows * val_fraction))


def _split_seed_zero_is_none(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    return _cut(np.random.default_rng(seed or None).permutation(n_rows), round(n_rows * val_fraction))


def _split_with_replacement(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    return _cut(np.random.default_rng(seed).integers(0, n_rows, n_rows), round(n_rows * val_fraction))


def _split_overlapping(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    rng = np.random.default_rng(seed)
    n_val = round(n_rows * val_fraction)
    return rng.permutation(n_rows)[n_val:], rng.permutation(n_rows)[:n_val]


def _split_exchanged(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    return REFERENCE["split_rows"](n_rows, val_fraction, seed)[::-1]


def _split_from_the_end(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    order, n_val = np.random.default_rng(seed).permutation(n_rows), round(n_rows * val_fraction)
    return order[:-n_val], order[-n_val:]


def _split_as_masks(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    mask = np.zeros(n_rows, bool)
    mask[REFERENCE["split_rows"](n_rows, val_fraction, seed)[1]] = True
    return ~mask, mask


# Each with a word of the text that the student must read.
WRONG: dict[str, list[tuple[str, Callable, str]]] = {
    "parse_pixels": [
        ("column-major", lambda text: parse_by_array(text).T, "lies on its side"),
        ("flat", lambda text: parse_by_array(text).ravel(), "shape"),
        ("scaled", lambda text: parse_by_array(text) / np.float32(255), "scaled already"),
        ("uint8", lambda text: parse_by_array(text).astype(np.uint8), "float32"),
        ("double", lambda text: parse_by_array(text).astype(float), "float32"),
        ("a list", lambda text: parse_by_array(text).tolist(), "numpy.ndarray"),
        ("int8", lambda text: parse_by_array(text).astype(np.int8).astype(np.float32), "negative"),
        ("upside down", lambda text: parse_by_array(text)[::-1], "on its head"),
        ("cuts or pads", _cut_or_pad, "numbers there are"),
        ("goes round at 256", _wrap, "256"),
        ("ignores words", _skip_words, "broken file"),
        ("unchecked range", _unchecked, "both included"),
        ("AssertionError", _asserting, "AssertionError"),
        ("always raises", lambda text: parse_by_array(""), "no error"),
    ],
    "scale_pixels": [
        ("by 256", lambda images: (images / 256).astype(np.float32), "White does not become 1"),
        ("whole numbers", lambda images: (images // 255).astype(np.float32), "whole-number"),
        ("by the maximum", lambda images: (images / images.max()).astype(np.float32), "brightest"),
        ("only where needed",
         lambda images: np.float32(images) if images.max() <= 1 else np.float32(images / 255), "left as they are"),
        ("min to max",
         lambda images: ((images - images.min()) / np.ptp(images)).astype(np.float32), "brightest"),
        ("through uint8", lambda images: images.astype(np.uint8).astype(np.float32) / 255, "cut off"),
        ("double", lambda images: images / 255.0, "float32"),
        ("in place", lambda images: np.divide(images, 255, out=images if images.dtype == np.float32 else None)
         .astype(np.float32), "in place"),
        ("-1 to 1", lambda images: (images / 127.5 - 1).astype(np.float32), "from -1 to 1"),
        ("flattened", lambda images: images.ravel().astype(np.float32) / 255, "shape"),
    ],
    "load_faces": [
        ("x and y swapped", _load_xy_swapped, "x and y are exchanged"),
        ("all x, then all y", _load_all_x_first, "take turns"),
        ("unscaled", _load_unscaled, "not scaled"),
        ("incomplete rows dropped", _load_without_incomplete, "shape"),
        ("zeros for missing", _load_with_zeros, "upper left corner"),
        ("filled forward", _load_filled_forward, "nan"),
        ("names of columns", _load_names_twice, "number of names"),
        ("names sorted", _load_names_sorted, "order"),
        ("always 15", _load_always_15, "reshape"),
        ("double", _load_double, "float32"),
        ("images on their side", _load_on_their_side, "on their side"),
        ("two things", lambda path: _load(path)[:2], "three things"),
    ],
    "split_rows": [
        ("file order", _split_in_file_order, "place in the file"),
        ("shuffled after the cut", _split_shuffled_late, "not afterwards"),
        ("truncated", _split_truncated, "nearest whole number"),
        ("half up", _split_half_up, "even neighbor"),
        ("global seed", _split_by_global_seed, "share one state"),
        ("unseeded", _split_unseeded, "besides the seed"),
        ("seed ignored", _split_ignoring_seed, "reach the generator"),
        ("seed 0 is none", _split_seed_zero_is_none, "seed 0"),
        ("with replacement", _split_with_replacement, "rows"),
        ("overlapping", _split_overlapping, "seen the answer"),
        ("exchanged", _split_exchanged, "exchanged"),
        ("from the end", _split_from_the_end, "except where n is 0"),
        ("masks", _split_as_masks, "integer"),
        ("lists", lambda *args: [part.tolist() for part in REFERENCE["split_rows"](*args)], "numpy.ndarray"),
    ],
}


@pytest.mark.parametrize(
    ("exercise", "answer", "said"),
    [pytest.param(name, answer, said, id=f"{name}-{mistake}")
     for name, answers in WRONG.items() for mistake, answer, said in answers],
)
def test_wrong_answers_lose_points_and_are_told_why(exercise: str, answer: Callable, said: str) -> None:
    for seed in range(5):
        result = grade(exercise, {**REFERENCE, exercise: answer}, seed)
        assert result.outcome != "passed", f"seed {seed}"
        assert result.score < result.exercise.points
        assert said in str(result.problem), story(result)
