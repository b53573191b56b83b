"""Slips of beginners in lesson 05 that look like other mistakes, and what one slip may cost at most."""

from __future__ import annotations

from functools import partial

from tests.lessons.answers import Answer, change_reference, name_answers
from tests.lessons.lesson_05.other_hand import CLONES, EPOCHS, LOOP, MEAN, NAN_GONE, names_with

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
SLIPS: list[tuple[str, ...]] = [
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
    (
        "EarlyStopping/best-starts-too-low",
        "self.patience, self.waited, self.best, self.last = patience, 0, None, None",
        "self.patience, self.waited, self.best, self.last = patience, 0, 20, None",
    ),
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

START = "self.best = math.inf"
WRONG = [
    *[
        change_reference("EarlyStopping", f"best starts at {large}", START, f"self.best = {large}", said="True at call")
        for large in ("100", "1000", "1e9")
    ],
    change_reference(
        "EarlyStopping",
        "inverse",
        "calls_since_best >= self.patience",
        "calls_since_best < self.patience",
        said="call 1",
    ),
]
# An answer with one slip, the text that it changes in the reference, and the share of the points that stays at least.
CLIFFS = [
    ("TrainConfig", '"seed": 0}', '"seed": 1}', 0.7),
    ("FaceDataset", "return len(self.images)", "return self.targets.shape[1] // 2", 0.7),
    (
        "FaceDataset",
        "return self.images[index], self.targets[index]",
        "return self.images[index], self.targets[index][torch.isfinite(self.targets[index])]",
        0.7,
    ),
    ("evaluate", "errors.square().sum()", "errors.abs().sum()", 0.6),
    ("evaluate", "float(errors.square().sum())", "abs(float(errors.sum()))", 0.6),
    ("EarlyStopping", "self.calls_since_best >= self.patience", "self.calls_since_best > self.patience", 0.4),
]
