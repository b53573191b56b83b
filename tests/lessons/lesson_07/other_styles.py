"""Answers to lesson 07 that are right in another style than the reference."""

from __future__ import annotations

import math
import random
import re
from collections import defaultdict
from collections.abc import Iterable
from io import StringIO
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from tests.lessons.answers import Answer
from tests.reference import reference_names

REFERENCE = reference_names("07_nose_tip")
SEEDS = {"read_asf": 15, "split_by_person": 15, "NoseTipNet": 6, "train_with_curve": 15, "sweep": 4}


def read_with_a_pattern(path: str | Path) -> np.ndarray:
    """A regular expression finds the lines of points; the announcement is found by another."""
    with open(path) as file:
        text = "".join(line for line in file if line[:1] != "#")
    announced = re.match(r"\s*(\d+)\s*\n", text)
    if announced is None or int(announced[1]) != 58:
        raise ValueError("not an .asf file of 58 points")
    lines = re.findall(r"^[ \t]*\d+[ \t]+\d+[ \t]+.*$", text, re.MULTILINE)
    points = []
    for line in lines:
        found = re.match(r"[ \t]*\d+\s+\d+\s+(\d*\.\d+)\s+(\d*\.\d+)\s", line)
        if not found:
            raise ValueError(f"no coordinates in {line!r}")
        points.append([float(found[1]), float(found[2])])
    if len(points) != 58:
        raise ValueError("wrong count")
    return np.float32(points)


def read_with_loadtxt(path: str | Path) -> np.ndarray:
    """NumPy reads the table between the announcement and the picture's name."""
    lines = [line for line in Path(path).read_text().split("\n") if line.strip()]
    lines = [line for line in lines if not line.startswith("#")]
    if len(lines) != 60 or int(lines[0]) != 58:
        raise ValueError("expected the number 58, 58 lines and a name")
    points = np.loadtxt(StringIO("\n".join(lines[1:-1])), usecols=(2, 3), dtype=np.float32)
    if np.isnan(points).any() or np.isinf(points).any():
        raise ValueError("a coordinate is missing")
    return points


def read_bytes(path: str | Path) -> np.ndarray:
    """Bytes of any encoding; each point by its place, and one line behind the last."""
    lines = [line for line in Path(path).read_bytes().decode("latin-1").splitlines() if line.strip()]
    lines = [line for line in lines if line.lstrip("\ufeff\xef\xbb\xbf")[:1] != "#"]
    if not lines or lines[0].strip() != "58" or len(lines) != 60:
        raise ValueError("no 58 points and a name")
    points = np.genfromtxt(lines[1:59], usecols=[2, 3], dtype="f4", invalid_raise=True)
    if not np.all(np.abs(points) < np.inf):
        raise ValueError("a coordinate is no number")
    return points


class BrokenFile(ValueError):
    """A student's own error."""


def read_in_steps(path: str | Path) -> np.ndarray:
    """A loop with a state; errors of any kind become one of its own, a kind of ValueError."""
    count, points = None, np.zeros((58, 2), dtype="f4")
    number = 0
    try:
        for line in Path(path).open():  # noqa: SIM115
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if count is None:
                count = int(words[0])
            elif words[-1].lower().endswith((".jpg", ".bmp")):
                break
            else:
                x, y = words[2:4]
                points[number] = float(x), float(y)
                number += 1
        assert count == number == 58
        assert np.all(np.isfinite(points))
    except (IndexError, AssertionError, ValueError) as error:
        raise BrokenFile(str(error)) from error
    return points


def split_with_groups(files: list, n_val: int = 8) -> tuple[list, list]:
    """Sorted and grouped; the last groups validate."""

    def person(file: str | Path) -> str:
        return re.search(r"(\d\d)-\d[mf]\.asf$", str(file))[1]

    groups = [list(group) for _, group in groupby(sorted(files, key=person), key=person)]
    cut = max(len(groups) - n_val, 0)
    return [file for group in groups[:cut] for file in group], [file for group in groups[cut:] for file in group]


def split_with_numpy(files: list, n_val: int = 8) -> list:
    """Boolean masks over an array of persons; a list of two tuples."""
    persons = np.array([int(Path(file).stem.split("-")[0]) for file in files])
    unique = np.unique(persons)
    held = np.isin(persons, unique[len(unique) - min(n_val, len(unique)) :])
    return [tuple(f for f, h in zip(files, held, strict=True) if h == side) for side in (False, True)]


