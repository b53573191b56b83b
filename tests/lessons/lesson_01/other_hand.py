"""Mistakes of lesson 01's catalogue in another hand: a diagnosis knows the mistake, not one spelling of it."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from tests.lessons.answers import name_answers

Split = tuple[np.ndarray, np.ndarray]


def numbers(pixels: str) -> np.ndarray:
    """Return the numbers of a string as a checked float32 array, in one row."""
    values = np.array(pixels.split(), dtype=np.float64)
    if values.size != 9216 or values.min() < 0 or values.max() > 255:
        raise ValueError("this is no image of 9,216 gray values")
    return values.astype(np.float32)


def parse_filling_columns(pixels: str) -> np.ndarray:
    image = np.empty((96, 96), np.float32)
    for i, value in enumerate(numbers(pixels)):
        image[i % 96, i // 96] = value
    return image


def parse_without_range(pixels: str) -> np.ndarray:
    return np.loadtxt(io.StringIO(pixels), dtype=np.float32, ndmin=1).reshape((96, 96))


def parse_with_wrong_range(pixels: str) -> np.ndarray:
    for piece in pixels.split():
        if int(piece) not in range(255):
            raise ValueError(f"{piece} is not a gray value")
    return numbers(pixels).reshape(96, 96)


def parse_large_only(pixels: str) -> np.ndarray:
    values = pd.Series(pixels.split()).astype(float)
    if len(values) != 96 * 96 or (values > 255).any():
        raise ValueError
    return values.to_numpy("float32").reshape(96, 96)


def parse_through_bytes(pixels: str) -> np.ndarray:
    values = [int(piece) % 256 for piece in pixels.split()]
    return torch.tensor(values, dtype=torch.float32).numpy().reshape(96, 96)


def parse_into_bytes(pixels: str) -> np.ndarray:
    return np.array(pixels.split(), dtype="uint8").reshape(96, 96).astype("float32")


def parse_padded(pixels: str) -> np.ndarray:
    values = [float(piece) for piece in pixels.split()][:9216]
    return numbers(" ".join(map(str, values + [0.0] * (9216 - len(values))))).reshape(96, 96)


def parse_the_beginning(pixels: str) -> np.ndarray:
    return numbers(" ".join(pixels.split()[:9216])).reshape(96, 96)


def parse_rows_of_96(pixels: str) -> np.ndarray:
    values = np.array(pixels.split(), dtype=np.float32).reshape(-1, 96)
    if len(values) == 0 or np.any((values < 0) | (values > 255)):
        raise ValueError("out of range")
    return values


def parse_squares(pixels: str) -> np.ndarray:
    values = np.array(pixels.split(), dtype=np.float32)
    side = math.isqrt(values.size)
    if side * side != values.size or (values < 0).any() or (values > 255).any():
        raise ValueError("no square")
    return values.reshape(side, side)


def parse_asserting(pixels: str) -> np.ndarray:
    values = np.array(pixels.split(), np.float32)
    assert len(values) == 9216, f"need 9216 values but found {len(values)}"
    assert ((values >= 0) & (values <= 255)).all(), "bad gray value"
    return values.reshape(96, 96)


def parse_raising_exceptions(pixels: str) -> np.ndarray:
    try:
        return numbers(pixels).reshape(96, 96)
    except ValueError as error:
        raise Exception("could not parse the pixels") from error


def parse_by_index(pixels: str) -> np.ndarray:
    pieces = pixels.split(" ")
    rows = [[float(pieces[96 * y + x]) for x in range(96)] for y in range(96)]
    if min(map(min, rows)) < 0 or max(map(max, rows)) > 255:
        raise ValueError("gray values are 0 to 255")
    return np.array(rows, dtype=np.float32)


def parse_coercing(pixels: str) -> np.ndarray:
    values = pd.to_numeric(pd.Series(pixels.split(), dtype=object), errors="coerce")
    if len(values) != 9216 or values.min() < 0 or values.max() > 255:
        raise ValueError("not an image")
    return values.to_numpy(np.float32).reshape(96, 96)


def scale_in_place(images: np.ndarray) -> np.ndarray:
    result = images.astype(np.float32, copy=False)
    return np.multiply(result, np.float32(1 / 255), out=result)


def read(csv_path: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the table of the file and its scaled images."""
    table = pd.read_csv(csv_path)
    return table, np.array([numbers(text) for text in table["Image"]]).reshape(-1, 96, 96) / np.float32(255)


def pairs(table: pd.DataFrame) -> np.ndarray:
    """Return the keypoints of a table that holds nothing else."""
    return table.to_numpy(np.float32).reshape(len(table), -1, 2)


def names_of(table: pd.DataFrame) -> list[str]:
    return [column[:-2] for column in table.columns if column.endswith("_x")]


def load_y_first(csv_path: Path) -> tuple:
    table, images = read(csv_path)
    keypoints = np.stack([table.filter(regex="_y$"), table.filter(regex="_x$")], axis=-1)
    return images, keypoints.astype(np.float32), names_of(table)


