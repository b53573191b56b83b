"""The mistakes of lesson 05 made in other right answers: a diagnosis knows the mistake, not how it is written."""

from __future__ import annotations

from functools import partial

from tests.lessons.answers import Answer, Names, name_answers
from tests.lessons.battery import changed, names_after

IMPORTS = """
from dataclasses import dataclass, replace
import numpy as np
import torch
import yaml
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader, Dataset
from torch.optim.lr_scheduler import StepLR
"""

# Right answers in another style than the reference, for the mistakes to be made in.
OTHER = {
    "TrainConfig": """
@dataclass(frozen=True)
class TrainConfig:
    epochs: int = 60
    lr: float = 0.0001
    step_size: int = 5
    gamma: float = 0.1
    patience: int = 5
    batch_size: int = 16
    val_fraction: float = 0.2
    seed: int = 42

    def __post_init__(self):
        for name in ("epochs", "lr", "step_size", "gamma", "patience", "batch_size"):
            if isinstance(getattr(self, name), str):
                raise ValueError(f"{name} must be a number")
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")
        if not 0 < self.val_fraction < 1:
            raise ValueError("val_fraction must lie between 0 and 1")
        for name, wrong in (("gamma", self.gamma > 1), ("seed", self.seed < 0)):
            if wrong:
                raise ValueError(f"{name} is out of its range")


def load_config(path):
    with open(path) as file:
        settings = yaml.safe_load(file) or {}
    unknown = set(settings) - set(TrainConfig.__dataclass_fields__)
    if unknown:
        raise ValueError(f"unknown: {unknown}")
    config = TrainConfig()
    for key, value in settings.items():
        config = replace(config, **{key: value})
    return config
""",
    "FaceDataset": """
class FaceDataset(Dataset):
    def __init__(self, images, keypoints):
        self.pairs = list(zip(images, keypoints))

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        image, points = self.pairs[index]
        x = np.expand_dims(image, 0).astype("float32")
        y = points.astype("float32").flatten()
        return torch.from_numpy(x), torch.from_numpy(y)
""",
    "train_one_epoch": """
def train_one_epoch(model, loader, loss_fn, optimizer):
    model.train()
    losses, counts = [], []
    for x, y in loader:
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        counts.append(float((~torch.isnan(y)).sum()))
    return float(np.dot(losses, counts) / np.sum(counts))
""",
    "evaluate": """
def evaluate(model, loader):
    before = model.training
    model.eval()
    with torch.inference_mode():
        errors = torch.cat([(model(x) - y).flatten() for x, y in loader])
    model.train(before)
    errors = errors[~errors.isnan()]
    return errors.pow(2).mean().sqrt().item()
""",
    "EarlyStopping": """
class EarlyStopping:
    def __init__(self, patience=5):
        self.patience, self.waited, self.best, self.last = patience, 0, None, None

    def step(self, value):
        self.waited += 1
        if self.best is None or value < self.best:
            self.best, self.waited = value, 0
        self.last = value
        return self.waited >= self.patience
""",
    "fit": """
def fit(model, train_loader, val_loader, config):
    optimizer = torch.optim.Adam(model.parameters(), config.lr)
    scheduler = StepLR(optimizer, config.step_size, config.gamma)
    loss_fn = MSELossIgnoreNan()
    history = {"train_loss": [], "val_rmse": [], "lr": []}
    best, waited, weights = float("inf"), 0, None
    try:
        for epoch in range(config.epochs):
            model.train()
            total = count = 0
            for x, y in train_loader:
                optimizer.zero_grad()
                loss = loss_fn(model(x), y)
                loss.backward()
                optimizer.step()
                n = int(torch.isfinite(y).sum())
                total, count = total + loss.item() * n, count + n
            rate = scheduler.get_last_lr()[0]
            scheduler.step()
            rmse = evaluate(model, val_loader)
            history["train_loss"].append(total / count)
            history["val_rmse"].append(rmse)
            history["lr"].append(rate)
            waited += 1
            if rmse < best:
                best, waited = rmse, 0
                weights = {key: value.clone() for key, value in model.state_dict().items()}
            if waited == config.patience:
                break
    except KeyboardInterrupt:
        pass
    if weights:
        model.load_state_dict(weights)
    return history
""",
}

