"""Answers to lesson 01 in other styles than the reference's: right ones, and wrong ones beside the catalogue's."""

from __future__ import annotations

import csv
import io
import random
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from tests.lessons.answers import Answer

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
    # NumPy itself raises a ValueError for a piece that is no integer.
    array = np.array(pixels.split(), dtype=np.int64)
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
    if len(numbers) != COUNT or not numbers.isin(range(256)).all():
        raise ValueError("not an image")
    return numbers.to_numpy(np.float32).reshape(-1, 96)


def parse_by_torch(pixels: str) -> np.ndarray:
    values = torch.tensor([float(piece) for piece in pixels.split()])
    if values.numel() != COUNT or bool(((values < 0) | (values > 255) | (values != values.round())).any()):
        raise ValueError("not an image")
    return values.view(96, 96).numpy()


def parse_by_bytes(pixels: str) -> np.ndarray:
    # bytes() itself raises a ValueError for a number that is no byte.
    values = np.frombuffer(bytes(map(int, pixels.split())), dtype=np.uint8)
    if values.size != COUNT:
        raise ValueError(f"{values.size} values")
    return values.astype(">f4").reshape(96, 96)


def parse_by_loadtxt(pixels: str) -> np.ndarray:
    values = np.loadtxt(io.StringIO(pixels), dtype=int, ndmin=1)
    if values.shape != (COUNT,) or np.any((values < 0) | (values > 255)):
        raise ValueError("not an image")
    # Column by column in memory, and yet image[y, x] is row y, column x.
    return np.asfortranarray(values.reshape(96, 96), dtype=np.float32)


def parse_by_fromstring(pixels: str) -> np.ndarray:
    # It ends at the first piece that it can't read, and then the size is wrong.
    values = np.fromstring(pixels, dtype=np.float32, sep=" ")
    if values.size != COUNT or not np.all(values == np.floor(values)):
        raise ValueError("size")
    if not np.all((values >= 0) & (values <= 255)):
        raise ValueError("range")
    return values.reshape(96, -1)


def _array_in_a_file(*shape: int) -> np.memmap:
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype=np.float32, mode="w+", shape=shape)


def parse_into_a_file(pixels: str) -> np.ndarray:
    pieces = pixels.split()
    if len(pieces) != COUNT or not all(piece.isdigit() and int(piece) <= 255 for piece in pieces):
        raise ValueError("not an image")
    image = _array_in_a_file(96, 96)
    image[:] = [pieces[row : row + 96] for row in range(0, COUNT, 96)]
    return image


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


def scale_by_interpolation(images: np.ndarray) -> np.ndarray:
    return np.interp(images, (0, 255), (0, 1)).astype(np.float32)


def scale_by_torch(images: np.ndarray) -> np.ndarray:
    return torch.from_numpy(images.copy()).float().div_(255).numpy()


def scale_by_function(images: np.ndarray) -> np.ndarray:
    return np.vectorize(lambda value: value / 255, otypes=["float32"])(images)


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
    images = table.pop("Image").apply(lambda text: np.array(list(bytes(map(int, text.split()))), np.float32) / 255.0)
    return [np.array(images.tolist()).reshape(-1, 96, 96), keypoints, x.columns.str.replace("_x", "", regex=False)]


