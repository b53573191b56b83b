"""Loops of lesson 05: right in another style, and wrong."""

from __future__ import annotations

import copy
import io
import math
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm, trange

from tests.lessons.answers import Answer, change_reference
from tests.lessons.lesson_05.config_and_stops import StopByHistory
from tests.reference import reference_names

REFERENCE = reference_names("05_resnet_training")


def train_from_predictions(model: nn.Module, loader: DataLoader, loss_fn: nn.Module, optimizer: Any) -> float:
    """Keep every error, and clear the gradients after the step."""
    model.train()
    errors: list[Tensor] = []
    for images, targets in loader:
        predictions = model(images)
        mask = ~targets.isnan()
        errors.append(((predictions - targets)[mask] ** 2).detach())
        loss = loss_fn(predictions, targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
    return torch.cat(errors).mean().item()


def train_by_counts(model: nn.Module, loader: DataLoader, loss_fn: nn.Module, optimizer: Any) -> float:
    """Two arrays of sums and counts."""
    model.train(True)
    sums, counts = np.zeros(len(loader)), np.zeros(len(loader))
    for position, (x, y) in enumerate(loader):
        model.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        counts[position] = y.isfinite().sum().item()
        sums[position] = float(loss) * counts[position]
    return np.float64(sums.sum() / counts.sum())


def train_with_closure(model: nn.Module, loader: DataLoader, loss_fn: nn.Module, optimizer: Any) -> float:
    """The optimizer calls back for the loss; gradients are taken away by hand; the sum is a tensor of doubles."""
    model.train(mode=True)
    total, labels = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.int64)
    for batch in loader:
        images, targets = (part.to("cpu") for part in batch)

        def closure(images: Tensor = images, targets: Tensor = targets) -> Tensor:
            with torch.set_grad_enabled(True):
                for parameter in model.parameters():
                    parameter.grad = None
                loss = loss_fn(model(images), targets)
            loss.backward()
            return loss

        count = torch.isfinite(targets).sum()
        total += optimizer.step(closure).detach().double() * count
        labels += count
    return (total / labels).item()


@torch.no_grad()
def evaluate_all_at_once(model: nn.Module, loader: DataLoader) -> float:
    """All predictions as one tensor, and nanmean."""
    mode = model.training
    model.eval()
    predictions = torch.cat([model(images) for images, _ in loader])
    targets = torch.cat([targets for _, targets in loader])
    model.train(mode)
    return torch.sqrt(torch.nanmean((predictions - targets) ** 2)).item()


def evaluate_in_numpy(model: nn.Module, loader: DataLoader) -> float:
    """Inference mode, errors in NumPy, the mode of each part restored."""
    modes = [part.training for part in model.modules()]
    try:
        model.eval()
        with torch.inference_mode():
            errors = np.concatenate([(model(x) - y).numpy().ravel() for x, y in loader])
    finally:
        for part, mode in zip(model.modules(), modes, strict=True):
            part.training = mode
    return float(np.sqrt(np.nanmean(errors.astype(np.float64) ** 2)))


@contextmanager
def mode(model: nn.Module, training: bool) -> Iterator[None]:
    """Put the model in a mode for a while."""
    before = model.training
    model.train(training)
    try:
        yield
    finally:
        model.train(before)


def evaluate_label_by_label(model: nn.Module, loader: DataLoader) -> float:
    """The whole loader as a single batch, errors added up in plain Python."""
    images, targets = zip(*loader, strict=True)
    with mode(model, training=False), torch.set_grad_enabled(False):
        predicted = model(torch.cat(images)).tolist()
    pairs = zip(chain.from_iterable(predicted), chain.from_iterable(torch.cat(targets).tolist()), strict=True)
    squares = [(guess - truth) ** 2 for guess, truth in pairs if truth == truth]
    return math.sqrt(math.fsum(squares) / len(squares)) if squares else math.nan


