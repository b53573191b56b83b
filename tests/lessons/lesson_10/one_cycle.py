"""Answers to one_cycle as students write them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.optim.lr_scheduler import OneCycleLR

from tests.lessons.answers import Answer, change_reference, name_answers


def refuse(step: int, steps: int) -> None:
    if step < 0 or step >= steps:
        raise ValueError(f"there is no step {step}")


def with_numpy(step: int, steps: int, peak: float, warmup: float = 0.25) -> float:
    refuse(step, steps)
    top = warmup * steps - 1
    places = np.array([top, steps - 1]) if step >= top else np.array([0, top])
    rates = np.array([peak, peak / 25e4]) if step >= top else np.array([peak / 25, peak])
    part = (step - places[0]) / (places[1] - places[0])
    return float(rates[0] + (rates[1] - rates[0]) * 0.5 * (1 - np.cos(np.pi * part)))


def with_torch_schedule(step: int, steps: int, peak: float, warmup: float = 0.25) -> float:
    if step not in range(steps):
        raise ValueError(step)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = OneCycleLR(optimizer, max_lr=peak, total_steps=steps, pct_start=warmup)
    for _ in range(step):
        optimizer.step()
        schedule.step()
    return schedule.get_last_lr()[0]


def by_recursion(step: int, steps: int, peak: float, warmup: float = 0.25) -> float:
    def wave(begin: float, end: float, part: float) -> float:
        return begin * math.cos(part * math.pi / 2) ** 2 + end * math.sin(part * math.pi / 2) ** 2

    if not (isinstance(step, int) and 0 <= step <= steps - 1):
        raise ValueError(f"step {step} of {steps}")
    climb = steps * warmup - 1
    if step <= climb:
        return wave(peak / 25, peak, step / climb)
    return wave(peak, peak / 250_000, (step - climb) / (steps - climb - 1))


def as_numpy_scalar(step: int, steps: int, peak: float, warmup: float = 0.25) -> Any:
    return np.float64(with_numpy(step, steps, peak, warmup))


def in_float32(step: int, steps: int, peak: float, warmup: float = 0.25) -> float:
    refuse(step, steps)
    top = warmup * steps - 1
    if step < top:
        part = torch.tensor(math.pi * step / top, dtype=torch.float32)
        return (peak / 25 + (peak - peak / 25) * (1 - part.cos()) / 2).item()
    part = torch.tensor(math.pi * (step - top) / (steps - 1 - top), dtype=torch.float32)
    return (peak / 25e4 + (peak - peak / 25e4) * (1 + part.cos()) / 2).item()


class NoSuchStep(ValueError):
    pass


def with_a_table(step: int, steps: int, peak: float, warmup: float = 0.25) -> float:
    def rates() -> list[float]:
        return [with_numpy(each, steps, peak, warmup) for each in range(steps)]

    try:
        if step < 0:
            raise IndexError(step)
        return rates()[step]
    except IndexError:
        raise NoSuchStep(step) from None


STYLES: dict[str, Callable] = {
    "numpy": with_numpy,
    "torch's schedule": with_torch_schedule,
    "squares of sine and cosine": by_recursion,
    "numpy scalar": as_numpy_scalar,
    "float32": in_float32,
    "a table": with_a_table,
}
RIGHT = [Answer("one_cycle", style, {"one_cycle": function}) for style, function in STYLES.items()]


def _changed(function: Callable, change: Callable[..., Any]) -> Callable:
    def answer(step: int, steps: int, peak: float, warmup: float = 0.25) -> Any:
        return change(function, step, steps, peak, warmup)

    return answer


ODD: dict[str, tuple[str, Callable[..., Any]]] = {
    "as a tensor": ("a float", lambda f, *given: torch.tensor(f(*given))),
    "as a list": ("a float", lambda f, *given: [f(*given)]),
    "the peak for ever": (
        "one_cycle(0, 40, 0.01)",
        lambda f, step, steps, peak, warmup: f(step, steps, peak) * 0 + peak,
    ),
    "twice as much": ("one_cycle(0, 40, 0.01)", lambda f, *given: 2 * f(*given)),
    "one step ahead": (
        "one_cycle(0, 40, 0.01)",
        lambda f, step, steps, *rest: f(step, steps, *rest) and f(min(step + 1, steps - 1), steps, *rest),
    ),
    "the other way round": ("one_cycle(0, 40, 0.01)", lambda f, step, steps, *rest: f(steps - 1 - step, steps, *rest)),
    "the rate as a text": ("a float", lambda f, *given: str(f(*given))),
}
WAVE = "(1 + math.cos(math.pi * share)) / 2"
WRONG = [
    *[Answer("one_cycle", id, {"one_cycle": _changed(with_numpy, change)}, said) for id, (said, change) in ODD.items()],
    change_reference("one_cycle", "degrees", "math.pi * share", "180 * share", "one_cycle(39, 40"),
    change_reference("one_cycle", "a quarter of a wave", WAVE, "math.cos(math.pi / 2 * share)", "one_cycle(1, 40"),
    change_reference("one_cycle", "an exponential fall", WAVE, "math.exp(-9 * share)", "one_cycle(39, 40"),
    change_reference("one_cycle", "another error", 'raise ValueError(f"step', 'raise IndexError(f"step', "IndexError"),
    change_reference(
        "one_cycle", "rounded", "top = warmup * steps - 1", "top = round(warmup * steps) - 1", "one_cycle("
    ),
    change_reference("one_cycle", "the last step refused", "0 <= step < steps", "0 <= step < steps - 1", "no error"),
]


def linear(step: int, steps: int, peak: float, warmup: float = 0.25) -> float:
    refuse(step, steps)
    top = warmup * steps - 1
    return float(
        np.interp(
            step,
            [min(0, top), top, steps - 1] if top > 0 else [top, steps - 1],
            [peak / 25, peak, peak / 25e4] if top > 0 else [peak, peak / 25e4],
        )
    )


NAMED = name_answers(
    [
        ("one_cycle/straight-lines", {"one_cycle": linear}),
        (
            "one_cycle/whole-steps",
            {
                "one_cycle": lambda step, steps, peak, warmup=0.25: with_numpy(
                    step, steps, peak, int(warmup * steps) / steps
                )
            },
        ),
        (
            "one_cycle/warm-up-ignored",
            {"one_cycle": lambda step, steps, peak, warmup=0.25: with_numpy(step, steps, peak)},
        ),
        (
            "one_cycle/default-of-three-tenths",
            {"one_cycle": lambda step, steps, peak, warmup=0.3: with_numpy(step, steps, peak, warmup)},
        ),
        (
            "one_cycle/share-of-the-peak",
            {"one_cycle": lambda step, steps, peak, warmup=0.25: with_numpy(step, steps, 1.0, warmup)},
        ),
    ]
)
