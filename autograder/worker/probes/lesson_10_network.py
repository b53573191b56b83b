"""Build the student's HeatmapNet, train it on drawn spots, and let the student average small models; say what came."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

# The first optimizer of a process imports it, which takes seconds; here it is done once, before notebooks are forked.
import torch._dynamo
from torch import Tensor, nn

from ..names import Names
from .hidden_layers import hides_layers
from .lesson_10_spots import TRIES, draw_spots

# Taken before the notebook runs: whatever it puts in their places later is not asked.
Module, Norms, Adam = nn.Module, (nn.BatchNorm1d, nn.BatchNorm2d), torch.optim.Adam

# Two keypoints and a narrow network, so that a training takes half a second.
SMALL: dict[str, Any] = {"keypoints": 2, "width": 8}
BATCH, LOOK_AFTER, LOOK_EVERY = 8, 20, 10
# Error on the batches of training, in pixels, that ends a training early.
ENOUGH = 3.0


def _build(names: Names, kwargs: dict[str, Any], seed: int) -> Any:
    torch.manual_seed(seed)
    model = names["HeatmapNet"](**kwargs)
    if isinstance(model, Module) and any(nn.parameter.is_lazy(parameter) for parameter in model.parameters()):
        with torch.no_grad():
            model(torch.zeros(2, 1, 96, 96))
    return model


def _build_small(names: Names, seed: int) -> Any:
    """Return a narrow network, or one of the default width where the student's can't be so narrow."""
    try:
        model = _build(names, SMALL, seed)
        with torch.no_grad():
            model.eval().maps(torch.zeros(2, 1, 96, 96))
    except Exception:
        model = _build(names, {"keypoints": SMALL["keypoints"]}, seed)
    return model.train()


def network_type(names: Names, *, seed: int) -> dict[str, Any]:
    """Build ``HeatmapNet()`` and return its type and the shapes of its parameters."""
    with torch.random.fork_rng(devices=[]):
        model = _build(names, {}, seed)
    if not isinstance(model, Module):
        return {"type": type(model).__name__, "is_module": False}
    shapes = [list(parameter.shape) for parameter in model.parameters()]
    maps = callable(getattr(model, "maps", None))
    hidden = hides_layers(model)
    return {"type": type(model).__name__, "is_module": True, "maps": maps, "shapes": shapes, "hidden": hidden}


def network_answer(names: Names, *, kwargs: dict[str, Any], images: np.ndarray, what: str, seed: int) -> Any:
    """Return what a network as it is built says of images (B, 1, 96, 96) in eval mode: its ``maps`` or ``forward``."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        model = _build(names, kwargs, seed).eval()
        return model.maps(torch.from_numpy(images)) if what == "maps" else model(torch.from_numpy(images))


def _redraw(model: Any, gain: float, images: Tensor) -> None:
    """Draw all weights anew, large enough to be felt in every layer; normalizations take these images' statistics.

    What begins with zeros, such as the last layer of a block, hides what the network would do with other weights.
    """
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn_like(parameter)
            if parameter.ndim > 1:
                parameter.copy_(noise * gain * math.sqrt(2 / parameter[0].numel()))
            else:
                parameter.add_(0.1 * noise)
        norms = [part for part in model.modules() if isinstance(part, Norms)]
        for norm in norms:
            norm.momentum = 1.0
        model.train()(images)
        for norm in norms:
            norm.momentum = 0.1
    model.eval()


def _own(value: Any) -> Any:
    """Return a tensor that stays as it is when the weights change that it may be a view of."""
    return value.clone() if isinstance(value, Tensor) else value


def network_redrawn(
    names: Names, *, images: np.ndarray, gains: list[float], seed: int, places: bool, alone: bool
) -> list[dict[str, Any]]:
    """Return the maps of images (B, 1, 96, 96) in eval mode for the weights as they are, then for drawn ones.

    Each gain makes the drawn weights, and so the maps, larger. With ``places`` also what forward says; with ``alone``
    also the maps of each image given by itself.
    """
    found = []
    given = torch.from_numpy(images)
    with torch.random.fork_rng(devices=[]):
        model = _build_small(names, seed).eval()
        for gain in [0.0, *gains]:
            if gain:
                _redraw(model, gain, given)
            with torch.no_grad():
                one: dict[str, Any] = {"maps": _own(model.maps(given.clone()))}
                if places:
                    one["places"] = _own(model(given.clone()))
                if alone:
                    one["alone"] = [_own(model.maps(image[None].clone())) for image in given]
            found.append(one)
    return found


def _cells(height: int, width: int) -> Tensor:
    """Return the middle of every cell of a map of a 96 x 96 image, (height * width, 2) pixels."""
    rows, columns = ((96 / count) * (torch.arange(count) + 0.5) - 0.5 for count in (height, width))
    return torch.stack([columns.repeat(height), rows.repeat_interleave(width)], dim=1)


def _step(maps: Tensor, targets: Tensor, cells: Tensor) -> tuple[Tensor, float]:
    """Return the cross-entropy of maps (B, K, h, w) and wide spots around the targets, and the RMSE in pixels."""
    logits = maps.flatten(2)
    apart = (cells - targets[:, :, None]).square().sum(dim=3)
    wanted = (-apart / (2 * 5.0**2)).softmax(dim=2)
    loss = -(wanted * logits.log_softmax(dim=2)).sum(dim=2).mean()
    return loss, float((logits.detach().softmax(dim=2) @ cells - targets).square().mean().sqrt())