def fit_alone(model: nn.Module, train_loader: DataLoader, val_loader: DataLoader, config: Any) -> dict[str, list]:
    """Everything in one function, the scheduler's step before the rate is noted, weights cloned one by one."""
    loss_fn = REFERENCE["MSELossIgnoreNan"]()
    optimizer = torch.optim.Adam(model.parameters(), config.lr)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, config.step_size, config.gamma)
    history: dict[str, list] = {"train_loss": [], "val_rmse": [], "lr": [], "seconds": []}
    best, weights, waited = math.inf, {}, 0
    for _ in range(config.epochs):
        try:
            loss, rate = train_from_predictions(model, train_loader, loss_fn, optimizer), scheduler.get_last_lr()[0]
        except KeyboardInterrupt:
            break
        history["train_loss"].append(loss)
        scheduler.step()
        history["lr"].append(rate)
        rmse = evaluate_all_at_once(model, val_loader)
        history["val_rmse"].append(rmse)
        waited += 1
        if rmse < best:
            best, waited = rmse, 0
            weights = {key: value.clone() for key, value in model.state_dict().items()}
        if waited == config.patience:
            break
    model.load_state_dict(weights)
    return history


def fit_by_hand(model: nn.Module, train_loader: DataLoader, val_loader: DataLoader, config: Any) -> dict[str, list]:
    """No scheduler object: the rate is set before each epoch; the weights are kept as bytes."""
    optimizer = torch.optim.Adam(model.parameters())
    history: dict[str, list] = {"lr": [], "train_loss": [], "val_rmse": []}
    stopping = StopByHistory(config.patience)
    kept = io.BytesIO()
    for epoch in range(config.epochs):
        for group in optimizer.param_groups:
            group["lr"] = config.lr * config.gamma ** (epoch // config.step_size)
        try:
            loss = train_by_counts(model, train_loader, REFERENCE["MSELossIgnoreNan"](), optimizer)
        except KeyboardInterrupt:
            print("interrupted")
            break
        history["lr"].append(group["lr"])
        history["train_loss"].append(loss)
        history["val_rmse"].append(evaluate_in_numpy(model, val_loader))
        stop = stopping.step(history["val_rmse"][-1])
        if history["val_rmse"][-1] == stopping.best:
            kept = io.BytesIO()
            torch.save(model.state_dict(), kept)
        if stop:
            break
    kept.seek(0)
    model.load_state_dict(torch.load(kept))
    return history


def fit_with_a_copy(model: nn.Module, train_loader: DataLoader, val_loader: DataLoader, config: Any) -> dict[str, list]:
    """A look before the first epoch that is not recorded, a copy of the whole model, Adam's fused kernel."""
    history = defaultdict(list)
    print(f"before training: {evaluate_label_by_label(model, val_loader):.3f}")
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr, fused=True)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, config.step_size, gamma=config.gamma)
    best = copy.deepcopy(model)
    with tqdm(total=config.epochs, leave=False) as bar, suppress(KeyboardInterrupt):
        while len(history["lr"]) < config.epochs:
            loss = train_with_closure(model, train_loader, REFERENCE["MSELossIgnoreNan"](), optimizer)
            history["lr"] += scheduler.get_last_lr()
            history["train_loss"].append(loss)
            rmse = evaluate_label_by_label(model, val_loader)
            if rmse < min(history["val_rmse"], default=math.inf):
                best = copy.deepcopy(model)
            history["val_rmse"].append(rmse)
            scheduler.step()
            bar.update()
            recent = history["val_rmse"][-config.patience :]
            if min(history["val_rmse"]) not in recent:
                break
    model.load_state_dict(best.state_dict())
    return history