def load_halves(csv_path: Path) -> tuple:
    table, images = read(csv_path)
    labels = table.drop(columns="Image").to_numpy(np.float32)
    half = labels.shape[1] // 2
    return images, np.stack([labels[:, :half], labels[:, half:]], axis=2), names_of(table)


def load_columns_as_names(csv_path: Path) -> tuple:
    table, images = read(csv_path)
    labels = table.drop(columns="Image")
    return images, pairs(labels), [column.replace("_x", "").replace("_y", "") for column in labels.columns]


def load_names_in_a_set(csv_path: Path) -> tuple:
    table, images = read(csv_path)
    names = sorted({column.rsplit("_", 1)[0] for column in table.columns if column != "Image"})
    return images, pairs(table.drop(columns="Image")), names


def load_column_names_of_x(csv_path: Path) -> tuple:
    table, images = read(csv_path)
    return images, pairs(table.drop(columns="Image")), list(table.filter(regex="_x$").columns)


def load_raw_images(csv_path: Path) -> tuple:
    table, images = read(csv_path)
    return np.round(images * 255), pairs(table.drop(columns="Image")), names_of(table)


def load_complete_rows(csv_path: Path) -> tuple:
    table, images = read(csv_path)
    complete = table.notna().all(axis=1).to_numpy()
    return images[complete], pairs(table.drop(columns="Image")[complete]), names_of(table)


def load_zeros(csv_path: Path) -> tuple:
    table, images = read(csv_path)
    return images, np.nan_to_num(pairs(table.drop(columns="Image"))), names_of(table)


def load_filled_with_means(csv_path: Path) -> tuple:
    table, images = read(csv_path)
    keypoints = pairs(table.drop(columns="Image"))
    return images, np.where(np.isnan(keypoints), np.nanmean(keypoints, axis=0), keypoints), names_of(table)


def load_thirty_numbers(csv_path: Path) -> tuple:
    table, images = read(csv_path)
    keypoints = np.zeros((len(table), 15, 2), np.float32)
    keypoints[:, :, 0] = table.filter(regex="_x$")
    keypoints[:, :, 1] = table.filter(regex="_y$")
    return images, keypoints, names_of(table)


def size_of(n_rows: int, val_fraction: float) -> int:
    return int(np.round(n_rows * val_fraction))


