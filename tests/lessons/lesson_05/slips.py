"""Slips of beginners in lesson 05 that look like other mistakes, and what one slip may cost at most."""

from __future__ import annotations

from functools import partial

from tests.lessons.answers import Answer, Names, name_answers
from tests.lessons.battery import changed, names_after
from tests.lessons.lesson_05.other_hand import CLONES, EPOCHS, IMPORTS, LOOP, MEAN, NAN_GONE, names_with

SCHEDULER = "scheduler = StepLR(optimizer, config.step_size, config.gamma)"
OPTIMIZER = "optimizer = torch.optim.Adam(model.parameters(), config.lr)"
BACKWARD = "        loss.backward()\n        optimizer.step()\n"
PATIENCE = "            waited += 1\n"
CALL = "loss = loss_fn(model(x), y)"
ITEM = "losses.append(loss.item())"
FACE_BY_FACE = (
    "    roots = [row[~row.isnan()].pow(2).mean().sqrt() for row in errors if not row.isnan().all()]\n"
    "    return float(sum(roots) / len(roots))\n"
)
PRINTED = """    try:
        return TrainConfig(**settings)
    except ValueError as error:
        print(error)
        return
    config = None
"""
SHARED = "self.patience, self.waited, self.best, self.last = patience, 0, None, None"
SLIPS: list[tuple[str, ...]] = [
    ("TrainConfig/errors-returned", "raise ValueError(", "return ValueError("),
    ("FaceDataset/first-face-for-all", "self.pairs[index]", "self.pairs[0]"),
    ("FaceDataset/rows-are-columns", "np.expand_dims(image, 0)", "np.expand_dims(image.T, 0)"),
    ("evaluate/return-inside-the-loop", "for x, y in loader]", "for x, y in list(loader)[:1]]"),
    (
        "evaluate/incomplete-faces-dropped",
        "(model(x) - y).flatten()",
        "(model(x) - y)[~y.isnan().any(dim=1)].flatten()",
    ),
    ("evaluate/mask-turned-round", "errors[~errors.isnan()]", "errors[errors.isnan()]"),
    ("EarlyStopping/says-the-opposite", "self.waited >= self.patience", "self.waited < self.patience"),
    ("EarlyStopping/stops-at-the-first-worse", "self.waited >= self.patience", "self.waited > 0"),
    (
        "EarlyStopping/shared-by-all-objects",
        f"    def __init__(self, patience=5):\n        {SHARED}",
        "    waited, best, last = 0, None, None\n\n"
        "    def __init__(self, patience=5):\n        self.patience = patience",
        "self.waited",
        "EarlyStopping.waited",
        "self.best",
        "EarlyStopping.best",
    ),
    *[
        ("EarlyStopping/best-starts-too-low", SHARED, SHARED.replace("0, None, None", f"0, {large}, None"))
        for large in ("100", "1000", "1e9")
    ],
    ("fit/one-epoch-too-few", EPOCHS, "        for epoch in range(1, config.epochs):\n"),
    ("TrainConfig/error-printed", LOOP, PRINTED),
    ("TrainConfig/floats-for-whole-numbers", "**{key: value}", "**{key: float(value)}"),
    ("FaceDataset/unlabeled-targets-dropped", "torch.from_numpy(y)", "torch.from_numpy(y[~np.isnan(y)])"),
    ("train_one_epoch/step-before-backward", BACKWARD, "        optimizer.step()\n        loss.backward()\n"),
    ("train_one_epoch/loss-after-the-step", ITEM, "losses.append(loss_fn(model(x), y).item())"),
    ("train_one_epoch/arguments-exchanged", CALL, "loss = loss_fn(y, model(x))"),
    ("train_one_epoch/labels-filled-with-zero", CALL, f"y = torch.nan_to_num(y)\n        {CALL}"),
    ("evaluate/square-forgotten", MEAN, "errors.mean().abs().sqrt().item()"),
    ("evaluate/root-of-absolute-errors", MEAN, "errors.abs().mean().sqrt().item()"),
    ("evaluate/mean-of-face-rmses", NAN_GONE + f"    return {MEAN}\n", FACE_BY_FACE, ".flatten() for x", " for x"),
    (
        "EarlyStopping/first-value-kept",
        "if self.best is None or value < self.best:\n            self.best, self.waited = value, 0",
        "if self.best is None or value < self.best:\n            self.best, self.waited = self.best or value, 0",
    ),
    ("EarlyStopping/best-starts-too-low", SHARED, SHARED.replace("0, None, None", "0, 20, None")),
    (
        "fit/best-value-never-updated",
        f"                best, waited = rmse, 0\n                weights = {CLONES}\n",
        f"                weights = {CLONES}\n            waited = 0 if rmse <= min(history['val_rmse']) else waited\n",
    ),
    ("fit/first-rate-noted", '["lr"].append(rate)', '["lr"].append(config.lr)'),
    (
        "fit/optimizer-made-in-the-loop",
        EPOCHS,
        f"{EPOCHS}            {OPTIMIZER}\n",
        "rate = scheduler.get_last_lr()[0]",
        'rate = optimizer.param_groups[0]["lr"]',
    ),
    ("fit/scheduler-made-in-the-loop", EPOCHS, f"{EPOCHS}            {SCHEDULER}\n"),
    ("fit/rate-not-from-config", "model.parameters(), config.lr", "model.parameters()"),
    ("fit/gamma-not-from-config", "config.step_size, config.gamma", "config.step_size"),
    (
        "fit/stops-before-noting",
        '            history["train_loss"].append(total / count)\n',
        "            if waited + 1 == config.patience and rmse >= best:\n                break\n"
        '            history["train_loss"].append(total / count)\n',
    ),
]
NAMED = name_answers((id, partial(names_with, id.partition("/")[0], *changes)) for id, *changes in SLIPS)
NAMED.append(
    Answer(
        "fit",
        "early stopping made in the loop",
        partial(names_with, "fit", PATIENCE, "            waited = 1\n"),
        misconception="fit/early-stopping-ignored",
    )
)

