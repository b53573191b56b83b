"""Mistakes of lesson 02's catalogue in another hand: a diagnosis knows the mistake, not one spelling of it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from tests.lessons.answers import name_answers

Loss = Callable[[Tensor, Tensor], Tensor]


def count_naming_pairs(condition: Callable[[float, float], bool]) -> Callable[[np.ndarray], np.ndarray]:
    """Return a count of the pairs that fulfill the condition, in plain loops."""
    return lambda keypoints: np.array([sum(condition(x, y) for x, y in face) for face in keypoints.tolist()])


def fill_table(fill: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[np.ndarray], np.ndarray]:
    """Return a forward_fill that does ``fill`` to the targets as a table."""
    return lambda targets: fill(pd.DataFrame(targets.copy())).to_numpy(np.float32)


def fill_in_place(targets: np.ndarray) -> np.ndarray:
    rows = range(1, len(targets))
    for row, neighbor in [*((row, row - 1) for row in rows), *((row - 1, row) for row in reversed(rows))]:
        missing = np.isnan(targets[row])
        targets[row, missing] = targets[neighbor, missing]
    return targets


def fill_by_index(targets: np.ndarray) -> np.ndarray:
    filled = targets.copy()
    for d in range(targets.shape[1]):
        values = [value for value in targets[:, d] if not math.isnan(value)]
        last = values[0]
        for n in range(len(targets)):
            last = last if math.isnan(filled[n, d]) else filled[n, d]
            filled[n, d] = last
    return filled


def fill_unless_complete(targets: np.ndarray) -> np.ndarray:
    if not np.isnan(targets).any():
        return targets
    return pd.DataFrame(targets).ffill().bfill().values


def loss(forward: Loss) -> type[nn.Module]:
    """Return a module of that forward."""
    return type("MSELossIgnoreNan", (nn.Module,), {"forward": lambda self, pred, target: forward(pred, target)})


def there(target: Tensor) -> Tensor:
    return ~torch.isnan(target)


def loss_by_rows(pred: Tensor, target: Tensor) -> Tensor:
    mask = there(target)
    squared = torch.where(mask, pred - target, 0.0) ** 2
    rows = mask.reshape(len(mask), -1).sum(dim=1)
    means = squared.reshape(len(mask), -1).sum(dim=1) / rows.clamp(min=1)
    return means.sum() / (rows > 0).sum().clamp(min=1)


def loss_of_leaves(pred: Tensor, target: Tensor) -> Tensor:
    mask = there(target)
    return torch.tensor(mse_loss(pred[mask], target[mask]).item() if mask.any() else 0.0)


def loss_zeroing_both(pred: Tensor, target: Tensor) -> Tensor:
    missing, clean = torch.isnan(target), torch.nan_to_num(target)
    pred[missing] = 0.0
    return mse_loss(pred, clean, reduction="sum") / (~missing).sum().clamp(min=1)


def loss_zeroing_target(pred: Tensor, target: Tensor) -> Tensor:
    mask = there(target)
    target.masked_fill_(~mask, 0.0)
    return (((pred - target) * mask) ** 2).sum() / mask.sum().clamp(min=1)


def loss_or(empty: Loss) -> Loss:
    """Return the right loss that answers ``empty`` where there is no label."""

    def forward(pred: Tensor, target: Tensor) -> Tensor:
        mask = there(target)
        return empty(pred, target) if mask.sum() == 0 else mse_loss(pred[mask], target[mask])

    return forward


def errors(pred: np.ndarray, target: np.ndarray) -> list[float]:
    """Return the errors of the labeled coordinates."""
    return [float(p) - float(t) for p, t in zip(pred.ravel(), target.ravel(), strict=True) if not math.isnan(t)]


def rmse_of(values: list[float]) -> float:
    return math.sqrt(sum(value * value for value in values) / len(values)) if values else math.nan


def mean_of(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def rmse_zeroing(pred: np.ndarray, target: np.ndarray) -> float:
    result = rmse_of(errors(pred, target))
    np.nan_to_num(target, copy=False)
    return result


def each(error: Callable[[np.ndarray, np.ndarray], float]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return a per_keypoint_rmse that takes ``error`` of each keypoint's (N, 2)."""
    return lambda p, t: np.array([error(p[:, k], t[:, k]) for k in range(t.shape[1])])