def split_with_a_dict(files: list, n_val: int = 8) -> tuple[list, list]:
    """Files collected by person, persons popped from the end."""
    by_person = defaultdict(list)
    for file in files:
        by_person[Path(file).parts[-1][0:2]].append(file)
    val = []
    for person in sorted(by_person, reverse=True)[:n_val]:
        val += by_person.pop(person)
    return sum(by_person.values(), []), val


def sequential() -> nn.Module:
    """One nn.Sequential, built by a function; a pooling before its ReLU."""
    return nn.Sequential(
        *[nn.Conv2d(1, 16, 3), nn.MaxPool2d(2), nn.ReLU(inplace=True)],
        *[nn.Conv2d(16, 32, (3, 3), stride=1, padding="valid"), nn.ReLU(), nn.MaxPool2d(2, 2)],
        *[nn.Conv2d(32, 32, 3), nn.ReLU(), nn.MaxPool2d(2)],
        *[nn.Flatten(), nn.Linear(1280, 512), nn.ReLU(), nn.Linear(512, 2)],
    )


class Functional(nn.Module):
    """Layers in lists, functions between them, convolutions without a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, bias=False) for a, b in ((1, 16), (16, 32), (32, 32)))
        self.hidden, self.out = nn.Linear(32 * 5 * 8, 512), nn.Linear(512, 2)

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = nn.functional.max_pool2d(nn.functional.relu(conv(x)), kernel_size=2)
        return self.out(nn.functional.relu(self.hidden(x.view(x.size(0), -1))))


class OneBias(nn.Module):
    """Lazy linear layers; of the two convolutions with 32 channels only the first has a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.LazyLinear(512), nn.ReLU(), nn.LazyLinear(2))
        self.third = nn.Conv2d(32, 32, 3, bias=False)
        self.second = nn.Conv2d(16, 32, 3)
        self.first = nn.Conv2d(1, 16, 3)

    def forward(self, x: Tensor) -> Tensor:
        for layer in (self.first, self.second, self.third):
            x = nn.functional.max_pool2d(layer(x), 2).clamp(min=0)
        return self.head(torch.flatten(x, start_dim=1))


def train_with_numpy(model: nn.Module, train_loader: Iterable, val_loader: Iterable, epochs: int, lr: float) -> dict:
    """A closure, NumPy numbers, gradients reset after the step, the validation at once."""
    optimizer = torch.optim.Adam([{"params": model.parameters()}], lr)
    train_mse: list[float] = []
    val_mse = np.zeros(epochs)
    val_step = []
    for epoch in range(epochs):
        model.train()
        for x, y in train_loader:
            error = torch.mean((model(x) - y) ** 2)
            error.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)
            train_mse.append(np.float64(error.detach()))
        with torch.inference_mode():
            model.eval()
            errors = np.concatenate([(model(x) - y).numpy() for x, y in val_loader])
        val_mse[epoch] = np.mean(errors.astype(np.float64) ** 2)
        val_step.append(np.int64(len(train_mse)))
    return {
        "val_mse": list(val_mse),
        "val_step": val_step,
        "train_mse": train_mse,
        "step": list(range(1, len(train_mse) + 1)),
        "best": val_mse.min(),
    }


@torch.no_grad()
def _measure(model: nn.Module, loader: Iterable) -> float:
    model.eval()
    total, images = 0.0, 0
    for x, y in loader:
        total += nn.functional.mse_loss(model(x), y).item() * len(x)
        images += len(x)
    model.train()
    return total / images


def train_by_weighted_means(
    model: nn.Module, train_loader: Iterable, val_loader: Iterable, epochs: int, lr: float
) -> dict:
    """Batch means weighted by images, fused Adam, the mode set back by the measurement, rounded nowhere."""
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    curve, count = defaultdict(list), 0
    model.train()
    for _ in range(epochs):
        for count, (x, y) in enumerate(train_loader, start=count + 1):  # noqa: B020
            model.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            curve["step"] += [count]
            curve["train_mse"] += [float(loss)]
        curve["val_step"] += [count]
        curve["val_mse"] += [_measure(model, val_loader)]
    return curve