CHECKED = """
@dataclass(frozen=True)
class TrainConfig:
    epochs: int = 50
    lr: float = 1e-4
    step_size: int = 5
    gamma: float = 0.1
    patience: int = 5
    batch_size: int = 32
    val_fraction: float = 0.2
    seed: int = 0

    def __post_init__(self):
        for name in TrainConfig.__dataclass_fields__:
            if not isinstance(getattr(self, name), (int, float)):
                raise ValueError(name)
        if self.epochs < 1:
            raise ValueError("epochs")
        if self.lr <= 0:
            raise ValueError("lr")
        if self.step_size < 1:
            raise ValueError("step_size")
        if self.gamma <= 0 or self.gamma > 1:
            raise ValueError("gamma")
        if self.patience < 1:
            raise ValueError("patience")
        if self.batch_size < 1:
            raise ValueError("batch_size")
        if self.val_fraction <= 0 or self.val_fraction >= 1:
            raise ValueError("val_fraction")
        if self.seed < 0:
            raise ValueError("seed")


def load_config(path):
    with open(path) as file:
        settings = yaml.safe_load(file) or {}
    for key in settings:
        if key not in TrainConfig.__dataclass_fields__:
            raise ValueError(key)
    return TrainConfig(**settings)
"""
CHECKS_OFF = {
    "seed-0-refused": ("self.seed < 0", "self.seed <= 0"),
    "first-of-a-range-refused": ("< 1:", "<= 1:"),
    "shares-unchecked": ("<= 0 or self.", "<= 0 and self."),
}


def checked_with(*changes: str) -> Names:
    """Return the lesson's names with a TrainConfig that checks field by field, changed."""
    return names_after("05_resnet_training", IMPORTS + changed(CHECKED, *changes))


RIGHT = [Answer("TrainConfig", "field by field", checked_with, seeds=3)]
NAMED += [
    Answer("TrainConfig", f"field by field: {id}", partial(checked_with, *changes), misconception=f"TrainConfig/{id}")
    for id, changes in CHECKS_OFF.items()
]
WRONG = [
    Answer(
        "TrainConfig",
        "default refused",
        partial(checked_with, "self.seed < 0", "self.seed <= 0"),
        said="ValueError: seed",
    ),
]