UNKNOWN = '    if unknown:\n        raise ValueError(f"unknown: {unknown}")\n'
LOOP = (
    "    config = TrainConfig()\n    for key, value in settings.items():\n"
    "        config = replace(config, **{key: value})\n"
)
GAMMA_AND_SEED = '            if wrong:\n                raise ValueError(f"{name} is out of its range")\n'
POSITIVE = 'if getattr(self, name) <= 0:\n                raise ValueError(f"{name} must be positive")'
SHARE = 'if not 0 < self.val_fraction < 1:\n            raise ValueError("val_fraction must lie between 0 and 1")'
ERRORS = "torch.cat([(model(x) - y).flatten() for x, y in loader])"
MEAN = "errors.pow(2).mean().sqrt().item()"
NAN_GONE = "    errors = errors[~errors.isnan()]\n"
NEW_BEST = "self.best, self.waited = value, 0"
SCHEDULE = "            scheduler.step()\n"
STEP = "                optimizer.step()\n"
CLONES = "{key: value.clone() for key, value in model.state_dict().items()}"
EPOCHS = "        for epoch in range(config.epochs):\n"
MISTAKES: list[tuple[str, ...]] = [
    ("TrainConfig/not-frozen", "@dataclass(frozen=True)", "@dataclass"),
    (
        "TrainConfig/unknown-keys-ignored",
        UNKNOWN,
        "",
        "for key, value in settings.items():",
        "for key, value in settings.items():\n        if not hasattr(config, key):\n            continue",
    ),
    (
        "TrainConfig/unknown-keys-left-to-python",
        UNKNOWN + LOOP + "    return config",
        "    return TrainConfig(**settings)",
    ),
    ("TrainConfig/unknown-key-not-named", 'f"unknown: {unknown}"', '"check the spelling of your keys"'),
    (
        "TrainConfig/value-not-named",
        *(
            "{name} must be",
            "all numbers must be",
            "val_fraction must lie",
            "must lie",
            "{name} is out",
            "a value is out",
        ),
    ),
    (
        "TrainConfig/ranges-unchecked",
        *(
            "isinstance(getattr(self, name), str)",
            "False",
            POSITIVE,
            "pass",
            SHARE,
            "pass",
            GAMMA_AND_SEED,
            "            pass\n",
        ),
    ),
    (
        "TrainConfig/only-signs-checked",
        *("if not 0 < self.val_fraction < 1", "if self.val_fraction <= 0", "self.gamma > 1", "False"),
    ),
    (
        "TrainConfig/assert-for-values",
        POSITIVE,
        "assert getattr(self, name) > 0",
        SHARE,
        "assert 0 < self.val_fraction < 1",
        GAMMA_AND_SEED,
        "            assert not wrong\n",
    ),
    ("TrainConfig/dict-returned", "    return config", "    return settings"),
    ("TrainConfig/file-ignored", "        config = replace", "        replace"),
    ("FaceDataset/no-channel-axis", "np.expand_dims(image, 0)", "image"),
    ("FaceDataset/channels-last", "np.expand_dims(image, 0)", "image[..., None]"),
    ("FaceDataset/labels-filled-with-zero", "points.astype", "np.where(np.isnan(points), 0, points).astype"),
    ("FaceDataset/all-x-before-all-y", "points.astype", "np.concatenate([points[:, 0], points[:, 1]]).astype"),
    ("FaceDataset/targets-not-flat", ".flatten()", ""),
    ("FaceDataset/float64", '"float32"', "float"),
    ("FaceDataset/integer-targets", 'points.astype("float32")', "np.nan_to_num(points).astype(int)"),
    (
        "FaceDataset/incomplete-faces-dropped",
        "list(zip(images, keypoints))",
        "[pair for pair in zip(images, keypoints) if not np.isnan(pair[1]).any()]",
    ),
    ("FaceDataset/scaled-again", '.astype("float32")\n        y', '.astype("float32") / 255\n        y'),
    ("train_one_epoch/mean-of-batch-means", "np.dot(losses, counts) / np.sum(counts)", "np.mean(losses)"),
    ("train_one_epoch/weighted-by-faces", "float((~torch.isnan(y)).sum())", "y.numel()"),
    ("train_one_epoch/divided-by-faces", "np.sum(counts)", "len(loader.dataset)"),
    ("train_one_epoch/sum-of-batch-losses", "np.dot(losses, counts) / np.sum(counts)", "sum(losses)"),
    ("train_one_epoch/loss-of-the-last-batch", "float(np.dot(losses, counts) / np.sum(counts))", "losses[-1]"),
    ("train_one_epoch/no-zero-grad", "        optimizer.zero_grad()\n", ""),
    (
        "train_one_epoch/cleared-before-the-step",
        "        optimizer.step()\n        optimizer.zero_grad()\n",
        "        model.zero_grad()\n        optimizer.step()\n",
    ),
    ("train_one_epoch/no-step", "        optimizer.step()\n", ""),
    ("train_one_epoch/no-backward", "        loss.backward()\n", ""),
    ("train_one_epoch/return-inside-the-loop", "    return float", "        return float"),
    ("train_one_epoch/train-mode-forgotten", "    model.train()\n", ""),
    ("train_one_epoch/trained-in-eval-mode", "model.train()", "model.train(False)"),
    (
        "train_one_epoch/tensor-returned",
        "loss.item()",
        "loss",
        "float(np.dot(losses, counts) / np.sum(counts))",
        "sum(loss * count for loss, count in zip(losses, counts)) / sum(counts)",
    ),
    ("evaluate/eval-mode-forgotten", "    model.eval()\n", ""),
    ("evaluate/mode-not-restored", "    model.train(before)\n", ""),
    ("evaluate/always-back-to-train", "model.train(before)", "model.train()"),
    ("evaluate/gradients-recorded", "with torch.inference_mode():", "if True:"),
    (
        "evaluate/mean-of-batch-rmses",
        ERRORS,
        "torch.stack([(model(x) - y)[~y.isnan()].pow(2).mean().sqrt() for x, y in loader])",
        MEAN,
        "errors.mean().item()",
    ),
    (
        "evaluate/mean-of-batch-means",
        ERRORS,
        "torch.stack([torch.nanmean((model(x) - y) ** 2) for x, y in loader])",
        MEAN,
        "errors.mean().sqrt().item()",
    ),
    ("evaluate/root-forgotten", ".mean().sqrt()", ".mean()"),
    ("evaluate/missing-labels-as-zero", "(model(x) - y)", "(model(x) - torch.nan_to_num(y))"),
    ("evaluate/missing-labels-counted", NAN_GONE, "    errors = torch.where(errors.isnan(), 0.0, errors)\n"),
    ("evaluate/nan-in-the-sum", NAN_GONE, ""),
    ("evaluate/absolute-error", MEAN, "errors.abs().mean().item()"),
    ("EarlyStopping/equal-is-a-new-best", "value < self.best", "not value > self.best"),
    ("EarlyStopping/higher-is-better", "value < self.best", "value > self.best"),
    ("EarlyStopping/count-never-restarts", NEW_BEST, "self.best = value\n            self.waited -= 1"),
    ("EarlyStopping/one-call-too-late", "self.waited >= self.patience", "self.waited == self.patience + 1"),
    ("EarlyStopping/one-call-too-early", "self.waited >= self.patience", "self.waited + 1 >= self.patience"),
    ("EarlyStopping/compared-with-the-last", "value < self.best", "value < self.last"),
    ("EarlyStopping/patience-ignored", "= patience, 0", "= 5, 0"),
    ("EarlyStopping/every-call-counted", NEW_BEST, "self.best = value"),
    ("EarlyStopping/nothing-returned", "return self.waited >= self.patience", "stop = self.waited >= self.patience"),
    ("fit/best-weights-by-reference", CLONES, "dict(model.state_dict())"),
    ("fit/best-weights-by-reference", CLONES, "{key: value.detach() for key, value in model.named_parameters()}"),
    (
        "fit/best-weights-by-reference",
        CLONES,
        "model",
        "load_state_dict(weights)",
        "load_state_dict(weights.state_dict())",
    ),
    ("fit/last-weights-kept", "    if weights:\n        model.load_state_dict(weights)\n", ""),
    ("fit/last-weights-kept", CLONES, "None"),
    ("fit/scheduler-never-steps", SCHEDULE, ""),
    ("fit/scheduler-steps-per-batch", SCHEDULE, "", STEP, STEP + "                scheduler.step()\n"),
    ("fit/scheduler-before-training", SCHEDULE, "", EPOCHS, EPOCHS + SCHEDULE),
    ("fit/sgd-for-adam", "Adam", "SGD"),
    ("fit/adamw-for-adam", "config.lr)", "config.lr, weight_decay=0.01, decoupled_weight_decay=True)"),
    (
        "fit/new-optimizer-every-epoch",
        EPOCHS,
        EPOCHS + "            rate = scheduler.get_last_lr()[0]\n"
        "            for group in (optimizer := torch.optim.Adam(model.parameters(), rate)).param_groups:\n"
        "                scheduler.optimizer, group['initial_lr'] = optimizer, config.lr\n",
    ),
    ("fit/plain-mse", "MSELossIgnoreNan()", "nn.functional.mse_loss"),
    ("fit/early-stopping-ignored", "            if waited == config.patience:\n                break\n", ""),
    ("fit/patience-not-from-config", "waited == config.patience", "waited >= 5"),
    (
        "fit/loaders-exchanged",
        "    best, waited, weights",
        "    train_loader, val_loader = val_loader, train_loader\n    best, waited, weights",
    ),
    ("fit/measured-on-training-rows", "evaluate(model, val_loader)", "evaluate(model, train_loader)"),
    (
        "fit/validation-rows-leaked",
        "    best, waited, weights",
        "    train_loader = DataLoader(\n"
        "        ConcatDataset([train_loader.dataset, val_loader.dataset]), config.batch_size\n    )\n"
        "    best, waited, weights",
    ),
    (
        "fit/measured-before-training",
        EPOCHS,
        "        history['val_rmse'].append(evaluate(model, val_loader))\n" + EPOCHS,
    ),
    (
        "train_one_epoch/last-batch-dropped",
        "in loader:\n",
        "in list(loader)[: len(loader.dataset) // loader.batch_size]:\n",
    ),
    ("train_one_epoch/never-divided", " / np.sum(counts)", ""),
    (
        "train_one_epoch/root-taken",
        "np.dot(losses, counts) / np.sum(counts)",
        "(np.dot(losses, counts) / np.sum(counts)) ** 0.5",
    ),
    ("evaluate/divided-by-faces", MEAN, "(errors.pow(2).sum() / len(loader.dataset)).sqrt().item()"),
    ("evaluate/never-divided", MEAN, "errors.norm().item()"),
    (
        "evaluate/sum-of-batch-means",
        ERRORS,
        "torch.stack([torch.nanmean((model(x) - y) ** 2) for x, y in loader])",
        MEAN,
        "errors.sum().sqrt().item()",
    ),
    ("evaluate/last-batch-alone", ERRORS, "[(model(x) - y).flatten() for x, y in loader][-1]"),
    ("fit/step-size-ignored", "config.step_size, config.gamma", "1, config.gamma"),
    ("fit/rate-only-noted", "StepLR(optimizer", "StepLR(torch.optim.Adam(model.parameters(), config.lr)"),
    ("fit/rmse-noted-as-loss", '["train_loss"].append(total / count)', '["train_loss"].append(rmse)'),
    ("fit/root-of-the-loss", '["train_loss"].append(total / count)', '["train_loss"].append((total / count) ** 0.5)'),
    ("fit/validation-error-squared", "rmse = evaluate(model, val_loader)", "rmse = evaluate(model, val_loader) ** 2"),
    (
        "fit/only-the-last-numbers",
        "    return history",
        "    return {'train_loss': total / count, 'val_rmse': rmse, 'lr': config.lr}",
    ),
]


def names_with(exercise: str, *changes: str) -> Names:
    """Return the lesson's names with the other answer, changed."""
    return names_after("05_resnet_training", IMPORTS + changed(OTHER[exercise], *changes))


RIGHT = [Answer(exercise, "other hand", partial(names_with, exercise), seeds=1) for exercise in OTHER]
NAMED = name_answers((id, partial(names_with, id.partition("/")[0], *changes)) for id, *changes in MISTAKES)