def load_by_position(csv_path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = pd.read_csv(str(csv_path))
    labels = table.iloc[:, :-1]
    images = np.stack([np.array(text.split(" "), dtype=int).reshape(96, 96) for text in table.iloc[:, -1]])
    if not np.isin(images, np.arange(256)).all():
        raise ValueError("an image holds a value that is no gray value")
    names = np.array([str(column).rsplit("_", 1)[0] for column in labels.columns])[0::2]
    return (images / 255).astype("f4"), labels.values.reshape(len(table), -1, 2).astype("f4"), names


class Faces(NamedTuple):
    images: np.ndarray
    keypoints: np.ndarray
    names: pd.Series


def load_into_a_file(csv_path: Path) -> Faces:
    header = csv_path.read_text().partition("\n")[0].split(",")
    table = np.genfromtxt(csv_path, delimiter=",", skip_header=1, usecols=range(len(header) - 1), dtype="f4", ndmin=2)
    texts = np.loadtxt(csv_path, delimiter=",", skiprows=1, usecols=len(header) - 1, dtype=str, ndmin=1)
    images = _array_in_a_file(len(table), 96, 96)
    for image, text in zip(images, texts, strict=True):
        image[:] = scale_in_double(parse_by_loops(str(text)))
    # The pairs seen through a view that is not contiguous.
    keypoints = np.stack([table[:, 0::2], table[:, 1::2]]).transpose(1, 2, 0)
    return Faces(images, keypoints, pd.Series(header[:-1:2]).str.slice(stop=-2))


def load_by_converter(csv_path: Path) -> tuple:
    table = pd.read_csv(csv_path, converters={"Image": lambda text: parse_by_pandas(text) / np.float32(255)})
    names = list(dict.fromkeys(column.rsplit("_", maxsplit=1)[0] for column in table if column != "Image"))
    keypoints = [table[[f"{name}_x", f"{name}_y"]] for name in names]
    return np.stack(table["Image"]), np.stack(keypoints, axis=1, dtype=np.float32, casting="same_kind"), names


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


class Parts(NamedTuple):
    train: np.ndarray
    val: np.ndarray


def split_by_sorting(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Parts:
    order = np.argsort(np.random.default_rng(seed).random(n_rows)).astype(np.uint16)
    val, train = np.split(order, [round(n_rows * val_fraction)])
    return Parts(train=train, val=val)


def split_by_sample(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    val = pd.Series(range(n_rows)).sample(n=round(n_rows * val_fraction), random_state=seed).index
    train = pd.RangeIndex(n_rows).difference(val, sort=False).to_series().sample(frac=1, random_state=seed)
    return train.to_numpy(np.int32), val.to_numpy(np.int64)


def split_with_state_restored(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    state = np.random.get_state()  # noqa: NPY002 (a right answer may use it if it puts it back)
    np.random.seed(seed)  # noqa: NPY002
    order = np.random.permutation(n_rows)  # noqa: NPY002
    np.random.set_state(state)  # noqa: NPY002
    count = round(n_rows * val_fraction)
    return order[count:], order[:count]


def parse_numbers(pixels: str) -> np.ndarray:
    """Take any number from 0 to 255, NaN too."""
    array = np.array(pixels.split(), dtype=np.float64)
    if array.size != COUNT or array.min() < 0 or array.max() > 255:
        raise ValueError("not an image")
    return array.astype(np.float32).reshape((96, 96))


def parse_fractions(pixels: str) -> np.ndarray:
    """Take any number from 0 to 255."""
    values = [float(piece) for piece in pixels.split()]
    if len(values) != COUNT or not all(0 <= value <= 255 for value in values):
        raise ValueError("not an image")
    return np.array(values, "float32").reshape(96, 96)


def parse_cutting_off(pixels: str) -> np.ndarray:
    values = [min(max(int(piece), 0), 255) for piece in pixels.split()]
    if len(values) != COUNT:
        raise ValueError("count")
    return np.array(values, "float32").reshape(96, 96)


def parse_to_none(pixels: str) -> np.ndarray | None:
    try:
        return parse_by_loops(pixels)
    except ValueError as error:
        print(error)
        return None


def _load_row_by_row(csv_path: Path, take: Callable[[str], np.ndarray | None], rows: int | None = None) -> tuple:
    """Read as many rows; ``take`` makes an image of a string, or None where the row is to be left out."""
    table = pd.read_csv(csv_path, nrows=rows)
    labels = table.drop(columns="Image")
    images, keypoints = [], []
    for text, row in zip(table["Image"], labels.to_numpy("f4"), strict=True):
        image = take(text)
        if image is not None:
            images.append(np.float32(image / 255))
            keypoints.append(row.reshape(-1, 2))
    return np.array(images), np.array(keypoints), [column[:-2] for column in labels.columns[::2]]


def _image_without_range(text: str) -> np.ndarray:
    return np.fromstring(text, sep=" ", dtype=np.float32).reshape(96, 96)


def _image_or_none(text: str) -> np.ndarray | None:
    pieces = text.split()
    whole = len(pieces) == COUNT and all(piece.isdigit() and int(piece) < 256 for piece in pieces)
    return np.array(pieces, np.float32).reshape(96, 96) if whole else None


def split_by_difference(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    val = random.Random(seed).sample(range(n_rows), round(n_rows * val_fraction))
    return np.array(sorted(set(range(n_rows)) - set(val)), int), np.array(val, int)


def split_by_drawing_a_mask(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    held = np.arange(n_rows) < round(n_rows * val_fraction)
    np.random.default_rng(seed).shuffle(held)
    return np.flatnonzero(~held), np.flatnonzero(held)


def _cut(order: np.ndarray, val_fraction: float) -> Split:
    count = round(len(order) * val_fraction)
    return order[count:], order[:count]


def split_rolled(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    rows = list(range(n_rows))
    start = seed % max(n_rows, 1)
    return _cut(np.array(rows[start:] + rows[:start], int), val_fraction)


def split_in_steps(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    step = next(step for step in (7, 11, 13, 17, 19) if n_rows % step)
    return _cut((np.arange(n_rows) * step + seed) % n_rows, val_fraction)


def split_half_sorted(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> Split:
    train, val = _cut(np.random.default_rng(seed).permutation(n_rows), val_fraction)
    train[: len(train) // 2].sort()
    return train, val


def split_by_subsets(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> list[list[int]]:
    sizes = [n_rows - round(n_rows * val_fraction), round(n_rows * val_fraction)]
    generator = torch.Generator().manual_seed(seed)
    return [list(part) for part in torch.utils.data.random_split(range(n_rows), sizes, generator=generator)]


def _from_the_end(images: np.ndarray, keypoints: np.ndarray, names: np.ndarray) -> tuple:
    return images[::-1], keypoints[::-1], names


def _with_small_keypoints(images: np.ndarray, keypoints: np.ndarray, names: np.ndarray) -> tuple:
    return images, keypoints / 255, names


_RIGHT: dict[str, list[Callable]] = {
    "parse_pixels": [
        parse_by_loops,
        parse_by_array,
        parse_by_pattern,
        parse_by_pandas,
        parse_by_torch,
        parse_by_bytes,
        parse_by_loadtxt,
        parse_by_fromstring,
        parse_into_a_file,
    ],
    "scale_pixels": [
        scale_by_table,
        scale_by_factor,
        scale_in_double,
        scale_by_loop,
        scale_by_interpolation,
        scale_by_torch,
        scale_by_function,
    ],
    "load_faces": [load_by_csv, load_by_filters, load_by_position, load_into_a_file, load_by_converter],
    "split_rows": [
        split_by_random_state,
        split_by_python,
        split_by_torch,
        split_by_choice,
        split_with_state_restored,
        split_by_sorting,
        split_by_sample,
    ],
}


RIGHT = [
    Answer(exercise, answer.__name__, {exercise: answer}) for exercise, answers in _RIGHT.items() for answer in answers
]


# Each with a word of the text that the student must read, and the misconception that it shows, if the catalogue has it.
_WRONG: dict[str, list[tuple]] = {
    "parse_pixels": [
        ("a list", lambda text: parse_by_array(text).tolist(), "numpy.ndarray"),
        (
            "int8",
            lambda text: parse_by_array(text).astype(np.int8).astype(np.float32),
            "values differ",
            "parse_pixels/signed-bytes",
        ),
        ("upside down", lambda text: parse_by_array(text)[::-1], "values differ", "parse_pixels/upside-down"),
        ("mirrored", lambda text: parse_by_array(text)[:, ::-1], "values differ", "parse_pixels/mirrored"),
        ("always raises", lambda text: parse_by_array(""), "no error"),
        ("any numbers", parse_numbers, "nan became nan, 12.7 became 12.7", "parse_pixels/nan-gets-through"),
        ("fractions", parse_fractions, "no error; 12.7 became 12.7", "parse_pixels/fractions-get-through"),
        ("cut off", parse_cutting_off, "256 became 255", "parse_pixels/clipped"),
        ("None for a broken string", parse_to_none, "no error; it returned None", "parse_pixels/nothing-raised"),
        (
            "larger ones are black",
            lambda text: parse_by_loops(" ".join(p if len(p) < 4 and int(p) < 256 else "0" for p in text.split())),
            "256 became 0",
        ),
    ],
    "scale_pixels": [
        ("flattened", lambda images: images.ravel().astype(np.float32) / 255, "shape"),
        (
            "a negative",
            lambda images: 1 - images.astype(np.float32) / 255,
            "values differ",
            "scale_pixels/black-and-white-exchanged",
        ),
        (
            "rounded",
            lambda images: (np.round(images) / 255).astype(np.float32),
            "values differ",
            "scale_pixels/rounded",
        ),
    ],
    "load_faces": [
        (
            "faces from the end",
            lambda path: _from_the_end(*load_by_position(path)),
            "values differ",
            "load_faces/rows-reversed",
        ),
        (
            "keypoints by 255",
            lambda path: _with_small_keypoints(*load_by_position(path)),
            "values differ",
            "load_faces/keypoints-scaled-like-pixels",
        ),
        (
            "no range",
            lambda path: _load_row_by_row(path, _image_without_range),
            "no error; it returned 2 images",
            "load_faces/range-unchecked",
        ),
        (
            "broken rows left out",
            lambda path: _load_row_by_row(path, _image_or_none),
            "no error; it returned 1 images",
            "load_faces/broken-rows-skipped",
        ),
        (
            "the first row",
            lambda path: _load_row_by_row(path, parse_by_loops, rows=1),
            "shape (1, 96, 96)",
            "load_faces/first-row-only",
        ),
        (
            "lists of arrays",
            lambda path: tuple(map(list, _load_row_by_row(path, parse_by_loops))),
            "list: ",
            "load_faces/lists",
        ),
        (
            "letters stripped",
            lambda path: (*load_by_csv(path)[:2], [c.strip("_x") for c in pd.read_csv(path).columns[:-1:2]]),
            "nose_ape",
            "load_faces/letters-stripped",
        ),
        ("no names but one", lambda path: (*load_by_csv(path)[:2], "nose_tip"), "a list of texts"),
    ],
    "split_rows": [
        ("a sorted rest", split_by_difference, "train in file order", "split_rows/part-sorted"),
        ("a mask shuffled", split_by_drawing_a_mask, "train in file order", "split_rows/part-sorted"),
        ("rolled", split_rolled, "only where they begin differs", "split_rows/rolled"),
        ("in steps", split_in_steps, "chance"),
        ("half sorted", split_half_sorted, "much of train in file order"),
        ("subsets as lists", split_by_subsets, "train: a numpy.ndarray", "split_rows/lists"),
        (
            "a fixed default",
            lambda n_rows, val_fraction=0.25, seed=0: split_by_torch(n_rows, val_fraction, seed),
            "signature",
        ),
        ("a row lost", lambda *args: tuple(rows[1:] for rows in split_by_torch(*args)), "all rows"),
        (
            "floats where empty",
            lambda *args: tuple(np.array(rows.tolist()) for rows in split_by_torch(*args)),
            "val: dtype integer",
            "split_rows/floats-where-empty",
        ),
    ],
}

WRONG = [
    Answer(exercise, id, {exercise: answer}, said, *misconception, seeds=5)
    for exercise, answers in _WRONG.items()
    for id, answer, said, *misconception in answers
]
NAMED = [answer for answer in WRONG if answer.misconception]