def split_last_rows(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    n_train = n_rows - size_of(n_rows, val_fraction)
    return np.arange(n_train), np.arange(n_train, n_rows)


def split_and_shuffle(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    train, val = split_last_rows(n_rows, val_fraction)
    generator = np.random.RandomState(seed)
    generator.shuffle(train)
    generator.shuffle(val)
    return train, val


def split_with_42(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    rows = list(range(n_rows))
    random.Random(42).shuffle(rows)
    count = size_of(n_rows, val_fraction)
    return np.array(rows[count:], int), np.array(rows[:count], int)


GENERATOR = np.random.default_rng(0)


def split_by_one_generator(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    return tuple(np.split(GENERATOR.permutation(n_rows), [n_rows - size_of(n_rows, val_fraction)]))


def split_where_seeded(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    generator = np.random.RandomState(seed) if seed else np.random.RandomState()
    order, count = generator.permutation(n_rows), size_of(n_rows, val_fraction)
    return order[count:], order[:count]


def split_by_pythons_seed(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    random.seed(seed)
    rows = random.sample(range(n_rows), n_rows)
    count = size_of(n_rows, val_fraction)
    return np.array(rows[count:], int), np.array(rows[:count], int)


def split_after(n_train: Callable[[int, float], int]) -> Callable[..., Split]:
    """Return a split whose number of training rows is counted first."""

    def split(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
        order = np.random.RandomState(seed).permutation(n_rows)
        count = n_train(n_rows, val_fraction)
        return order[:count], order[count:]

    return split


def split_with_two_states(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    count = size_of(n_rows, val_fraction)
    val = np.random.RandomState(seed).choice(n_rows, count, replace=False)
    return np.random.RandomState(seed + 1).choice(n_rows, n_rows - count, replace=False), val


def split_keeping_all(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    return np.arange(n_rows), np.random.RandomState(seed).permutation(n_rows)[: size_of(n_rows, val_fraction)]


def split_by_choice(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    val = np.random.RandomState(seed).choice(n_rows, size_of(n_rows, val_fraction))
    return np.setdiff1d(np.arange(n_rows), val), val


def split_from_the_end(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    order, count = (
        torch.randperm(n_rows, generator=torch.Generator().manual_seed(seed)).numpy(),
        size_of(n_rows, val_fraction),
    )
    return order[:-count], order[-count:]


def split_lists(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> tuple[list[int], list[int]]:
    rows = list(range(n_rows))
    random.Random(seed).shuffle(rows)
    count = size_of(n_rows, val_fraction)
    return rows[count:], rows[:count]


_SPELLED: dict[str, list[Callable]] = {
    "parse_pixels/column-major": [lambda text: numbers(text).reshape(96, 96).T, parse_filling_columns],
    "parse_pixels/flat": [numbers],
    "parse_pixels/scaled": [lambda text: numbers(text).reshape(96, 96) * np.float32(1 / 255)],
    "parse_pixels/integers": [lambda text: numbers(text).astype(int).reshape(96, 96)],
    "parse_pixels/double": [lambda text: numbers(text).astype(float).reshape(96, 96)],
    "parse_pixels/bytes": [
        lambda text: np.array(text.split(), np.uint8).reshape(96, 96),
        lambda text: np.array(text.split(), float).astype(np.uint8).reshape(96, 96),
    ],
    "parse_pixels/range-unchecked": [
        parse_without_range,
        lambda text: np.array(text.split(), "float32").reshape(96, 96),
    ],
    "parse_pixels/negative-unchecked": [parse_large_only],
    "parse_pixels/ends-refused": [parse_with_wrong_range],
    "parse_pixels/goes-round-at-256": [parse_through_bytes],
    "parse_pixels/byte-overflow": [parse_into_bytes],
    "parse_pixels/cuts-or-pads": [parse_padded],
    "parse_pixels/rest-ignored": [parse_the_beginning],
    "parse_pixels/any-number-of-rows": [parse_rows_of_96],
    "parse_pixels/any-square": [parse_squares],
    "parse_pixels/assert": [parse_asserting],
    "parse_pixels/general-exception": [parse_raising_exceptions],
    "parse_pixels/count-unchecked": [parse_by_index],
    "parse_pixels/words-become-numbers": [parse_coercing],
    "scale_pixels/by-256": [lambda images: np.float32(images) * 2**-8],
    "scale_pixels/own-maximum": [lambda images: (np.array(images, float) / np.max(images)).astype("f4")],
    "scale_pixels/stretched": [lambda images: np.interp(images, [images.min(), images.max()], [0, 1]).astype("f4")],
    "scale_pixels/standardized": [
        lambda images: ((images - np.mean(images, dtype=float)) / np.std(images, dtype=float)).astype(np.float32)
    ],
    "scale_pixels/minus-one-to-one": [lambda images: ((images.astype(float) / 255 - 0.5) / 0.5).astype(np.float32)],
    "scale_pixels/already-scaled": [lambda x: x.astype("f4") if (x <= 1).all() else (x / 255.0).astype("f4")],
    "scale_pixels/whole-number-division": [
        lambda images: np.floor(images / 255).astype(np.float32),
        lambda images: (images.astype(int) // 255).astype(np.float32),
    ],
    "scale_pixels/fractions-cut-off": [lambda images: (images.astype("int64") / 255).astype(np.float32)],
    "scale_pixels/double": [
        lambda images: np.true_divide(images, 255.0),
        # Only a float64 array shows it.
        lambda images: images / np.float32(255),
    ],
    "scale_pixels/input-type-kept": [lambda images: np.divide(images, 255, np.zeros_like(images), casting="unsafe")],
    "scale_pixels/in-place": [scale_in_place],
    "load_faces/x-and-y-exchanged": [load_y_first],
    "load_faces/all-x-first": [load_halves],
    "load_faces/names-of-columns": [load_columns_as_names],
    "load_faces/names-with-axis": [load_column_names_of_x],
    "load_faces/names-sorted": [load_names_in_a_set],
    "load_faces/images-unscaled": [load_raw_images],
    "load_faces/incomplete-rows-dropped": [load_complete_rows],
    "load_faces/zeros": [load_zeros],
    "load_faces/column-mean": [load_filled_with_means],
    "load_faces/always-fifteen": [load_thirty_numbers],
    "split_rows/file-order": [split_last_rows],
    "split_rows/shuffled-after-the-cut": [split_and_shuffle],
    "split_rows/seed-ignored": [split_with_42],
    "split_rows/unseeded": [split_by_one_generator],
    "split_rows/seed-zero-lost": [split_where_seeded],
    "split_rows/global-seed": [split_by_pythons_seed],
    "split_rows/rounded-down": [split_after(lambda n, share: n - int(n * share))],
    "split_rows/rounded-up": [
        split_after(lambda n, share: int(n * (1 - share))),
        split_after(lambda n, share: n - math.ceil(n * share)),
    ],
    "split_rows/half-up": [split_after(lambda n, share: n - math.floor(0.5 + n * share))],
    "split_rows/parts-exchanged": [split_after(size_of)],
    "split_rows/drawn-independently": [split_with_two_states],
    "split_rows/validation-not-removed": [split_keeping_all],
    "split_rows/with-replacement": [split_by_choice],
    "split_rows/negative-slice": [split_from_the_end],
    "split_rows/lists": [split_lists],
}


NAMED = name_answers(
    (mistake, {mistake.partition("/")[0]: answer}) for mistake, answers in _SPELLED.items() for answer in answers
)