def sweep_by_columns(settings: list, train_set: Dataset, val_set: Dataset, epochs: int) -> pd.DataFrame:
    """A dict of columns, a generator for the order, tensors for predictions, the validation image by image."""
    columns: dict[str, list] = defaultdict(list)
    truth = torch.stack([tip for _, tip in val_set])
    for size, rate in settings:
        torch.manual_seed(7)
        net = REFERENCE["NoseTipNet"]()
        order = torch.Generator().manual_seed(1)
        loader = DataLoader(train_set, size, shuffle=True, generator=order)
        curve = REFERENCE["train_with_curve"](net, loader, DataLoader(val_set, 1), epochs, rate)
        net.eval()
        guess = torch.cat([net(image[None]) for image, _ in val_set]).detach()
        pixels = [(80 * dx, 60 * dy) for dx, dy in (guess - truth).tolist()]
        columns["predictions"].append(guess)
        columns["lr"].append(rate)
        columns["batch_size"].append(size)
        columns["within_tolerance"].append(sum(math.hypot(*pixel) <= 3 for pixel in pixels))
        columns["steps"].append(curve["val_step"][-1])
        columns["val_mse"].append(float(nn.functional.mse_loss(guess, truth)))
        columns["curve"].append(curve)
    return pd.DataFrame(columns)


def sweep_with_own_order(settings: list, train_set: Dataset, val_set: Dataset, epochs: int) -> pd.DataFrame:
    """No DataLoader: Python's own shuffle over stacked tensors; predictions as lists; an index of its own."""
    images, tips = (torch.stack(part) for part in zip(*(train_set[i] for i in range(len(train_set))), strict=True))
    val_images, val_tips = (torch.stack(part) for part in zip(*val_set, strict=True))

    class Shuffled:
        def __init__(self, size: int) -> None:
            self.size, self.random = size, random.Random(3)

        def __iter__(self) -> Iterable:
            order = self.random.sample(range(len(images)), len(images))
            for start in range(0, len(order), self.size):
                rows = order[start : start + self.size]
                yield images[rows], tips[rows]

        def __len__(self) -> int:
            return math.ceil(len(images) / self.size)

    records = []
    for size, rate in settings:
        torch.random.manual_seed(99)
        net = REFERENCE["NoseTipNet"]()
        curve = REFERENCE["train_with_curve"](net, Shuffled(size), [(val_images, val_tips)], epochs, rate)
        guess = net(val_images).detach().numpy()
        far = np.sqrt((((guess - val_tips.numpy()) * [80, 60]) ** 2).sum(1))
        within = np.count_nonzero(far <= 3)
        records.append((rate, size, curve["val_mse"][-1], len(curve["step"]), within, guess.tolist()))
    names = ["lr", "batch_size", "val_mse", "steps", "within_tolerance", "predictions"]
    return pd.DataFrame.from_records(records, columns=names, index=[f"run {n}" for n in range(len(records))])


def sweep_that_trains_itself(settings: list, train_set: Dataset, val_set: Dataset, epochs: int) -> pd.DataFrame:
    """No train_with_curve: a loop of its own, a measurement at the end."""
    rows = []
    for size, rate in settings:
        torch.manual_seed(3)
        net = REFERENCE["NoseTipNet"]()
        optimizer = torch.optim.Adam(net.parameters(), rate)
        steps = 0
        for _ in range(epochs):
            for images, tips in DataLoader(train_set, size, shuffle=True):
                optimizer.zero_grad()
                ((net(images) - tips) ** 2).mean().backward()
                optimizer.step()
                steps += 1
        with torch.no_grad():
            pairs = [(net(images), tips) for images, tips in DataLoader(val_set, 7)]
        guess, truth = (torch.cat(parts).double() for parts in zip(*pairs, strict=True))
        off = (guess - truth) * torch.tensor([80, 60])
        rows.append((size, rate, steps, float(((guess - truth) ** 2).mean()), int((off.norm(dim=1) <= 3).sum()), guess))
    return pd.DataFrame(rows, columns=["batch_size", "lr", "steps", "val_mse", "within_tolerance", "predictions"])


OTHERS: dict[str, list[Any]] = {
    "read_asf": [read_with_a_pattern, read_with_loadtxt, read_in_steps, read_bytes],
    "split_by_person": [split_with_groups, split_with_numpy, split_with_a_dict],
    "NoseTipNet": [sequential, Functional, OneBias],
    "train_with_curve": [train_with_numpy, train_by_weighted_means],
    "sweep": [sweep_by_columns, sweep_with_own_order, sweep_that_trains_itself],
}
RIGHT = [
    *[Answer(exercise, "reference", {}, seeds=seeds) for exercise, seeds in SEEDS.items()],
    *[
        Answer(exercise, other.__name__, {**REFERENCE, exercise: other}, seeds=SEEDS[exercise])
        for exercise, others in OTHERS.items()
        for other in others
    ],
]