def _train(model: Any, batches: Iterator[tuple[Tensor, Tensor]], steps: int, peak: float, ends: float) -> float:
    """Train the network's maps on spots for at most so many steps; return the error in eval mode in the end.

    ``ends`` is the time of this thread after which no further step begins.
    """
    optimizer, error = Adam(model.parameters(), lr=peak), math.inf
    for part in model.modules():
        if isinstance(part, Norms):
            # So few steps are not enough for running statistics that move by a tenth.
            part.momentum = 0.3
    for step in range(1, steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = peak * min(1.0, step / 5)
        images, targets = next(batches)
        maps = model.train().maps(images)
        cells = _cells(*maps.shape[2:])
        loss, _ = _step(maps, targets, cells)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        late = time.thread_time() >= ends
        if late or (step >= LOOK_AFTER and step % LOOK_EVERY == 0):
            with torch.no_grad():
                _, error = _step(model.eval().maps(images), targets, cells)
            if late or error < ENOUGH:
                break
    return error


def network_learns(names: Names, *, images: np.ndarray, beside: np.ndarray, seed: int, seconds: float) -> Any:
    """Train a small network on spots drawn here; return its maps of the given images in eval mode.

    ``beside`` (2, 2) is where the keypoints lie, seen from the spot. ``seconds`` of this thread is what all trainings
    together may take: ``late`` says whether they were ended for it.

    A network that has learned little is built anew and trained for longer at a lower rate.
    """
    generator, ends = np.random.default_rng(seed), time.thread_time() + seconds

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            faces, targets = draw_spots(generator, BATCH, beside)
            yield torch.from_numpy(faces), torch.from_numpy(targets)

    best, least, given, late = None, math.inf, torch.from_numpy(images), False
    with torch.random.fork_rng(devices=[]):
        for number, (steps, peak) in enumerate(TRIES):
            model = _build_small(names, seed + number)
            with torch.no_grad():
                maps = model.eval().maps(given)
            if maps.ndim != 4 or maps.shape[1] != SMALL["keypoints"]:
                best = maps
                break
            error = math.inf
            if maps.requires_grad or any(parameter.requires_grad for parameter in model.parameters()):
                error = _train(model, batches(), steps, peak, ends)
            if best is None or error < least:
                with torch.no_grad():
                    best, least = model.eval().maps(given), error
            late = least >= ENOUGH and time.thread_time() >= ends
            if late or least < 1.5 * ENOUGH:
                break
    return {"maps": best, "late": late}


def network_gradients(
    names: Names, *, images: np.ndarray, upstream: np.ndarray, seed: int, what: str = "forward"
) -> dict[str, Any]:
    """Go backwards once in train mode; return the names of trainable parameters without a gradient.

    ``what`` is where the way back begins: at what ``forward`` says, or at the sum of the ``maps``.
    """
    with torch.random.fork_rng(devices=[]):
        model = _build_small(names, seed)
        if what == "maps":
            model.maps(torch.from_numpy(images)).sum().backward()
        else:
            places = model(torch.from_numpy(images))
            (places.reshape(len(images), -1) * torch.from_numpy(upstream)).sum().backward()
    without = [key for key, parameter in model.named_parameters() if parameter.requires_grad and parameter.grad is None]
    return {"without": without, "hidden": hides_layers(model)}


class _Watched(nn.Module):
    """Means over squares of the image, normalized by running statistics, a linear layer and dropout; notes its calls.

    Images of another shape get zeros for an answer: the shape that was noted says what is wrong.
    """

    def __init__(self, weight: np.ndarray, bias: np.ndarray, mean: np.ndarray, var: np.ndarray) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(24)
        self.norm = nn.BatchNorm1d(len(mean))
        self.linear = nn.Linear(*weight.shape)
        self.dropout = nn.Dropout(0.5)
        with torch.no_grad():
            values = ((self.linear.weight, weight.T), (self.linear.bias, bias))
            statistics = ((self.norm.running_mean, mean), (self.norm.running_var, var))
            for tensor, value in (*values, *statistics):
                if tensor is not None:
                    tensor.copy_(torch.from_numpy(np.ascontiguousarray(value)))
        self.calls: list[dict[str, Any]] = []

    def forward(self, x: Tensor) -> Tensor:
        call: dict[str, Any] = {"shape": list(x.shape), "training": self.training, "gradients": False}
        self.calls.append(call)
        if tuple(x.shape[1:]) != (1, 96, 96):
            return torch.zeros(len(x), self.linear.out_features)
        out = self.dropout(self.linear(self.norm(self.pool(x).flatten(1))))
        call["gradients"] = out.requires_grad
        return out


def average(
    names: Names,
    *,
    models: list[dict[str, np.ndarray]],
    modes: list[bool],
    images: np.ndarray,
    keypoint_names: list[str],
    options: dict[str, Any],
) -> dict[str, Any]:
    """Average the predictions of small models that come in train mode or not; return the answer and what became."""
    watched = [_Watched(**model).train(mode) for model, mode in zip(models, modes, strict=True)]
    states = [{key: value.clone() for key, value in model.state_dict().items()} for model in watched]
    given = images.copy()
    with torch.random.fork_rng(devices=[]):
        # Dropout in train mode answers the same in every run.
        torch.manual_seed(0)
        try:
            value = names["average_predictions"](list(watched), given, list(keypoint_names), **options)
            gradients_on = torch.is_grad_enabled()
        finally:
            torch.set_grad_enabled(True)
    kept = [
        all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
        for model, state in zip(watched, states, strict=True)
    ]
    return {
        "value": value,
        "calls": [model.calls for model in watched],
        "modes": [sorted({part.training for part in model.modules()}) for model in watched],
        "kept": kept,
        "gradients": gradients_on,
        "images_after": given,
    }