def keypoint_zeroing(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    result = each(lambda p, t: rmse_of(errors(p, t)))(pred, target)
    target[np.isnan(target)] = 0
    return result


_SPELLED: dict[str, list[Callable]] = {
    "count_labels/coordinates": [lambda k: np.count_nonzero(~np.isnan(k.reshape(len(k), -1)), axis=1)],
    "count_labels/half-keypoints": [count_naming_pairs(lambda x, y: not (math.isnan(x) and math.isnan(y)))],
    "count_labels/coordinates-halved": [lambda k: np.floor(np.isfinite(k).sum(axis=(1, 2)) * 0.5).astype(int)],
    "count_labels/coordinates-divided": [lambda k: (~np.isnan(k)).mean(axis=2).sum(axis=1)],
    "count_labels/floats": [lambda k: np.isfinite(k.sum(axis=2)).astype(float).sum(axis=1)],
    "count_labels/x-alone": [count_naming_pairs(lambda x, y: not math.isnan(x))],
    "count_labels/zero-taken-for-missing": [
        count_naming_pairs(lambda x, y: x > 0 and y > 0),
        lambda k: (k > 0).all(axis=2).sum(axis=1),
    ],
    "count_labels/compared-with-nan": [
        count_naming_pairs(lambda x, y: x != math.nan and y != math.nan),
        lambda k: np.array([len(face) for face in k]),
    ],
    "count_labels/missing-counted": [count_naming_pairs(lambda x, y: math.isnan(x) or math.isnan(y))],
    "count_labels/for-each-keypoint": [lambda k: np.isfinite(k.sum(axis=2)).sum(axis=0)],
    "count_labels/for-all-faces": [lambda k: int(np.isfinite(k.sum(axis=2)).sum())],
    "forward_fill/along-rows": [fill_table(lambda t: t.ffill(axis=1)), fill_table(lambda t: t.T.ffill().bfill().T)],
    "forward_fill/across-columns": [lambda t: pd.Series(t.ravel()).ffill().to_numpy().reshape(t.shape)],
    "forward_fill/from-below": [fill_table(lambda t: t.bfill().ffill()), fill_table(lambda t: t.bfill())],
    "forward_fill/one-row-up": [fill_table(lambda t: t.fillna(t.shift(1))), fill_table(lambda t: t.ffill(limit=1))],
    "forward_fill/top-left-empty": [fill_table(lambda t: t.ffill())],
    "forward_fill/top-zero": [fill_table(lambda t: t.ffill().fillna(0))],
    "forward_fill/zeros": [fill_table(lambda t: t.fillna(0)), lambda t: np.where(np.isnan(t), 0, t)],
    "forward_fill/column-mean": [fill_table(lambda t: t.fillna(t.mean()))],
    "forward_fill/empty-column-zero": [fill_table(lambda t: t.ffill().bfill().fillna(0))],
    "forward_fill/empty-column-fails": [fill_by_index],
    "forward_fill/rows-dropped": [fill_table(lambda t: t.dropna())],
    "forward_fill/table": [lambda targets: pd.DataFrame(targets).ffill().bfill()],
    "forward_fill/in-place": [fill_in_place],
    "forward_fill/input-returned": [fill_unless_complete],
    "MSELossIgnoreNan/nothing-masked": [nn.MSELoss, loss(mse_loss)],
    "MSELossIgnoreNan/multiplied-by-a-mask": [
        loss(lambda p, t: ((p - t).square() * there(t)).sum() / there(t).sum()),
        loss(lambda p, t: torch.mul(mse_loss(p, t, reduction="none"), there(t)).sum() / there(t).sum()),
    ],
    "MSELossIgnoreNan/zeros-for-labels": [loss(lambda p, t: mse_loss(p, t.masked_fill(torch.isnan(t), 0)))],
    "MSELossIgnoreNan/zeros-for-labels-not-counted": [
        loss(lambda p, t: mse_loss(p, torch.where(there(t), t, 0.0), reduction="sum") / there(t).sum())
    ],
    "MSELossIgnoreNan/divided-by-all": [
        loss(lambda p, t: torch.where(there(t), p - t, 0.0).square().mean()),
        loss(lambda p, t: mse_loss(p * there(t), torch.nan_to_num(t))),
    ],
    "MSELossIgnoreNan/divided-by-the-batch": [loss(lambda p, t: torch.nan_to_num(p - t).pow(2).sum() / t.shape[0])],
    "MSELossIgnoreNan/sum": [loss(lambda p, t: mse_loss(p[there(t)], t[there(t)], reduction="sum"))],
    "MSELossIgnoreNan/root": [loss(lambda p, t: torch.sqrt(mse_loss(p[there(t)], t[there(t)])))],
    "MSELossIgnoreNan/absolute": [loss(lambda p, t: l1_loss(p[there(t)], t[there(t)]))],
    "MSELossIgnoreNan/mean-of-face-means": [loss(loss_by_rows)],
    "MSELossIgnoreNan/nan-thrown-away-late": [
        loss(lambda p, t: torch.nan_to_num((p - t) ** 2).sum() / there(t).sum().clamp(min=1)),
        loss(lambda p, t: torch.nanmean((p - t) ** 2)),
        loss(lambda p, t: torch.where(there(t), (p - t).pow(2), 0).sum() / there(t).sum()),
        loss(lambda p, t: mse_loss(p, t, reduction="none").nansum() / there(t).sum()),
    ],
    "MSELossIgnoreNan/nothing-finite-is-nan": [
        loss(lambda p, t: mse_loss(p[there(t)], t[there(t)])),
        loss(lambda p, t: ((p - torch.nan_to_num(t)) * there(t)).square().sum() / there(t).sum()),
    ],
    "MSELossIgnoreNan/nothing-finite-is-constant": [
        loss(loss_or(lambda p, t: torch.zeros(()))),
        loss(loss_or(lambda p, t: torch.tensor(0.0, dtype=p.dtype))),
    ],
    "MSELossIgnoreNan/nothing-finite-is-a-number": [loss(loss_or(lambda p, t: 0)), loss(loss_or(lambda p, t: 0.0))],
    "MSELossIgnoreNan/cut-from-the-graph": [loss(loss_of_leaves)],
    "MSELossIgnoreNan/python-number": [loss(lambda p, t: float(mse_loss(p[there(t)], t[there(t)])))],
    "MSELossIgnoreNan/target-overwritten": [loss(loss_zeroing_target)],
    "MSELossIgnoreNan/pred-overwritten": [loss(loss_zeroing_both)],
    "rmse/nothing-masked": [lambda p, t: float(np.linalg.norm(p - t) / t.size**0.5)],
    "rmse/root-forgotten": [lambda p, t: float(np.nanmean((p - t) ** 2))],
    "rmse/absolute": [lambda p, t: float(np.nanmean(np.abs(p - t)))],
    "rmse/divided-by-all": [lambda p, t: float(np.sqrt(np.mean(np.nan_to_num(p - t) ** 2)))],
    "rmse/zeros-for-labels": [lambda p, t: rmse_of((p - np.where(np.isnan(t), 0, t)).ravel().tolist())],
    "rmse/mean-of-face-errors": [
        lambda p, t: mean_of([rmse_of(errors(*face)) for face in zip(p, t, strict=True)]),
        lambda p, t: float(np.nanmean(np.sqrt(np.nanmean((p - t) ** 2, axis=tuple(range(1, t.ndim)))))),
    ],
    "rmse/mean-of-keypoint-errors": [lambda p, t: float(np.nanmean(np.sqrt(np.nanmean((p - t) ** 2, axis=(0, 2)))))],
    "rmse/mean-of-column-errors": [
        lambda p, t: mean_of(
            [rmse_of(errors(*column)) for column in zip(p.reshape(len(p), -1).T, t.reshape(len(t), -1).T, strict=True)]
        )
    ],
    "rmse/distances": [lambda p, t: float(np.nanmean(np.sqrt(((p - t) ** 2).sum(axis=-1))))],
    "rmse/zero-without-labels": [
        lambda p, t: float(np.nan_to_num(np.sqrt(np.nanmean((p - t) ** 2)))),
        lambda p, t: math.sqrt(sum(e * e for e in errors(p, t)) / max(len(errors(p, t)), 1)),
    ],
    "rmse/fails-without-labels": [lambda p, t: math.sqrt(sum(e * e for e in errors(p, t)) / len(errors(p, t)))],
    "rmse/an-array": [lambda p, t: np.nanmean(np.square(p - t), 0) ** 0.5],
    "rmse/target-overwritten": [rmse_zeroing],
    "per_keypoint_rmse/nothing-masked": [each(lambda p, t: np.sqrt(np.square(p - t).mean()))],
    "per_keypoint_rmse/root-forgotten": [lambda p, t: np.nanmean((p - t) ** 2, axis=(0, 2))],
    "per_keypoint_rmse/absolute": [lambda p, t: np.nanmean(np.abs(p - t), axis=(0, 2))],
    "per_keypoint_rmse/one-for-each-face": [lambda p, t: np.sqrt(np.nanmean((p - t) ** 2, axis=(1, 2)))],
    "per_keypoint_rmse/one-for-each-coordinate": [lambda p, t: np.sqrt(np.nanmean((p - t) ** 2, axis=0))],
    "per_keypoint_rmse/two-for-each-face": [lambda p, t: np.nanmean(np.square(p - t), 1) ** 0.5],
    "per_keypoint_rmse/one-for-each-point": [
        lambda p, t: np.array(
            [[rmse_of(errors(*pair)) for pair in zip(*face, strict=True)] for face in zip(p, t, strict=True)]
        )
    ],
    "per_keypoint_rmse/one-for-all": [lambda p, t: np.sqrt(np.nanmean((p - t) ** 2))],
    "per_keypoint_rmse/mean-of-x-and-y": [
        each(lambda p, t: (rmse_of(errors(p[:, 0], t[:, 0])) + rmse_of(errors(p[:, 1], t[:, 1]))) / 2)
    ],
    "per_keypoint_rmse/mean-of-face-errors": [
        each(lambda p, t: mean_of([rmse_of(errors(*face)) for face in zip(p, t, strict=True)]))
    ],
    "per_keypoint_rmse/distances": [lambda p, t: np.nanmean(np.sqrt(((p - t) ** 2).sum(axis=2)), axis=0)],
    "per_keypoint_rmse/divided-by-faces": [lambda p, t: np.sqrt(np.nanmean(((p - t) ** 2).sum(axis=2), axis=0))],
    "per_keypoint_rmse/divided-by-all": [lambda p, t: np.sqrt(np.mean(np.nan_to_num(p - t) ** 2, axis=(0, 2)))],
    "per_keypoint_rmse/zeros-for-labels": [each(lambda p, t: rmse_of((p - np.nan_to_num(t)).ravel().tolist()))],
    "per_keypoint_rmse/zero-where-never-labeled": [
        lambda p, t: np.nan_to_num(np.sqrt(np.nanmean((p - t) ** 2, axis=(0, 2))))
    ],
    "per_keypoint_rmse/target-overwritten": [keypoint_zeroing],
}


NAMED = name_answers(
    (mistake, {mistake.partition("/")[0]: answer}) for mistake, answers in _SPELLED.items() for answer in answers
)