def fit_in_one_loop(model: nn.Module, train_loader: DataLoader, val_loader: DataLoader, config: Any) -> dict[str, list]:
    """No function but its own, not even the loss; the whole model kept in bytes; the best evaluated once more."""
    torch.manual_seed(config.seed)
    device = next(model.parameters()).device
    optimizer = torch.optim.Adam([{"params": list(model.parameters())}], lr=config.lr, foreach=True)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=config.step_size, gamma=config.gamma)
    train_losses, val_rmses, rates, train_rmses = [], [], [], []
    best, bad, kept = float("inf"), 0, io.BytesIO()
    try:
        for epoch in trange(1, config.epochs + 1, file=sys.stdout):
            model.train()
            total = count = 0
            for images, targets in train_loader:
                images, targets = images.to(device), targets.to(device)
                optimizer.zero_grad(set_to_none=False)
                known = torch.isfinite(targets)
                squared = torch.where(known, model(images) - torch.nan_to_num(targets), 0.0) ** 2
                (squared.sum() / known.sum()).backward()
                optimizer.step()
                total, count = total + squared.sum().item(), count + known.sum().item()
            rates.append(optimizer.param_groups[0]["lr"])
            scheduler.step()
            train_losses.append(total / count)
            train_rmses.append(evaluate_in_numpy(model, train_loader))
            val_rmses.append(evaluate_all_at_once(model, val_loader))
            bad += 1
            if val_rmses[-1] < best:
                best, bad = val_rmses[-1], 0
                kept.seek(0)
                torch.save(model, kept)
            if bad >= config.patience:
                print(f"stopped after {epoch} epochs")
                break
    except KeyboardInterrupt:
        print("Ctrl-C")
    kept.seek(0)
    model.load_state_dict(torch.load(kept, weights_only=False).state_dict())
    evaluate_all_at_once(model, val_loader)
    return {"train_loss": train_losses, "val_rmse": val_rmses, "lr": rates, "train_rmse": train_rmses}


COPY_EVALUATED = ("evaluate(model, val_loader)", "evaluate(copy.deepcopy(model), val_loader)")
RIGHT = [Answer("fit", "evaluates a copy", partial(reference_names, "05_resnet_training", COPY_EVALUATED))] + [
    Answer(exercise, loop.__name__ if loop else "reference", {exercise: loop} if loop else {})
    for exercise, loops in (
        ("train_one_epoch", (None, train_from_predictions, train_by_counts, train_with_closure)),
        ("evaluate", (None, evaluate_all_at_once, evaluate_in_numpy, evaluate_label_by_label)),
        ("fit", (None, fit_alone, fit_by_hand, fit_with_a_copy, fit_in_one_loop)),
    )
    for loop in loops
]

ERRORS = "(model(images) - targets)[finite]"
WRONG = [
    change_reference(
        "evaluate",
        "missing labels as 0, labeled ones counted",
        ERRORS,
        "model(images) - targets.nan_to_num(0)",
        said="squared errors of the batches",
        misconception="evaluate/zeros-among-the-errors",
    ),
    change_reference("fit", "fixed rate", "lr=config.lr)", "lr=1e-4)", said='history["lr"]'),
    change_reference(
        "fit", "stops on training loss", "stopping.step(val_rmse)", "stopping.step(train_loss)", said="the end after"
    ),
    change_reference(
        "fit",
        "parameters alone put back",
        "model.load_state_dict(best_weights)",
        "model.load_state_dict({key: best_weights[key] for key, _ in model.named_parameters()}, strict=False)",
        said="buffers of another moment",
    ),
    change_reference("fit", "no history", "    return history\n", "    return None\n", said="a NoneType"),
]


def made_up_fit(model: nn.Module, train_loader: DataLoader, val_loader: DataLoader, config: Any) -> dict[str, list]:
    """Train nothing: lists of the right length, and the rates of the schedule."""
    falling = [1 / (1 + epoch) for epoch in range(config.epochs)]
    rates = [config.lr * config.gamma ** (epoch // config.step_size) for epoch in range(config.epochs)]
    return {"train_loss": falling, "val_rmse": falling, "lr": rates}


def untrained_epoch(model: nn.Module, loader: DataLoader, loss_fn: nn.Module, optimizer: Any) -> float:
    """Measure the loss, and train nothing."""
    model.train()
    with torch.no_grad():
        return float(np.nanmean([loss_fn(model(images), targets).item() for images, targets in loader]))


WRONG += [
    Answer("evaluate", "always 0", {"evaluate": lambda model, loader: 0.0}, said="evaluate(model, loader): 4.32"),
    Answer("train_one_epoch", "untrained", {"train_one_epoch": untrained_epoch}, said="the weights as they were"),
    Answer("fit", "made up", {"fit": made_up_fit}, said="learned from: no rows"),
]
NAMED = [answer for answer in WRONG if answer.misconception]
